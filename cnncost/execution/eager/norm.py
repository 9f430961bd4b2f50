"""Normalisations: the statistics they save, and what those of several kernels allocate."""

from __future__ import annotations

from typing import Any

from cnncost.execution.call import Autograd, BackwardStep, Call, Part
from cnncost.execution.eager.rule import PreservesFormat, Rule, SuggestedFormat, runs
from cnncost.execution.strides import (
    Strides,
    is_channels_last,
    is_contiguous,
    iterated,
    suggests_channels_last,
)
from cnncost.ops.arithmetic import Combine, Pointwise
from cnncost.ops.factor import LayerScale, Scale
from cnncost.ops.move import Pad, Permute, View
from cnncost.ops.norm import (
    BatchNorm,
    ChannelMeans,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LocalResponseNorm,
    RmsNorm,
    back_from_last,
    last,
)
from cnncost.ops.sizes import elements


@runs(BatchNorm)
class BatchNormalization(SuggestedFormat[BatchNorm]):
    """Mean and inverse deviation of the batch are saved; without running statistics they are always made.

    One that stays in eval mode has none to save: its backward pass reads the input and what it keeps.
    """

    random = True

    def temporary(self, call: Call[BatchNorm]) -> int:
        return 0 if call.op.statistics else 2 * call.x[1] * call.statistic_bytes

    def autograd(self, call: Call[BatchNorm]) -> Autograd:
        if call.op.fixed and call.op.statistics:
            return Autograd((0,))
        channel = call.x[1] * call.statistic_bytes
        return Autograd((0,), extra=(channel, channel))


@runs(LayerNorm)
class LayerNormalization(Rule[LayerNorm]):
    """Mean and inverse deviation of every position; in a map between two permutations of the axes."""

    needs_strides = True
    one_call = False

    def temporary(self, call: Call[LayerNorm]) -> int:
        return 2 * self.statistics(call)

    def statistics(self, call: Call[LayerNorm]) -> int:
        """Bytes of the means; the CPU has them in the input's type where no weights in float32 are beside."""
        plain = call.device == "cpu" and not (call.op.scale or call.op.shift)
        return call.op.groups_of(call.x) * (call.element_bytes if plain else call.statistic_bytes)

    def autograd(self, call: Call[LayerNorm]) -> Autograd:
        statistics = self.statistics(call)
        return Autograd((0,), extra=(statistics, statistics))

    def kernels(self, call: Call[LayerNorm]) -> tuple[Part, ...]:
        rank, axis = len(call.x), call.op.along(call.x)
        if axis == rank - 1:
            return ()
        norm = call.op.replace(channels_last=True)
        there, back = Permute(axes=last(rank, axis)), Permute(axes=back_from_last(rank, axis))
        return Part(there, (~0,)), Part(norm, (0,)), Part(back, (1,))


@runs(RmsNorm)
class RmsNormalization(SuggestedFormat[RmsNorm]):
    """Squares, their means, the inverse roots, two products: kernels of their own on the CPU."""

    def temporary(self, call: Call[RmsNorm]) -> int:
        roots = self.roots(call)
        # Without scale the squares, before there is an output, their means and the inverse roots; an output
        # that does not come out contiguous is copied.
        copied = bool(call.strides) and not is_contiguous(call.x, call.strides[0])
        return call.output_bytes + roots if call.op.scale or copied else 2 * roots

    def autograd(self, call: Call[RmsNorm]) -> Autograd:
        scale, size, roots = call.op.scale, call.output_bytes, self.roots(call)
        learns = scale and not call.frozen
        own = call.trained_bytes
        kept = size * learns  # the normed values, for the scale's gradient
        # The scale's gradient, a value per value before it is summed, and that of the normed values.
        factor = BackwardStep(roots + kept + size * (1 + learns) + own)
        beside = 2 * roots + size * scale + 2 * size + own
        product = BackwardStep(beside, gradient=not scale, added=own, part=size)
        # The gradient of the squares: of one value per position it is no view of that of their means.
        squares = 5 + (call.output[-1] == 1)
        square = BackwardStep(squares * size + own, gradient=False, added=own)
        steps = (factor, product, square) if scale else (product, square)
        if 0 in call.untrained:
            return Autograd(extra=(kept,), forward=roots, backward=size)
        if not scale:
            return Autograd((0,), extra=(roots,), forward=roots, steps=steps)
        return Autograd((0,), extra=(roots, kept) if learns else (roots,), forward=size - kept, steps=steps)

    def gradient_strides(self, call: Call[RmsNorm], position: int, strides: Strides) -> Strides | None:
        return iterated(call.x, [(call.x, strides), (call.x, call.strides[0])])

    def roots(self, call: Call[RmsNorm]) -> int:
        """Bytes of the inverse root of the mean square of every position."""
        return elements(call.output) // call.output[-1] * call.statistic_bytes


