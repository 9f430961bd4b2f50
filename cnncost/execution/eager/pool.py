"""Pooling over windows, over whole maps and over regions, and unpooling."""

from __future__ import annotations

from cnncost.execution.call import Autograd, BackwardStep, Call, Op
from cnncost.execution.eager.rule import Rule, SuggestedFormat, runs
from cnncost.execution.strides import Strides, contiguous, suggested_format
from cnncost.ops import adaptive, lenet, pool, region
from cnncost.ops.sizes import Shape, elements, maximum

INDEX_BYTES = 8
"""PyTorch's pooling indices are int64."""


class Windowed(Rule[Op]):
    """Channels last is kept; any other format becomes contiguous. Of one axis it is one of two, squeezed."""

    def returns_view(self, call: Call[Op]) -> bool:
        return len(call.x) == 3

    def output_strides(self, call: Call[Op]) -> Strides:
        return self.formatted(call, call.output)

    def gradient_strides(self, call: Call[Op], position: int, strides: Strides) -> Strides | None:
        return self.formatted(call, call.x)

    def formatted(self, call: Call[Op], new: Shape) -> Strides:
        """Strides of a map that a kernel makes, or its derivative."""
        shape, strides = call.x, call.strides[0]
        if self.makes_contiguous(call):
            return contiguous(new)
        if len(shape) > 3:
            return suggested_format(shape, strides, new)
        rows = (*strides[:2], shape[2] * strides[2], strides[2])
        image, channel, _, column = suggested_format((*shape[:2], 1, shape[2]), rows, (*new[:2], 1, new[2]))
        return image, channel, column

    def makes_contiguous(self, call: Call[Op]) -> bool:
        """Whether no format is kept."""
        return False


def copied_row(call: Call[pool.MaxPool] | Call[pool.AvgPool]) -> bool:
    """Whether a map of one axis is padded by a copy, which is contiguous."""
    return len(call.x) == 3 and call.op.padded(call.x) not in (None, call.x)


@runs(pool.MaxPool)
class MaxPool(Windowed[pool.MaxPool]):
    """The index of every maximum is made, also without gradients."""

    def makes_contiguous(self, call: Call[pool.MaxPool]) -> bool:
        return copied_row(call)

    def temporary(self, call: Call[pool.MaxPool]) -> int:
        copy = call.op.padded(call.x)
        return INDEX_BYTES * elements(call.output) + (call.bytes_of(copy) if copy else 0)

    def autograd(self, call: Call[pool.MaxPool]) -> Autograd:
        copy, indices = call.op.padded(call.x), INDEX_BYTES * elements(call.output)
        if copy is None:
            return Autograd((0,), extra=(indices,))
        padded = call.bytes_of(copy)
        return Autograd(extra=(indices, padded), backward=padded - call.bytes_of(call.x))


@runs(pool.AvgPool)
class AvgPool(Windowed[pool.AvgPool]):
    """Where padding is not part of the mean and PyTorch's own does not fit: sums divided by counts."""

    def makes_contiguous(self, call: Call[pool.AvgPool]) -> bool:
        return len(call.x) == 5 or copied_row(call)

    def temporary(self, call: Call[pool.AvgPool]) -> int:
        copy = call.op.padded(call.x)
        if copy is None:
            return 0
        if not call.op.divides_by_count:
            return call.bytes_of(copy)
        # The padded copy; ones, padded ones and counts; counts and sums.
        counts, ones = elements(call.output[2:]), elements(call.x[2:]) + elements(copy[2:])
        values = maximum(elements(copy), counts + maximum(ones, elements(call.output)))
        return values * call.element_bytes

    def autograd(self, call: Call[pool.AvgPool]) -> Autograd:
        copy = call.op.padded(call.x)
        if copy is None:
            return Autograd((0,))
        size, padded, out = call.bytes_of(call.x), call.bytes_of(copy), call.output_bytes
        if not call.op.divides_by_count:
            return Autograd(extra=(padded,), backward=padded - size)
        counts = call.bytes_of(call.output[2:])
        ones = call.bytes_of(call.x[2:]) + call.bytes_of(copy[2:])
        steps = (
            BackwardStep(padded + counts + out),
            BackwardStep(2 * padded + out, gradient=False),
            BackwardStep(padded + size, gradient=False),
        )
        return Autograd(extra=(padded, counts), forward=maximum(ones, out), steps=steps)


