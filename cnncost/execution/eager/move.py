"""Operators that move values: views, copies, windows, padding, resampling."""

from __future__ import annotations

from cnncost.execution.call import Autograd, BackwardStep, Call, Gradient, Op
from cnncost.execution.eager.rule import PreservesFormat, Rule, SuggestedFormat, runs
from cnncost.execution.strides import Strides, contiguous, permuted, preserve_format, suggested_format, view
from cnncost.graph import FurtherInput, InputNode
from cnncost.ops import learned, move, patch, pixels, resample, reshape
from cnncost.ops.sizes import same


@runs(InputNode)
class Input(Rule[InputNode]):
    """The image: contiguous, and nothing runs."""


@runs(reshape.Flatten, reshape.Reshape)
class Reshaped(Rule[Op]):
    """A view in another shape, of a contiguous copy where the strides do not allow it."""

    def nothing(self, call: Call[Op]) -> bool:
        return isinstance(call.op, reshape.Flatten) and same(call.output, call.x)

    def autograd(self, call: Call[Op]) -> Autograd:
        return Autograd(gradient=Gradient.VIEW)

    def output_strides(self, call: Call[Op]) -> Strides:
        return view(call.x, call.strides[0], call.output) or contiguous(call.output)

    def copies_input(self, call: Call[Op], position: int) -> bool:
        return view(call.x, call.strides[0], call.output) is None

    def gradient_strides(self, call: Call[Op], position: int, strides: Strides) -> Strides | None:
        return view(call.output, strides, call.x)


@runs(move.View)
class View(Reshaped[move.View]):
    """The same, or a copy where the framework was seen to copy."""

    def output_strides(self, call: Call[move.View]) -> Strides:
        return contiguous(call.output) if call.op.copy else super().output_strides(call)

    def copies_input(self, call: Call[move.View], position: int) -> bool:
        return not call.op.copy and super().copies_input(call, position)


@runs(reshape.Identity)
class Identity(Rule[reshape.Identity]):
    """The tensor itself."""

    def nothing(self, call: Call[reshape.Identity]) -> bool:
        return True

    def autograd(self, call: Call[reshape.Identity]) -> Autograd:
        return Autograd(gradient=Gradient.SAME)

    def output_strides(self, call: Call[reshape.Identity]) -> Strides:
        return call.strides[0]


@runs(move.Copy)
class Copy(Rule[move.Copy]):
    """A contiguous clone."""

    def autograd(self, call: Call[move.Copy]) -> Autograd:
        return Autograd(gradient=Gradient.SAME)


@runs(pixels.PixelShuffle, pixels.PixelUnshuffle)
class PixelShuffle(SuggestedFormat[Op]):
    """A contiguous copy; the backward pass is the other of the two."""

    def autograd(self, call: Call[Op]) -> Autograd:
        return Autograd()

    def gradient_strides(self, call: Call[Op], position: int, strides: Strides) -> Strides | None:
        return suggested_format(call.output, strides, call.x)


@runs(move.Permute)
class Permute(Rule[move.Permute]):
    """A view with the strides permuted, as is its gradient."""

    needs_strides = True

    def autograd(self, call: Call[move.Permute]) -> Autograd:
        return Autograd(gradient=Gradient.VIEW)

    def output_strides(self, call: Call[move.Permute]) -> Strides:
        return permuted(call.strides[0], call.op.axes)

    def gradient_strides(self, call: Call[move.Permute], position: int, strides: Strides) -> Strides | None:
        return permuted(strides, [call.op.axes.index(axis) for axis in range(len(call.x))])


@runs(move.Slice)
class Slice(Rule[move.Slice]):
    """A view; its gradient is new, zeros elsewhere, unless the slice is the whole."""

    needs_strides = True

    def autograd(self, call: Call[move.Slice]) -> Autograd:
        return Autograd(gradient=Gradient.VIEW) if same(call.output, call.x) else Autograd()

    def output_strides(self, call: Call[move.Slice]) -> Strides:
        strides, axis = call.strides[0], call.op.axis
        return *strides[:axis], strides[axis] * call.op.step, *strides[axis + 1 :]

    def gradient_strides(self, call: Call[move.Slice], position: int, strides: Strides) -> Strides | None:
        return strides if same(call.output, call.x) else contiguous(call.x)


