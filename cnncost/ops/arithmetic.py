"""Arithmetic of imported networks that no layer's name stands for: per value, per pair, along axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncost.errors import OperatorError
from cnncost.ops.arguments import Sizes
from cnncost.ops.base import Elementwise, Operator, Reach, argument, text
from cnncost.ops.modules import calling
from cnncost.ops.sizes import FREE, Shape, axes_of, elements, holds, maximum, resized, shaped, without

if TYPE_CHECKING:
    from torch import nn

PER_VALUE = {
    "add": "additions", "rsub": "subtractions", "pow": "powers", "neg": "negations",
    "reciprocal": "divisions", "exp": "exponentials", "log": "logarithms", "sqrt": "roots",
    "rsqrt": "roots", "abs": "absolute values", "sin": "sines", "cos": "cosines", "erf": "error functions",
    "square": "multiplications", "minimum": "comparisons", "maximum": "comparisons",
    "threshold": "comparisons", "softplus": "softplus", "atan": "arctangents",
    "gt": "comparisons", "ge": "comparisons", "lt": "comparisons", "le": "comparisons",
    "eq": "comparisons", "ne": "comparisons", "logical_not": "choices", "sign": "comparisons",
    "floor": "roundings", "ceil": "roundings", "round": "roundings", "trunc": "roundings",
    "frac": "roundings", "remainder": "divisions", "floor_divide": "divisions", "log2": "logarithms",
    "log10": "logarithms", "log1p": "logarithms", "expm1": "exponentials", "exp2": "exponentials",
    "tan": "tangents",
    "sinh": "hyperbolic sines", "cosh": "hyperbolic cosines", "asin": "arcsines", "acos": "arccosines",
    "asinh": "inverse hyperbolic sines", "acosh": "inverse hyperbolic cosines",
    "atanh": "inverse hyperbolic tangents", "erfc": "error functions", "erfinv": "inverse error functions",
    "logsigmoid": "log sigmoids", "softsign": "softsigns", "hardshrink": "shrinkings",
    "softshrink": "shrinkings", "tanhshrink": "shrinkings", "isnan": "comparisons", "isinf": "comparisons",
}  # fmt: skip
"""Functions of one value, and what one of them is called."""

PER_PAIR = {
    "add": "additions", "sub": "subtractions", "mul": "multiplications", "div": "divisions",
    "pow": "powers", "maximum": "comparisons", "minimum": "comparisons", "where": "choices",
    "gt": "comparisons", "ge": "comparisons", "lt": "comparisons", "le": "comparisons", "eq": "comparisons",
    "ne": "comparisons", "logical_and": "choices", "logical_or": "choices", "logical_xor": "choices",
    "remainder": "divisions", "floor_divide": "divisions", "atan2": "arctangents", "hypot": "roots",
}  # fmt: skip

WITH_NUMBER = (
    "add", "rsub", "pow", "minimum", "maximum", "threshold", "gt", "ge", "lt", "le", "eq", "ne", "remainder",
    "floor_divide", "hardshrink", "softshrink",
)  # fmt: skip
"""Functions of a value and a number."""

KEEP_OUTPUT = {"exp", "sqrt", "rsqrt", "reciprocal"}
"""Functions whose derivative PyTorch finds from the output; others keep the input, if anything."""

INNER = {
    "abs": 1, "sin": 1, "sqrt": 1, "cos": 2, "pow": 2, "square": 2, "reciprocal": 2, "rsqrt": 2, "atan": 2,
    "erf": 4,
}  # fmt: skip
"""Tensors of the input's size that PyTorch's derivative makes on its way to the gradient (see its
derivatives.yaml)."""

ALONG = {"mean", "sum", "max", "min", "norm", "var", "std"}


class Pointwise(Elementwise):
    """One function of every value, or of every value and a number: one operation per value."""

    name = "elementwise"
    kin = "arithmetic"

    function: str = argument(choices=tuple(PER_VALUE), help="which function")
    number: float = argument(None, help="the number: x + number, number - x, x to the power of number")

    def check(self) -> None:
        if self.function in WITH_NUMBER and self.number is None:
            raise OperatorError(f"elementwise: {self.function} needs a number", argument="function")

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {PER_VALUE[self.function]: elements(output or (1,))}

    def module(self, *inputs: Shape) -> nn.Module:
        import torch

        number = self.number
        functions: dict[str, Any] = {
            "add": lambda x: x + number,
            "rsub": lambda x: number - x,
            "pow": lambda x: x**number,
            "minimum": lambda x: x.clamp(max=number),
            "maximum": lambda x: x.clamp(min=number),
            "threshold": lambda x: torch.where(x > number, x, 0.0),
        }
        own = getattr(torch, self.function, None) or getattr(torch.nn.functional, self.function)
        apply = functions.get(self.function) or (own if number is None else lambda x: own(x, number))
        return calling("elementwise", lambda module, x: apply(x))


class Combine(Operator):
    """One operation of two tensors, value by value; an axis of size 1 is repeated, as are missing ones.

    One operation per output value. `add` and `mul` are the joins of layers of one kind.
    """

    name = "combine"
    kin = "join"
    inputs = None

    function: str = argument(choices=tuple(PER_PAIR), help="which operation")

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(inputs) != 2:
            raise OperatorError(f"combine needs two inputs, not {len(inputs)}")
        rank = max(map(len, inputs))
        first, second = ((1,) * (rank - len(shape)) + tuple(shape) for shape in inputs)
        for a, b in zip(first, second, strict=True):
            if not holds((a == b) | (a == 1) | (b == 1)):
                raise OperatorError(
                    f"combine needs inputs whose sizes agree or are 1, not {text(first)} and {text(second)}",
                    inputs=(0, 1),
                )
        whole = {axes_of(shape) for shape in inputs if len(shape) == rank} - {FREE}
        sizes = [a if a is b else maximum(a, b) for a, b in zip(first, second, strict=True)]
        return shaped(whole.pop() if len(whole) == 1 else FREE, sizes)

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {PER_PAIR[self.function]: elements(output or (1,))}

    def module(self, *inputs: Shape) -> nn.Module:
        import torch

        if self.function == "where":
            return calling("combine", lambda module, a, b: torch.where(a > 0, a, b))
        if self.function == "add":  # with its attribute `inplace` set the first input is overwritten
            return calling("combine", lambda m, a, b: a.add_(b) if m.inplace else a + b, inplace=False)
        apply = getattr(torch, self.function)
        return calling("combine", lambda module, a, b: apply(a, b))


class Reduce(Operator):
    """Some axes reduced to one value each: their mean, sum, largest value or norm.

    One operation per input value that is not the first of its group, and per output value a division
    for the mean, a root for the norm; variance takes three per input value, as in layer_norm.
    """

    name = "reduce"
    kin = "arithmetic"

    function: str = argument(choices=tuple(sorted(ALONG)), help="mean, sum, max, min, norm, var or std")
    axes: Sizes = argument(minimum=0, help="which axes; 0 is the batch")
    keep: bool = argument(False, help="reduced axes stay, with size 1")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if max(self.axes) >= len(x):
            raise OperatorError(f"reduce: {text(x)} has no axis {max(self.axes)}", argument="axes")
        if self.keep:
            return resized(x, [1 if axis in self.axes else size for axis, size in enumerate(x)])
        return without(x, self.axes)

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        (x,) = inputs
        total, results = elements(x), elements(output or (1,))
        if self.function in ("var", "std"):
            return {"mean and variance": 4 * total, "roots": results * (self.function == "std")}
        kind = "comparisons" if self.function in ("max", "min") else "additions"
        count = {kind: total - results}
        if self.function == "mean":
            count["divisions"] = results
        if self.function == "norm":
            count |= {"multiplications": total, "roots": results}
        return count

    def receptive(self, *inputs: Shape) -> Reach | None:
        return None

    def module(self, *inputs: Shape) -> nn.Module:
        import torch

        names = {"max": torch.amax, "min": torch.amin, "norm": torch.linalg.vector_norm}
        apply: Any = names.get(self.function) or getattr(torch, self.function)
        return calling("reduce", lambda module, x: apply(x, dim=self.axes, keepdim=self.keep))
