"""Joins of branches."""

from __future__ import annotations

from cnncost.execution.call import Autograd, BackwardStep, Call, Gradient, Op
from cnncost.execution.eager.rule import PreservesFormat, Rule, runs
from cnncost.execution.strides import Strides, contiguous, iterated, suggested_format
from cnncost.ops.join import Add, Concat, Mean, Mul
from cnncost.ops.sizes import elements


class OneByOne(PreservesFormat[Op]):
    """Branches are joined one after the other; the result so far is alive beside the next.

    Of one branch PyTorch makes nothing, and the estimate is a new tensor.
    """

    may_estimate = True
    chained = True

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

    chained = True

    def temporary(self, call: Call[Mean]) -> int:
        return call.output_bytes if len(call.inputs) > 1 else 0

    def autograd(self, call: Call[Mean]) -> Autograd:
        return Autograd(forward=self.temporary(call), gradient=Gradient.ONE)


@runs(Mul)
class Gated(OneByOne[Mul]):
    """A product saves a factor if the other has a gradient; branches of size 1 are broadcast."""

    def output_strides(self, call: Call[Mul]) -> Strides:
        ones = [(1,) * (len(call.output) - len(shape)) for shape in call.inputs]  # branches are aligned left
        read = zip(call.inputs, call.strides, ones, strict=True)
        return iterated(call.output, [((*shape, *one), (*strides, *one)) for shape, strides, one in read])

    def autograd(self, call: Call[Mul]) -> Autograd:
        inputs = call.inputs
        if len(inputs) == 2:
            return Autograd((0, 1), only_for=((0, 1), (1, 0)), broadcasts=True)
        places = range(1, len(inputs))
        products = [elements(call.op.output_shape(*inputs[: count + 1])) for count in range(len(inputs))]
        branches = [elements(branch) for branch in inputs]
        learns = [place not in call.untrained for place in range(len(inputs))]
        before = [any(learns[:place]) for place in range(len(inputs))]  # whether what is on the left has one
        #: of every product the values on its left that it saves: those of the first are a branch
        saved = [0, 0, *[products[place - 1] * learns[place] for place in places[1:]]]
        steps, made = [], 0
        for place in reversed(places):
            size, last = products[place], place == len(inputs) - 1
            if not (before[place] or learns[place]):
                break
            # Gradients of what was broadcast have the product's size, then are summed in turn.
            made_here = [(products[place - 1], before[place]), (branches[place], learns[place])]
            factors = [count for count, wanted in made_here if wanted]
            inside = most = len(factors) * size
            for factor in factors:
                if factor < size:
                    most = max(most, inside + factor)
                    inside += factor - size
            arriving = 0 if last else size
            values = sum(saved[: place + 1]) + made + arriving + most
            steps.append(BackwardStep(values * call.element_bytes, last, () if last else (place + 1,)))
            made += branches[place] * learns[place]
        beside = self.between(products, saved) * call.element_bytes
        kept = [place for place in places if before[place]]
        first = (0,) if learns[1] else ()
        extra = tuple(count * call.element_bytes for count in saved if count)
        return Autograd((*first, *kept), extra=extra, forward=beside, steps=tuple(steps))

    def between(self, products: list[int], saved: list[int]) -> int:
        """Values that the forward pass needs for a moment: a product is there until the next is made."""
        most = 0
        for place in range(2, len(products)):
            before = 0 if saved[place] else products[place - 1]
            most = max(most, sum(saved[: place + 1]) + before + products[place])
        return max(0, most - sum(saved) - products[-1])


@runs(Concat)
class Concatenation(Rule[Concat]):
    """Gradients are views of the output's."""

    def autograd(self, call: Call[Concat]) -> Autograd:
        return Autograd(gradient=Gradient.VIEW)

    def gradient_strides(self, call: Call[Concat], position: int, strides: Strides) -> Strides | None:
        return strides

    def output_strides(self, call: Call[Concat]) -> Strides:
        found = [
            suggested_format(shape, strides, call.output)
            for shape, strides in zip(call.inputs, call.strides, strict=True)
        ]
        return found[0] if len(set(found)) == 1 else contiguous(call.output)