@runs(move.Select)
class Select(Rule[move.Select]):
    """A view without an axis; its gradient is new, zeros elsewhere."""

    needs_strides = True

    def autograd(self, call: Call[move.Select]) -> Autograd:
        return Autograd()

    def output_strides(self, call: Call[move.Select]) -> Strides:
        strides, axis = call.strides[0], call.op.axis
        return *strides[:axis], *strides[axis + 1 :]


@runs(move.Expand)
class Expand(Rule[move.Expand]):
    """A view whose repeated axes have stride 0; its gradient is summed."""

    needs_strides = True

    def autograd(self, call: Call[move.Expand]) -> Autograd:
        own = Gradient.SAME if same(call.output, call.x) else Gradient.NEW
        return Autograd(gradient=(own, Gradient.NONE))

    def output_strides(self, call: Call[move.Expand]) -> Strides:
        new = len(call.output) - len(call.x)
        sizes = zip(call.output[new:], call.x, call.strides[0], strict=True)
        return *[0] * new, *(0 if a != b else step for a, b, step in sizes)


@runs(move.Roll)
class Moved(SuggestedFormat[Op]):
    """A new tensor whose derivative needs no value."""

    def autograd(self, call: Call[Op]) -> Autograd:
        return Autograd()

    def gradient_strides(self, call: Call[Op], position: int, strides: Strides) -> Strides | None:
        return suggested_format(call.output, strides, call.x)


@runs(resample.Interpolate)
class Resampled(Moved[resample.Interpolate]):
    """The same; some derivatives know one format alone."""

    def gradient_strides(
        self, call: Call[resample.Interpolate], position: int, strides: Strides
    ) -> Strides | None:
        if call.op.mode == "bicubic" or (call.op.mode.startswith("nearest") and len(call.x) == 5):
            return contiguous(call.x)
        return super().gradient_strides(call, position, strides)


@runs(move.Flip)
class Flip(PreservesFormat[move.Flip]):
    """The same, in any format."""

    def autograd(self, call: Call[move.Flip]) -> Autograd:
        return Autograd()


@runs(reshape.ZeroPad)
class ZeroPad(Moved[reshape.ZeroPad]):
    """The gradient is a copy of a part."""

    def gradient_strides(self, call: Call[Op], position: int, strides: Strides) -> Strides | None:
        return preserve_format(call.x, strides)


class Patches(Rule[Op]):
    """col2im and im2col leave what they make in a storage of their input's size, if that is larger.

    Windows that PyTorch has no kernel for (over three axes, unevenly padded) are put together from others:
    their memory is an estimate.
    """

    may_estimate = True

    def estimated(self, call: Call[Op]) -> bool:
        return not patch.native(call.op.windows(*call.inputs))

    def autograd(self, call: Call[Op]) -> Autograd:
        return Autograd()

    def storage_bytes(self, call: Call[Op]) -> int:
        return max(call.bytes_of(call.x), call.output_bytes)


@runs(patch.Unfold)
class Unfold(Patches[patch.Unfold]):
    """The gradient is folded."""

    def gradient_bytes(self, call: Call[patch.Unfold], position: int) -> int:
        return max(call.bytes_of(call.x), call.output_bytes)


@runs(patch.Fold)
class Fold(Patches[patch.Fold]):
    """The gradient is unfolded."""

    def gradient_bytes(self, call: Call[patch.Fold], position: int) -> int:
        return max(call.bytes_of(call.x), call.output_bytes)


@runs(move.Pad)
class Pad(SuggestedFormat[move.Pad]):
    """Reflected or replicated borders save the input; circular ones are copies whose order is an estimate."""

    may_estimate = True

    def estimated(self, call: Call[move.Pad]) -> bool:
        return call.op.mode == "circular"

    def autograd(self, call: Call[move.Pad]) -> Autograd:
        return Autograd((0,) if call.op.mode != "constant" else ())

    def gradient_strides(self, call: Call[move.Pad], position: int, strides: Strides) -> Strides | None:
        if call.op.mode != "constant":
            return super().gradient_strides(call, position, strides)
        if all(side >= 0 for sides in call.op.borders(call.x) for side in sides):
            return preserve_format(call.x, strides)  # a copy of a part
        return suggested_format(call.output, strides, call.x)

    def output_strides(self, call: Call[move.Pad]) -> Strides:
        if call.op.mode == "constant" and all(a <= 0 and b <= 0 for a, b in call.op.borders(call.x)):
            return preserve_format(call.output, call.strides[0])
        return super().output_strides(call)


