"""Joins of branches."""

from __future__ import annotations

from cnncost.execution.call import Autograd, BackwardStep, Call, Gradient, Op
from cnncost.execution.eager.rule import PreservesFormat, Rule, runs
from cnncost.execution.strides import Strides
from cnncost.ops.join import Add, Concat, Mean, Mul
from cnncost.ops.sizes import elements


class OneByOne(PreservesFormat[Op]):
    """Branches are joined one after the other; the result so far is alive beside the next.

    Of one branch PyTorch makes nothing, and the estimate is a new tensor.
    """

    may_estimate = True

    def estimated(self, call: Call[Op]) -> bool:
        return len(call.inputs) == 1

    def temporary(self, call: Call[Op]) -> int:
        return call.output_bytes if len(call.inputs) > 2 else 0


@runs(Add)
class Sum(OneByOne[Add]):
    """The gradient of the sum is that of every branch."""

    def autograd(self, call: Call[Add]) -> Autograd:
        return Autograd(forward=self.temporary(call), gradient=Gradient.SAME)


@runs(Mean)
class Average(PreservesFormat[Mean]):
    """A sum, then a quotient, whose gradient all branches share."""

    def temporary(self, call: Call[Mean]) -> int:
        return call.output_bytes if len(call.inputs) > 1 else 0

    def autograd(self, call: Call[Mean]) -> Autograd:
        return Autograd(forward=self.temporary(call), gradient=Gradient.ONE)


@runs(Mul)
class Gated(OneByOne[Mul]):
    """Every branch is saved, and every product but the last; branches of size 1 are broadcast."""

    def autograd(self, call: Call[Mul]) -> Autograd:
        inputs = call.inputs
        if len(inputs) == 2:
            return Autograd((0, 1), only_for=((0, 1), (1, 0)), broadcasts=True)
        products = [elements(call.op.output_shape(*inputs[: count + 1])) for count in range(len(inputs))]
        branches = [elements(branch) for branch in inputs]
        steps, made = [], 0
        for place in reversed(range(1, len(inputs))):
            # Gradients of what was broadcast have the product's size, then are summed in turn.
            size, left, right = products[place], products[place - 1], branches[place]
            sums = [factor for factor in (left, right) if factor < size]
            inside = max(2 * size + sums[0], size + sum(sums)) if sums else 2 * size
            last = place == len(inputs) - 1
            arriving = 0 if last else size
            values = sum(products[1:place]) + made + arriving + inside
            steps.append(BackwardStep(values * call.element_bytes, last, () if last else (place + 1,)))
            made += right
        extra = tuple(size * call.element_bytes for size in products[1:-1])
        return Autograd(tuple(range(len(inputs))), extra=extra, steps=tuple(steps))


@runs(Concat)
class Concatenation(Rule[Concat]):
    """Gradients are views of the output's."""

    def autograd(self, call: Call[Concat]) -> Autograd:
        return Autograd(gradient=Gradient.VIEW)

    def gradient_strides(self, call: Call[Concat], position: int, strides: Strides) -> Strides | None:
        return strides
