"""Functions of values, of pairs and along axes; what their derivatives need (PyTorch's derivatives.yaml)."""

from __future__ import annotations

from cnncost.execution.call import Autograd, Call, Gradient
from cnncost.execution.eager.rule import PreservesFormat, Rule, runs
from cnncost.execution.strides import Strides, iterated
from cnncost.ops.arithmetic import Combine, Pointwise, Reduce
from cnncost.ops.sizes import elements

KEEP_OUTPUT = {"exp", "sqrt", "rsqrt", "reciprocal"}
"""Functions whose derivative PyTorch finds from the output; others save the input, if anything."""

INNER = {
    "abs": 1, "sin": 1, "sqrt": 1, "cos": 2, "pow": 2, "square": 2, "reciprocal": 2, "rsqrt": 2, "atan": 2,
    "erf": 4,
}  # fmt: skip
"""Tensors of the input's size that the derivative makes on its way to the gradient."""


@runs(Pointwise)
class FunctionOfValues(PreservesFormat[Pointwise]):
    """A mask has a byte per value; the number is a tensor of one value."""

    def temporary(self, call: Call[Pointwise]) -> int:
        # The mask of what is above the threshold, and a zero.
        return elements(call.output) + call.element_bytes if call.op.function == "threshold" else 0

    def autograd(self, call: Call[Pointwise]) -> Autograd:
        function, mask, number = call.op.function, elements(call.output), call.element_bytes
        if function == "add":
            return Autograd(gradient=Gradient.SAME)
        if function in ("neg", "rsub"):
            return Autograd()
        if function == "threshold":
            return Autograd(extra=(mask,), forward=number, backward=number)
        if function in ("minimum", "maximum"):
            return Autograd((0,), backward=mask + number)
        inner = INNER.get(function, 0) * call.output_bytes
        if function in KEEP_OUTPUT:
            return Autograd(output=True, backward=inner)
        return Autograd((0,), backward=inner)

    def input_first(self, call: Call[Pointwise]) -> bool:
        return call.op.function in ("erf", "threshold", "minimum", "maximum")


@runs(Combine)
class FunctionOfPairs(PreservesFormat[Combine]):
    """Inputs of size 1 are broadcast; a mask has a byte per value."""

    def temporary(self, call: Call[Combine]) -> int:
        return elements(call.x) if call.op.function == "where" else 0  # the condition

    def autograd(self, call: Call[Combine]) -> Autograd:
        function, size, mask, number = (
            call.op.function, call.output_bytes, elements(call.output), call.element_bytes,
        )  # fmt: skip
        if function in ("add", "sub"):
            second = Gradient.SAME if function == "add" else Gradient.NEW
            return Autograd(gradient=(Gradient.SAME, second), broadcasts=True)
        if function == "mul":
            return Autograd((0, 1), only_for=((0, 1), (1, 0)), broadcasts=True)
        if function == "div":
            return Autograd((0, 1), only_for=((0, 1),), broadcasts=True, inner=(0, 3 * size))
        if function == "where":
            return Autograd(extra=(elements(call.x),), broadcasts=True, inner=(number, number))
        if function in ("maximum", "minimum"):
            beside = size + 2 * mask  # half of the gradient, and where one is larger, where they are equal
            return Autograd((0, 1), broadcasts=True, inner=(beside, beside))
        base, exponent = (elements(shape) for shape in call.inputs)  # a power
        of_base = 3 * size + exponent * number + exponent + number
        of_exponent = 2 * size + base * number + mask + number
        return Autograd((0, 1), output=True, broadcasts=True, inner=(of_base, of_exponent))

    def input_first(self, call: Call[Combine]) -> bool:
        return call.op.function in ("where", "minimum", "maximum")


@runs(Reduce)
class Reduction(Rule[Reduce]):
    """Gradients of a sum are a view of one value per group; others save what their derivative reads."""

    def autograd(self, call: Call[Reduce]) -> Autograd:
        function = call.op.function
        if function == "sum":
            return Autograd(gradient=Gradient.VIEW)
        if function == "mean":
            return Autograd()
        results = elements(call.output)
        size, small = call.bytes_of(call.x), call.output_bytes
        if function in ("max", "min"):
            # Where the largest are, how many there are (int64), their share.
            return Autograd((0,), output=True, backward=elements(call.x) + results * 8 + small)
        if function == "norm":
            return Autograd((0,), output=True, backward=size + results)  # and where it is zero
        if function == "var":
            return Autograd((0,), backward=size + 2 * small)
        return Autograd((0,), output=True, backward=size + 3 * small)

    def gradient_strides(self, call: Call[Reduce], position: int, strides: Strides) -> Strides | None:
        shape, rows, left = list(call.output), list(strides), sorted(call.op.axes)
        if not call.op.keep:
            for axis in left:
                shape.insert(axis, 1)
                rows.insert(axis, 0)
        if call.op.function == "sum":  # repeated
            return tuple([0 if axis in left else step for axis, step in enumerate(rows)])
        gradient, values = (tuple(shape), tuple(rows)), (call.x, call.strides[0])
        return iterated(call.x, [gradient] if call.op.function == "mean" else [gradient, values])