@runs(move.Gather)
class Gather(Rule[move.Gather]):
    """The gradient is zeros and a sum in a trace; outside one PyTorch adds in place."""

    def autograd(self, call: Call[move.Gather]) -> Autograd:
        return Autograd(backward=call.bytes_of(call.x))


@runs(move.Overwrite)
class Overwrite(Rule[move.Overwrite]):
    """The part's gradient is copied; what nobody asks for is made all the same, and freed."""

    def output_strides(self, call: Call[move.Overwrite]) -> Strides:
        return call.strides[0]

    def gradient_strides(self, call: Call[move.Overwrite], position: int, strides: Strides) -> Strides | None:
        return contiguous(call.inputs[1]) if position else call.strides[0]

    def autograd(self, call: Call[move.Overwrite]) -> Autograd:
        whole, part = map(call.bytes_of, call.inputs)
        if 0 in call.untrained:
            return Autograd(backward=whole)
        return Autograd(backward=2 * part if 1 in call.untrained else part)


@runs(patch.Windows)
class Windows(Rule[patch.Windows]):
    """A view in which windows overlap; its gradient is new."""

    needs_strides = True

    def autograd(self, call: Call[patch.Windows]) -> Autograd:
        return Autograd()

    def output_strides(self, call: Call[patch.Windows]) -> Strides:
        strides, axis = call.strides[0], call.op.axis
        return *strides[:axis], strides[axis] * call.op.stride, *strides[axis + 1 :], strides[axis]


@runs(reshape.ChannelShuffle)
class ChannelShuffle(SuggestedFormat[reshape.ChannelShuffle]):
    """One group, or groups of one channel, leave all where it is."""

    def autograd(self, call: Call[reshape.ChannelShuffle]) -> Autograd:
        return Autograd(gradient=Gradient.SAME if self.stays(call) else Gradient.NEW)

    def stays(self, call: Call[reshape.ChannelShuffle]) -> bool:
        """Whether there is nothing to deal out."""
        return call.op.groups in (1, call.output[1])

    def output_strides(self, call: Call[reshape.ChannelShuffle]) -> Strides:
        if call.op.groups == 1:
            return call.strides[0]
        return preserve_format(call.x, call.strides[0]) if self.stays(call) else super().output_strides(call)

    def gradient_strides(
        self, call: Call[reshape.ChannelShuffle], position: int, strides: Strides
    ) -> Strides | None:
        return suggested_format(call.output, strides, call.x)


@runs(reshape.ChannelSplit)
class ChannelSplit(Rule[reshape.ChannelSplit]):
    """A view with its input's strides; its gradient is new, zeros in the other parts."""

    needs_strides = True

    def autograd(self, call: Call[reshape.ChannelSplit]) -> Autograd:
        return Autograd()

    def output_strides(self, call: Call[reshape.ChannelSplit]) -> Strides:
        return call.strides[0]


@runs(reshape.Crop)
class Crop(Rule[reshape.Crop]):
    """A view with its input's strides; the axes are cut one after the other, the first first."""

    needs_strides = True

    def autograd(self, call: Call[reshape.Crop]) -> Autograd:
        x, made = call.x, tuple(call.output)
        cut = [axis for axis in range(2, len(x)) if made[axis] != x[axis]]
        if not cut:
            return Autograd(gradient=Gradient.VIEW)
        # Backward every axis gets its zeros back, the last first: the gradient so far, and that with zeros.
        sizes = []
        for axis in reversed(cut):
            made = (*made[:axis], x[axis], *made[axis + 1 :])
            sizes.append(call.bytes_of(made))
        if len(sizes) == 1:
            return Autograd()
        pairs = zip(sizes[1:], sizes, strict=False)
        steps = [BackwardStep(sizes[0]), *[BackwardStep(a + b, gradient=False) for a, b in pairs]]
        return Autograd(steps=tuple(steps))

    def output_strides(self, call: Call[reshape.Crop]) -> Strides:
        return call.strides[0]


@runs(learned.Learned, learned.Constant, learned.Unused, FurtherInput)
class WeightValue(Rule[Op]):
    """Nothing runs; the gradient of a learned tensor is the one that arrives."""

    def autograd(self, call: Call[Op]) -> Autograd:
        return Autograd(gradient=Gradient.NONE, steals=True)
