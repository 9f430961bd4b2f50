"""Operators that move values and compute nothing: all of them are free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops.arguments import Label, Padding, Pair, Sizes
from cnncost.ops.base import (
    Elementwise,
    Operator,
    Reshaping,
    Storage,
    argument,
    channel_axis,
    channels_of,
    divide,
    text,
)
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, elements, holds

if TYPE_CHECKING:
    from torch import nn


class Flatten(Reshaping):
    """All values of an image as one vector of C * H * W features.

    Free: another look at the same memory.
    """

    name = "flatten"

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return x[0], elements(x[1:])

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Flatten()


class Reshape(Reshaping):
    """The same values in another shape.

    Free: another look at the same memory. One size may be -1: as many as are left.
    """

    name = "reshape"

    shape: Sizes = argument(minimum=-1, help="new shape without the batch, such as [16, 5, 5]")

    def check(self) -> None:
        if not 1 <= len(self.shape) <= 3 or 0 in self.shape or self.shape.count(-1) > 1:
            raise OperatorError(
                "reshape: shape must be one to three positive sizes, one of which may be -1",
                argument="shape",
            )

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        given = elements(tuple(size for size in self.shape if size != -1) or (1,))
        total = elements(x[1:])
        if not holds(total % given == 0 if -1 in self.shape else total == given):
            sizes = "x".join(map(str, self.shape))
            raise OperatorError(
                f"reshape: {text(x)} ({total} values) cannot become {sizes}", argument="shape"
            )
        return x[0], *(total // given if size == -1 else size for size in self.shape)

    def module(self, *inputs: Shape) -> nn.Module:
        sizes = self.output_shape(*inputs)[1:]
        return calling("reshape", lambda module, x: x.reshape(x.shape[0], *sizes))


class Identity(Elementwise):
    """The input itself, under a name of its own. Free."""

    name = "identity"
    kin = "reshape"

    def storage(self, training: bool = False) -> Storage:
        return Storage.VIEW

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Identity()


class ChannelShuffle(Elementwise):
    """Channels dealt out anew, so that the next grouped convolution sees all groups.

    Free: values are moved, nothing is computed (Zhang et al. 2017, section 3.1).
    """

    name = "channel_shuffle"
    kin = "reshape"

    groups: int = argument(symbol="G", minimum=1, help="number of channel groups")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        divide(self, channels_of(self, x), self.groups, "input")
        return x

    def storage(self, training: bool = False) -> Storage:
        return Storage.VIEW if self.groups == 1 else Storage.NEW

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        # One group, or groups of one, have nothing to deal out; PyTorch would copy on the CPU, and
        # look again elsewhere.
        if self.groups == inputs[0][1] > 1:
            return calling("channel_shuffle", lambda module, x: x.clone())
        return nn.Identity() if self.groups == 1 else nn.ChannelShuffle(self.groups)


class ChannelSplit(Operator):
    """One of several equal parts of the channels: C / parts of them.

    Free: another look at the same memory (Ma et al. 2018, section 3.2). The other parts are other
    steps that start from the same label.
    """

    name = "channel_split"
    kin = "reshape"

    parts: int = argument(2, minimum=1, help="number of equal parts")
    take: int = argument(0, minimum=0, help="which of them, counted from 0")

    def check(self) -> None:
        if self.take >= self.parts:
            raise OperatorError(
                f"channel_split: take must be less than the {self.parts} parts, not {self.take}",
                argument="take",
            )

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        axis = channel_axis(x)
        return *x[:axis], divide(self, x[axis], self.parts, "input", "parts"), *x[axis + 1 :]

    def storage(self, training: bool = False) -> Storage:
        return Storage.VIEW

    def module(self, *inputs: Shape) -> nn.Module:
        axis = channel_axis(inputs[0])
        size = self.output_shape(*inputs)[axis]
        return calling("channel_split", lambda module, x: x.narrow(axis, self.take * size, size))


class ZeroPad(Operator):
    """Zeros around every map, and maps of zeros before or after the others.

    Free: values are copied, nothing is computed (He et al. 2015, section 3.3, option A).
    """

    name = "zero_pad"
    kin = "reshape"

    pad: Padding = argument(0, symbol="P", minimum=0, help="a number, [height, width] or four sides")
    channels: Sizes = argument(0, minimum=0, help="number of zero maps after the others, or [before, after]")

    def check(self) -> None:
        if self.pad == "same":
            raise OperatorError("zero_pad: there is no window that pad: same could follow", argument="pad")
        if len(self.channels) > 2:
            raise OperatorError(
                "zero_pad: channels must be a whole number or a pair [before, after]", argument="channels"
            )

    @property
    def sides(self) -> tuple[int, ...]:
        """(left, right, top, bottom, first, last): zeros at both ends of width, height, channels."""
        top, bottom, left, right = (int(side) for side in self.pad)
        first, last = (0, *self.channels)[-2:]
        return left, right, top, bottom, first, last

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        left, right, top, bottom, first, last = self.sides
        channels = channels_of(self, x)
        return x[0], channels + (first + last), x[2] + (top + bottom), x[3] + (left + right)

    def module(self, *inputs: Shape) -> nn.Module:
        from torch.nn import functional

        return calling("zero_pad", lambda module, x: functional.pad(x, self.sides))


class Crop(Operator):
    """A window of every map.

    Free: another look at the same memory (Ronneberger et al. 2015, section 2; Long et al. 2015).
    """

    name = "crop"
    kin = "reshape"
    reference = "like"

    size: Pair = argument(None, minimum=1, help="output size, a number or [height, width]")
    like: Label = argument(None, help="label of the tensor whose height and width it takes")
    offset: Pair = argument(None, minimum=0, help="first row and column; by default the window is central")

    def check(self) -> None:
        if (self.size is None) == (self.like is None):
            raise OperatorError("crop needs either size or like", argument="size")

    def output_shape(self, *inputs: Shape) -> Shape:
        x, *like = inputs
        channels = channels_of(self, x)
        if like:
            channels_of(self, like[0])
        height, width = like[0][2:] if like else self.size
        top, left = self.offset or (0, 0)
        if not holds((x[2] >= height + top) & (x[3] >= width + left)):
            place = f" at offset {top}, {left}" if self.offset else ""
            raise OperatorError(
                f"crop: {height}x{width}{place} does not fit into {x[2]}x{x[3]}",
                argument="offset" if self.offset else None,
            )
        return x[0], channels, height, width

    def storage(self, training: bool = False) -> Storage:
        return Storage.VIEW

    def module(self, *inputs: Shape) -> nn.Module:
        x, (_, _, height, width) = inputs[0], self.output_shape(*inputs)
        top, left = self.offset or ((x[2] - height) // 2, (x[3] - width) // 2)
        return calling("crop", lambda module, x: x[:, :, top : top + height, left : left + width])