@runs(pool.LpPool)
class LpPool(Windowed[pool.LpPool]):
    """Powers, averages, roots and what keeps their sign, a kernel each: an estimate."""

    def makes_contiguous(self, call: Call[pool.LpPool]) -> bool:
        return len(call.x) == 5

    may_estimate = True

    def estimated(self, call: Call[pool.LpPool]) -> bool:
        return True

    def temporary(self, call: Call[pool.LpPool]) -> int:
        return call.bytes_of(call.x)

    def autograd(self, call: Call[pool.LpPool]) -> Autograd:
        return Autograd((0,), extra=(call.output_bytes,), backward=call.bytes_of(call.x))


@runs(pool.MaxUnpool)
class MaxUnpool(Rule[pool.MaxUnpool]):
    """The indices are saved already, by the pooling."""

    def autograd(self, call: Call[pool.MaxUnpool]) -> Autograd:
        return Autograd()


@runs(adaptive.GlobalAvgPool)
class GlobalAvgPool(Rule[adaptive.GlobalAvgPool]):
    """A mean."""

    def autograd(self, call: Call[adaptive.GlobalAvgPool]) -> Autograd:
        return Autograd()


@runs(adaptive.GlobalMaxPool, adaptive.AdaptiveMaxPool)
class AdaptiveMaxPool(Windowed[Op]):
    """The index of every maximum is made, also without gradients."""

    def makes_contiguous(self, call: Call[Op]) -> bool:
        return len(call.x) == 5

    def temporary(self, call: Call[Op]) -> int:
        return INDEX_BYTES * elements(call.output)

    def autograd(self, call: Call[Op]) -> Autograd:
        return Autograd((0,), extra=(INDEX_BYTES * elements(call.output),))


@runs(adaptive.AdaptiveAvgPool)
class AdaptiveAvgPool(Windowed[adaptive.AdaptiveAvgPool]):
    """Of size 1 it is a plain mean."""

    def autograd(self, call: Call[adaptive.AdaptiveAvgPool]) -> Autograd:
        return Autograd() if elements(call.output[2:]) == 1 else Autograd((0,))

    def makes_contiguous(self, call: Call[adaptive.AdaptiveAvgPool]) -> bool:
        return len(call.x) == 5

    def gradient_strides(
        self, call: Call[adaptive.AdaptiveAvgPool], position: int, strides: Strides
    ) -> Strides | None:
        if elements(call.output[2:]) == 1:
            return contiguous(call.x)
        return super().gradient_strides(call, position, strides)


@runs(region.RoiPool)
class RoiPool(Rule[region.RoiPool]):
    """The values of one region per image, then repeated for all regions."""

    def gradient_strides(self, call: Call[region.RoiPool], position: int, strides: Strides) -> Strides | None:
        return suggested_format(call.x, call.strides[0], call.x)

    def temporary(self, call: Call[region.RoiPool]) -> int:
        part = elements(call.output) // call.op.rois
        size = part * call.element_bytes
        return maximum(size, size + INDEX_BYTES * part - call.output_bytes)

    def autograd(self, call: Call[region.RoiPool]) -> Autograd:
        part = elements(call.output) // call.op.rois
        indices, size, below = INDEX_BYTES * part, part * call.element_bytes, call.bytes_of(call.x)
        # The gradient is summed over the regions of an image first, unless there is only one.
        summed = (BackwardStep(indices + size), BackwardStep(indices + size + below, gradient=False))
        steps = summed if call.op.rois > 1 else (BackwardStep(indices + below),)
        return Autograd((0,), extra=(indices,), forward=size, steps=steps)


@runs(lenet.Subsample)
class Subsample(SuggestedFormat[lenet.Subsample]):
    """Sums, their products with the coefficients, those plus the biases."""

    def temporary(self, call: Call[lenet.Subsample]) -> int:
        return 2 * call.output_bytes

    def autograd(self, call: Call[lenet.Subsample]) -> Autograd:
        size, channel = call.output_bytes, call.x[1] * call.element_bytes
        if call.frozen:  # the sums are not kept for the coefficients' gradient
            pooled = BackwardStep(size + call.bytes_of(call.x), gradient=False)
            return Autograd((0,), forward=2 * size, steps=(BackwardStep(size), pooled))
        if 0 in call.untrained:
            scaled = BackwardStep(2 * size + 2 * channel, added=channel)
            return Autograd(extra=(size,), forward=size, steps=(BackwardStep(size + channel), scaled))
        steps = (
            BackwardStep(size + channel),
            BackwardStep(3 * size + 2 * channel, added=channel),
            BackwardStep(size + 2 * channel + call.bytes_of(call.x), gradient=False, added=2 * channel),
        )
        return Autograd((0,), extra=(size,), forward=size, steps=steps)
