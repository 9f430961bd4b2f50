"""Fully connected layers, and the distances of LeNet-5's output."""

from __future__ import annotations

from cnncost.execution.call import Autograd, BackwardStep, Call, Part
from cnncost.execution.eager.rule import Rule, runs
from cnncost.execution.strides import Strides, is_contiguous, mergeable
from cnncost.ops.arithmetic import Combine
from cnncost.ops.learned import Learned
from cnncost.ops.lenet import Rbf
from cnncost.ops.linear import Linear


@runs(Linear)
class FullyConnected(Rule[Linear]):
    """One matrix product: all axes but the last are read as one, after a copy where they cannot be."""

    may_estimate = True

    def estimated(self, call: Call[Linear]) -> bool:
        # Whether there is a copy depends on whether the weight has a gradient.
        return call.op.frozen and bool(call.strides) and self.copies_input(call, 0)

    def autograd(self, call: Call[Linear]) -> Autograd:
        kept = () if call.op.frozen else (0,)
        return Autograd(kept, weights=(0,), for_input=True)

    def copies_input(self, call: Call[Linear], position: int) -> bool:
        return not mergeable(call.x, call.strides[0], range(len(call.x) - 1))

    def copies_gradient(self, call: Call[Linear], strides: Strides) -> bool:
        return not mergeable(call.output, strides, range(len(call.output) - 1))

    def kernels(self, call: Call[Linear]) -> tuple[Part, ...]:
        op = call.op
        if len(call.x) == 2 or not op.bias or is_contiguous(call.x, call.strides[0]):
            return ()
        # A product, perhaps of a copy, and a sum (in place outside a trace): only contiguous it is one call.
        bias = Learned(shape=(op.out,), frozen=op.frozen)
        product, add = op.replace(bias=False), Combine(function="add")
        return Part(product, (~0,)), Part(bias, (~0,)), Part(add, (0, 1))


@runs(Rbf)
class Distances(Rule[Rbf]):
    """Differences to the centres, their squares, the sums of those."""

    def temporary(self, call: Call[Rbf]) -> int:
        return (2 * call.x[1] - 1) * call.output_bytes  # differences and squares; there is no output yet

    def autograd(self, call: Call[Rbf]) -> Autograd:
        differences = call.output_bytes * call.x[1]
        last = BackwardStep(differences + call.bytes_of(call.x), gradient=False)
        return Autograd(
            extra=(differences,), forward=differences, steps=(BackwardStep(4 * differences), last)
        )