@runs(InstanceNorm)
class InstanceNormalization(Rule[InstanceNorm]):
    """Batch norm of one image whose channels are all maps: scale and shift are repeated for each."""

    needs_strides = True

    def returns_view(self, call: Call[InstanceNorm]) -> bool:
        return True

    def copies_gradient(self, call: Call[InstanceNorm], strides: Strides) -> bool:
        return not is_contiguous(call.output, strides)

    def copies_input(self, call: Call[InstanceNorm], position: int) -> bool:
        return not is_contiguous(call.x, call.strides[0])

    def temporary(self, call: Call[InstanceNorm]) -> int:
        tensors = 2 + call.op.scale + call.op.shift  # mean and inverse deviation, scale and shift repeated
        return tensors * call.op.groups_of(call.x) * call.statistic_bytes

    def autograd(self, call: Call[InstanceNorm]) -> Autograd:
        scale, shift, size = call.op.scale, call.op.shift, call.output_bytes
        maps = call.op.groups_of(call.x) * call.statistic_bytes
        kept, gradients = (maps,) * (2 + scale), (scale + shift - len(call.frozen)) * maps
        made = gradients + size * (0 not in call.untrained)
        steps = (
            BackwardStep(sum(kept) + made),
            BackwardStep(made + call.trained_bytes, gradient=False, freed=(0,)),
        )
        return Autograd((0,), extra=kept, forward=shift * maps, steps=steps)


@runs(GroupNorm)
class GroupNormalization(SuggestedFormat[GroupNorm]):
    """Mean and inverse deviation of every group."""

    needs_strides = True
    may_estimate = True
    copies_inside = True

    def estimated(self, call: Call[GroupNorm]) -> bool:
        # Of channels last with gaps the copy has channels last, too: what follows may need others.
        strides = call.strides[0] if call.strides else ()
        return bool(strides) and suggests_channels_last(call.x, strides) and self.copies_input(call, 0)

    def estimated_in_training(self, call: Call[GroupNorm]) -> bool:
        # CUDA also copies an input with channels last.
        return call.device != "cpu" and bool(call.strides) and suggests_channels_last(call.x, call.strides[0])

    def copies_gradient(self, call: Call[GroupNorm], strides: Strides) -> bool:
        if call.device == "cpu" and suggests_channels_last(call.x, call.strides[0]):
            return not is_channels_last(call.output, strides)
        return not is_contiguous(call.output, strides)

    def copies_input(self, call: Call[GroupNorm], position: int) -> bool:
        strides = call.strides[0]
        return not is_contiguous(call.x, strides) and not is_channels_last(call.x, strides)

    def temporary(self, call: Call[GroupNorm]) -> int:
        return 2 * call.op.groups_of(call.x) * call.statistic_bytes

    def autograd(self, call: Call[GroupNorm]) -> Autograd:
        statistics = call.op.groups_of(call.x) * call.statistic_bytes
        return Autograd((0,), extra=(statistics, statistics))


@runs(LocalResponseNorm)
class ResponseNormalization(PreservesFormat[LocalResponseNorm]):
    """Padded squares, their means over channels, those times alpha plus k, a power, a quotient."""

    def temporary(self, call: Call[LocalResponseNorm]) -> int:
        # The padded squares, before there is an output; means, means times alpha, that plus k.
        return max(call.bytes_of(self.padded(call)), 2 * call.output_bytes)

    def autograd(self, call: Call[LocalResponseNorm]) -> Autograd:
        size, padded = call.output_bytes, call.bytes_of(self.padded(call))
        # Saved: the padded squares, the base of the power and the power. Backward: the quotient, then
        # the power, each with three inner tensors; then the gradient of the padded squares, which is
        # the most where the window is wider than there are channels.
        steps = (
            BackwardStep(6 * size + padded, part=size),
            BackwardStep(6 * size + padded, gradient=False),
            BackwardStep(2 * size + 2 * padded, gradient=False),
        )
        return Autograd((0,), extra=(padded, size, size), steps=steps)

    def apart(self, call: Call[LocalResponseNorm]) -> tuple[Part, ...]:
        op, (batch, channels, *space) = call.op, call.x
        inner = list(space) if len(space) == 1 else [space[0], elements(tuple(space[1:]))]
        sides: dict[str, Any] = {
            "before": [0, 0, op.size // 2, *[0] * len(inner)],
            "after": [0, 0, (op.size - 1) // 2, *[0] * len(inner)],
        }
        return (
            Part(Combine(function="mul"), (~0, ~0)),
            Part(View(shape=(batch, 1, channels, *inner), copy=False), (0,)),
            Part(Pad(**sides), (1,)),
            Part(ChannelMeans(size=op.size), (2,)),
            Part(View(shape=(batch, channels, *space), copy=False), (3,)),
            Part(Scale(by=op.alpha), (4,)),
            Part(Pointwise(function="add", number=op.k), (5,)),
            Part(Pointwise(function="pow", number=op.beta), (6,)),
            Part(Combine(function="div"), (~0, 7)),
        )

    def padded(self, call: Call[LocalResponseNorm]) -> tuple[int, ...]:
        """Shape of the squares, the zero channels at both ends included."""
        batch, channels, *space = call.x
        return batch, channels + call.op.size - 1, *space


@runs(ChannelMeans)
class MeanChannels(Rule[ChannelMeans]):
    """The input is saved for its shape."""

    def autograd(self, call: Call[ChannelMeans]) -> Autograd:
        return Autograd((0,))


@runs(LayerScale)
class ScaledChannels(PreservesFormat[LayerScale]):
    """The factors' gradient has a value per value before it is summed; for it alone the input is saved."""

    def autograd(self, call: Call[LayerScale]) -> Autograd:
        if call.frozen:
            return Autograd()
        return Autograd((0,), backward=call.output_bytes)


@runs(Scale)
class Scaled(PreservesFormat[Scale]):
    """A product with a number."""

    def autograd(self, call: Call[Scale]) -> Autograd:
        return Autograd()
