"""Moves of a network's own layers: flatten, reshape, crops, zeros around a map, channels dealt out. All free.

Moves along any axis, as imports have them, are in `move`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops import window
from cnncost.ops.arguments import Label, Padding, PerAxis, Sizes
from cnncost.ops.base import (
    Elementwise,
    Operator,
    Reshaping,
    Storage,
    argument,
    channel_axis,
    divide,
    map_of,
    text,
)
from cnncost.ops.modules import calling
from cnncost.ops.sizes import AXES, MAPS, Shape, elements, holds, resized, shaped
from cnncost.ops.window import Border

if TYPE_CHECKING:
    from torch import nn


class Flatten(Reshaping):
    """All values of an image as one vector of C * H * W features.

    Free: a view of the input.
    """

    name = "flatten"

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return shaped("NC", (x[0], elements(x[1:])))

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Flatten()


class Reshape(Reshaping):
    """The same values in another shape.

    Free: a view of the input. One size may be -1: as many as are left. One size makes a
    vector, two make tokens (length x channels), three and four a map (channels x height x width), unless
    `axes` names them otherwise: reshape: {shape: [16, 100], axes: CW}.
    """

    name = "reshape"

    shape: Sizes = argument(minimum=-1, help="new shape without the batch, such as [16, 5, 5]")

    axes: str = argument(None, help="a letter per size (CW, CL, LC, CHW), if they are not the usual ones")

    def check(self) -> None:
        if not 1 <= len(self.shape) <= 4 or 0 in self.shape or self.shape.count(-1) > 1:
            raise OperatorError(
                "reshape: shape must be one to four positive sizes, one of which may be -1",
                argument="shape",
            )
        check_axes("reshape", self.letters, len(self.shape))

    @property
    def letters(self) -> str:
        """A letter per size of the new shape."""
        return self.axes or ("C", "LC", "CHW", "CDHW")[len(self.shape) - 1]

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        given = elements(tuple(size for size in self.shape if size != -1) or (1,))
        total = elements(x[1:])
        if not holds(total % given == 0 if -1 in self.shape else total == given):
            wanted = "x".join(map(str, self.shape))
            raise OperatorError(
                f"reshape: {text(x)} ({total} values) cannot become {wanted}", argument="shape"
            )
        sizes = [total // given if size == -1 else size for size in self.shape]
        return shaped(f"N{self.letters}", (x[0], *sizes))

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
        x = map_of(self, inputs[0])
        divide(self, x[1], self.groups, "input")
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

    Free: a view of the input (Ma et al. 2018, section 3.2). The other parts are other
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
        axis = channel_axis(x, self)
        part = divide(self, x[axis], self.parts, "input", "parts")
        return resized(x, (*x[:axis], part, *x[axis + 1 :]))

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

    pad: Padding = argument(
        0, symbol="P", minimum=0, help="a number, one per axis, or before and after of each"
    )
    channels: Sizes = argument(0, minimum=0, help="number of zero maps after the others, or [before, after]")

    def check(self) -> None:
        if self.pad == "same":
            raise OperatorError("zero_pad: there is no window that pad: same could follow", argument="pad")
        if len(self.channels) > 2:
            raise OperatorError(
                "zero_pad: channels must be a whole number or a pair [before, after]", argument="channels"
            )

    def sides(self, x: Shape) -> list[Border]:
        """Zeros at both ends of the channels and of every axis."""
        first, last = (0, *self.channels)[-2:]
        return [(first, last), *window.borders_of("zero_pad", self.pad, map_of(self, x).axes[2:])]

    def output_shape(self, *inputs: Shape) -> Shape:
        x = map_of(self, inputs[0])
        sizes = [size + (first + last) for size, (first, last) in zip(x[1:], self.sides(x), strict=True)]
        return resized(x, (x[0], *sizes))

    def module(self, *inputs: Shape) -> nn.Module:
        from torch.nn import functional

        sides = window.flat(self.sides(inputs[0]))
        return calling("zero_pad", lambda module, x: functional.pad(x, sides))


class Crop(Operator):
    """A window of every map.

    Free: a view of the input (Ronneberger et al. 2015, section 2; Long et al. 2015).
    """

    name = "crop"
    kin = "reshape"
    reference = "like"

    size: PerAxis = argument(None, minimum=1, help="output size, a number or one per axis: [height, width]")
    like: Label = argument(None, help="label of the tensor whose sizes it takes")
    offset: PerAxis = argument(
        None, minimum=0, help="first position on every axis; by default the window is central"
    )

    def check(self) -> None:
        if (self.size is None) == (self.like is None):
            raise OperatorError("crop needs either size or like", argument="size")

    def output_shape(self, *inputs: Shape) -> Shape:
        given, *like = inputs
        x = map_of(self, given)
        letters = x.axes[2:]
        space = map_of(self, like[0])[2:] if like else window.per_axis("crop", "size", self.size, letters)
        offset = window.per_axis("crop", "offset", self.offset or 0, letters)
        if len(space) != len(x) - 2:
            raise OperatorError(f"crop: {text(x)} cannot take the size of {text(like[0])}", argument="like")
        fits = [holds(size >= inner + at) for size, inner, at in zip(x[2:], space, offset, strict=True)]
        if not all(fits):
            place = f" at offset {', '.join(map(str, offset))}" if self.offset else ""
            raise OperatorError(
                f"crop: {'x'.join(map(str, space))}{place} does not fit into {text(x[1:])}",
                argument="offset" if self.offset else None,
            )
        return resized(x, (*x[:2], *space))

    def storage(self, training: bool = False) -> Storage:
        return Storage.VIEW

    def module(self, *inputs: Shape) -> nn.Module:
        x, space = map_of(self, inputs[0]), self.output_shape(*inputs)[2:]
        central = tuple([(size - inner) // 2 for size, inner in zip(x[2:], space, strict=True)])
        first = window.per_axis("crop", "offset", self.offset, x.axes[2:]) if self.offset else central
        cut = [slice(at, at + size) for at, size in zip(first, space, strict=True)]
        return calling("crop", lambda module, x: x[(slice(None), slice(None), *cut)])


def check_axes(operator: str, axes: str, count: int) -> None:
    """Raise OperatorError unless `axes` has a letter for each of so many sizes, each once, C among them."""
    if len(axes) != count or len(set(axes)) < count or "C" not in axes or not set(axes) <= set(AXES) - {"N"}:
        raise OperatorError(
            f"{operator}: axes must name {count} size{'s' * (count > 1)} by a letter each, C for the channels"
            f" and some of L, W, H, D, not {axes!r}",
            argument="axes",
            cure=f"for example {MAPS[count - 1][1:]}",
        )
