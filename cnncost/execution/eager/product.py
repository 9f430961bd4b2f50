"""Products of two tensors: matrices, Einstein's notation, attention, given weights."""

from __future__ import annotations

from typing import Any

from cnncost.execution.call import Autograd, Call, Part
from cnncost.execution.eager.rule import Rule, SuggestedFormat, runs
from cnncost.execution.strides import Strides, contiguous, is_contiguous, mergeable
from cnncost.ops.activation import Softmax
from cnncost.ops.arithmetic import Combine
from cnncost.ops.factor import Scale
from cnncost.ops.move import Pad, Permute
from cnncost.ops.product import Attention, ConvGiven, Einsum, LinearGiven, MatMul

FACTORS = ((0, 1), (1, 0))
"""Each of two factors is saved for the gradient of the other alone."""


@runs(MatMul)
class MatrixProduct(Rule[MatMul]):
    """A batched matrix product: the axes before the matrices are read as one, after a copy where needed."""

    may_estimate = True

    def estimated(self, call: Call[MatMul]) -> bool:
        # Times one matrix: whether the other factor is copied depends on which of them have gradients.
        return any(
            len(call.inputs[1 - place]) == 2 < len(call.inputs[place]) and self.copies_input(call, place)
            for place in range(len(call.strides))
        )

    def estimated_in_training(self, call: Call[MatMul]) -> bool:
        # What of the repeated matrices is kept for which gradient.
        return self.temporary(call) > 0

    def temporary(self, call: Call[MatMul]) -> int:
        # Matrices that are repeated along some of the axes before them, not along all, are copied for it.
        total = 0
        for shape in call.inputs:
            before, whole = (1,) * (len(call.output) - len(shape)) + tuple(shape[:-2]), call.output[:-2]
            repeats = [a != b for a, b in zip(before, whole, strict=True) if b != 1]
            if len(shape) > 2 and any(repeats) and not all(repeats):
                total += call.bytes_of((*whole, *shape[-2:]))
        return total

    def autograd(self, call: Call[MatMul]) -> Autograd:
        return Autograd((0, 1), only_for=FACTORS)

    def copies_input(self, call: Call[MatMul], position: int) -> bool:
        shape, other = call.inputs[position], call.inputs[1 - position]
        apart = 1 if len(other) == 2 else 2  # times one matrix: all other axes are rows
        return not mergeable(shape, call.strides[position], range(len(shape) - apart))

    def copies_gradient(self, call: Call[MatMul], strides: Strides) -> bool:
        return not mergeable(call.output, strides, range(len(call.output) - 2))


@runs(Einsum)
class EinsteinProduct(Rule[Einsum]):
    """A batched matrix product of factors whose axes are permuted and read as three."""

    def autograd(self, call: Call[Einsum]) -> Autograd:
        return Autograd((0, 1), only_for=FACTORS)

    def copies_input(self, call: Call[Einsum], position: int) -> bool:
        shape, strides = call.inputs[position], call.strides[position]
        return not all(mergeable(shape, strides, axes) for axes in call.op.groups(position))

    def gradient_strides(self, call: Call[Einsum], position: int, strides: Strides) -> Strides | None:
        order = [axis for group in call.op.groups(position) for axis in group]
        return contiguous(call.inputs[position], order)


@runs(Attention)
class PlainAttention(Rule[Attention]):
    """PyTorch's plain kernels, which make the weights; queries and keys are scaled by the root each."""

    needs_strides = True

    def kernels(self, call: Call[Attention]) -> tuple[Part, ...]:
        rank = len(call.x)
        root = Scale(by=call.x[-1] ** -0.25)
        turn = Permute(axes=(*range(rank - 2), rank - 1, rank - 2))
        scaled = (
            Part(root, (~0,), referenced=True), Part(turn, (~1,)), Part(root, (1,)), Part(MatMul(), (0, 2)),
        )  # fmt: skip
        masked = (Part(Combine(function="add"), (3, ~3)),) if len(call.inputs) == 4 else ()
        place = 3 + len(masked)
        weights, product = Part(Softmax(axis=rank - 1), (place,)), Part(MatMul(), (place + 1, ~2))
        return *scaled, *masked, weights, product


@runs(ConvGiven)
class GivenConvolution(SuggestedFormat[ConvGiven]):
    """An uneven padding is a kernel of its own."""

    needs_strides = True
    one_call = False

    def autograd(self, call: Call[ConvGiven]) -> Autograd:
        # The CPU makes the gradients of weights and biases together, also where only one is asked for.
        asked = len(call.inputs) == 3 and 1 in call.untrained and 2 not in call.untrained
        return Autograd((0, 1), backward=call.bytes_of(call.inputs[1]) * (asked and call.device == "cpu"))

    def kernels(self, call: Call[ConvGiven]) -> tuple[Part, ...]:
        slides = call.op.windows(*call.inputs)
        if all(slide.before == slide.after for slide in slides):
            return ()
        sides: dict[str, Any] = {
            "before": [0, 0, *[slide.before for slide in slides]],
            "after": [0, 0, *[slide.after for slide in slides]],
        }
        others = tuple(~position for position in range(1, len(call.inputs)))
        return Part(Pad(**sides), (~0,)), Part(call.op.replace(pad=0), (0, *others))


@runs(LinearGiven)
class GivenLinear(Rule[LinearGiven]):
    """Input and weights are saved, biases not."""

    may_estimate = True

    def estimated(self, call: Call[LinearGiven]) -> bool:
        # With biases: whether there is a copy depends on which of the factors have gradients.
        return len(call.inputs) == 3 and not all(map(is_contiguous, call.inputs[:2], call.strides[:2]))

    def autograd(self, call: Call[LinearGiven]) -> Autograd:
        return Autograd((0, 1), only_for=FACTORS)
