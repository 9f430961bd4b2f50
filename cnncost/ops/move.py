"""Operators of imported networks that move values along any axis and compute nothing.

Axes count from 0, the batch. Where a size may be -1 its operator says what that stands for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncost.errors import OperatorError
from cnncost.ops import window
from cnncost.ops.arguments import Label, Padding, Sizes
from cnncost.ops.base import Operator, Reshaping, Storage, argument, map_of, text
from cnncost.ops.modules import calling
from cnncost.ops.sizes import (
    FREE,
    Shape,
    axes_of,
    ceil_div,
    elements,
    free,
    holds,
    resized,
    shaped,
    with_batch,
    without,
)
from cnncost.ops.window import Border

if TYPE_CHECKING:
    from torch import nn


class Move(Operator):
    """What the moves share: the output is a view of the input, unless they say otherwise."""

    moves_batch = True
    kin = "reshape"

    def storage(self, training: bool = False) -> Storage:
        return Storage.VIEW

    def axis_of(self, axis: int, x: Shape) -> int:
        """An axis, checked against a shape."""
        if not 0 <= axis < len(x):
            raise OperatorError(f"{self.name}: {text(x)} has no axis {axis}", argument="axis")
        return axis


class View(Reshaping, Move):
    """The same values in another shape, the batch axis included.

    Free. Windows of a map become images of their own: [-1, 49, 96]. One size may be -1: as many as
    are left, which is how the batch enters.
    """

    name = "view"

    shape: Sizes = argument(minimum=-1, help="new shape with the batch axis; one size may be -1")
    copy: bool = argument(False, help="the values have to be copied, since they are not contiguous")

    def check(self) -> None:
        if not self.shape or 0 in self.shape or self.shape.count(-1) > 1:
            raise OperatorError(
                "view: shape must be positive sizes, one of which may be -1", argument="shape"
            )

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        given = elements(tuple(size for size in self.shape if size != -1) or (1,))
        total = elements(x)
        if not holds(total % given == 0 if -1 in self.shape else total == given):
            raise OperatorError(
                f"view: {total} values cannot become {'x'.join(map(str, self.shape))}",
                argument="shape",
                cure=None if -1 in self.shape else "one size may be -1: that is where the batch enters",
            )
        return free([total // given if size == -1 else size for size in self.shape])

    def storage(self, training: bool = False) -> Storage:
        return Storage.NEW if self.copy else Storage.VIEW

    def module(self, *inputs: Shape) -> nn.Module:
        def viewed(module: Any, x: Any) -> Any:
            x = x.reshape(self.shape)
            return x.clone() if self.copy and x._is_view() else x

        return calling("view", viewed)


class Copy(Move):
    """The same values in memory of their own, one after the other. Free: nothing is computed."""

    name = "copy"

    def output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def storage(self, training: bool = False) -> Storage:
        return Storage.NEW

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import contiguous_format

        return calling("copy", lambda module, x: x.clone(memory_format=contiguous_format))


class Permute(Move):
    """Axes in another order. Free: a view of the input."""

    name = "permute"

    axes: Sizes = argument(minimum=0, help="for every axis of the output the axis of the input")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if sorted(self.axes) != list(range(len(x))):
            raise OperatorError(
                f"permute: axes must name each of the {len(x)} axes once, not {list(self.axes)}",
                argument="axes",
            )
        letters = axes_of(x)
        names = letters if letters == FREE else "".join(letters[axis] for axis in self.axes)
        return shaped(names, [x[axis] for axis in self.axes])

    def module(self, *inputs: Shape) -> nn.Module:
        return calling("permute", lambda module, x: x.permute(self.axes))


class Slice(Move):
    """Every step-th position of an axis from start to before stop. Free: a view of the input."""

    name = "slice"

    axis: int = argument(minimum=0, help="which axis; 0 is the batch")
    start: int = argument(0, minimum=0, help="first position")
    stop: int = argument(None, minimum=0, help="position behind the last; by default all that follow")
    step: int = argument(1, minimum=1, help="distance of neighbouring positions")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        axis = self.axis_of(self.axis, x)
        stop = x[axis] if self.stop is None else self.stop
        if not holds((x[axis] >= stop) & (stop > self.start)):
            raise OperatorError(
                f"slice: {self.start} to {stop} is not part of an axis of {x[axis]}", argument="start"
            )
        return resized(x, (*x[:axis], ceil_div(stop - self.start, self.step), *x[axis + 1 :]))

    def module(self, *inputs: Shape) -> nn.Module:
        where = (*[slice(None)] * self.axis, slice(self.start, self.stop, self.step))
        return calling("slice", lambda module, x: x[where])


class Select(Move):
    """One position of an axis, which is gone then. Free: a view of the input."""

    name = "select"

    axis: int = argument(minimum=0, help="which axis; 0 is the batch")
    index: int = argument(0, minimum=0, help="the position")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        axis = self.axis_of(self.axis, x)
        if not holds(x[axis] > self.index):
            raise OperatorError(
                f"select: an axis of {x[axis]} has no position {self.index}", argument="index"
            )
        return without(x, (axis,))

    def module(self, *inputs: Shape) -> nn.Module:
        return calling("select", lambda module, x: x.select(self.axis, self.index))


class Expand(Move):
    """Axes of size 1 repeated without a copy, as for a class token per image. Free.

    A size of -k is k times the batch of the tensor that `like` names; 0 leaves an axis as it is.
    """

    name = "expand"
    inputs = 2
    reference = "like"

    shape: Sizes = argument(
        help="new shape with the batch axis; -k is k times the batch of `like`, 0 as it is"
    )
    like: Label = argument(help="label of a tensor whose first axis is the batch, such as input")

    def output_shape(self, *inputs: Shape) -> Shape:
        x, like = inputs
        aligned = (1,) * (len(self.shape) - len(x)) + tuple(x)
        output = tuple(
            size or old for size, old in zip(with_batch(self.shape, like[0]), aligned, strict=False)
        )
        if len(aligned) != len(output) or not all(
            holds((a == b) | (a == 1)) for a, b in zip(aligned, output, strict=True)
        ):
            raise OperatorError(
                f"expand: {'x'.join(map(str, x))} cannot be repeated to {'x'.join(map(str, output))}",
                argument="shape",
            )
        return resized(x, output) if len(x) == len(output) else free(output)

    def module(self, *inputs: Shape) -> nn.Module:
        def expanded(module: Any, x: Any, like: Any) -> Any:
            return x.expand(self.output_shape(free(x.shape), free(like.shape)))

        return calling("expand", expanded)


class Roll(Move):
    """Positions moved around an axis, the last ones to the front: Swin's shifted windows.

    Free: values are copied, nothing is computed (Liu et al. 2021, section 3.2).
    """

    name = "roll"

    shifts: Sizes = argument(help="by how many positions, for every axis")
    axes: Sizes = argument(minimum=0, help="which axes; 0 is the batch")

    def check(self) -> None:
        if len(self.shifts) != len(self.axes):
            raise OperatorError("roll: as many shifts as axes are needed", argument="shifts")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        for axis in self.axes:
            self.axis_of(axis, x)
        return x

    def storage(self, training: bool = False) -> Storage:
        return Storage.NEW

    def module(self, *inputs: Shape) -> nn.Module:
        return calling("roll", lambda module, x: x.roll(self.shifts, self.axes))


class Flip(Move):
    """Axes backwards. Free: values are copied."""

    name = "flip"

    axes: Sizes = argument(minimum=0, help="which axes; 0 is the batch")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        for axis in self.axes:
            self.axis_of(axis, x)
        return x

    def storage(self, training: bool = False) -> Storage:
        return Storage.NEW

    def module(self, *inputs: Shape) -> nn.Module:
        return calling("flip", lambda module, x: x.flip(self.axes))


class Pad(Move):
    """Values put before and after the positions of axes. Free: values are copied.

    One value everywhere, or what stands at the border: mirrored (reflect) or repeated (replicate), or what
    stands at the other end (circular).
    """

    name = "pad"

    before: Sizes = argument(None, help="for every axis how many are added at its start; negative cuts")
    after: Sizes = argument(None, help="for every axis how many are added at its end; negative cuts")
    sides: Padding = argument(
        None,
        minimum=0,
        help="of a map's space: a number, one per axis, or before and after of each",
    )
    value: float = argument(0.0, help="the value")
    mode: str = argument(
        "constant", choices=("constant", "reflect", "replicate", "circular"), help="what is put there"
    )

    def check(self) -> None:
        if (self.before is None) != (self.after is None) or (self.before is None) == (self.sides is None):
            raise OperatorError("pad needs either sides, or before and after", argument="sides")
        if self.sides == "same":
            raise OperatorError("pad: there is no window that sides: same could follow", argument="sides")
        if self.sides is not None:
            return
        if len(self.before) != len(self.after):
            raise OperatorError("pad: before and after need a size for every axis", argument="after")
        if self.mode != "constant" and any(self.before[:2] + self.after[:2]):
            raise OperatorError(
                f"pad: images and channels cannot be padded with {self.mode}", argument="mode"
            )

    def borders(self, x: Shape) -> list[Border]:
        """(before, after) of every axis, the batch first. Raises OperatorError for more or fewer axes."""
        if self.sides is not None:
            return [(0, 0), (0, 0), *window.borders_of("pad", self.sides, map_of(self, x).axes[2:], "sides")]
        if len(x) != len(self.before):
            raise OperatorError(f"pad: before needs {len(x)} sizes, one per axis", argument="before")
        return list(zip(self.before, self.after, strict=True))

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        borders = self.borders(x)
        for size, border in zip(x, borders, strict=True):
            most = max(border)
            if self.mode == "reflect" and not holds(size > most):
                raise OperatorError(f"pad: {size} positions are too few to mirror {most} of them")
            if self.mode == "circular" and not holds(size >= most):
                raise OperatorError(
                    f"pad: {size} positions are too few to put {most} of them at the other end"
                )
        return resized(x, [size + (b + a) for size, (b, a) in zip(x, borders, strict=True)])

    def storage(self, training: bool = False) -> Storage:
        return Storage.NEW

    def module(self, *inputs: Shape) -> nn.Module:
        from torch.nn import functional

        sides = window.flat(self.borders(inputs[0])[0 if self.mode == "constant" else 2 :])
        value = self.value if self.mode == "constant" else None
        return calling("pad", lambda module, x: functional.pad(x, sides, self.mode, value))


class Gather(Move):
    """Values picked from fixed positions of an axis, the relative positions of an attention for one.

    Free: values are copied, nothing is computed.
    """

    name = "gather"

    axis: int = argument(0, minimum=0, help="which axis; 0 is the batch")
    count: int = argument(minimum=1, help="how many positions are picked")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        axis = self.axis_of(self.axis, x)
        return resized(x, (*x[:axis], self.count, *x[axis + 1 :]))

    def storage(self, training: bool = False) -> Storage:
        return Storage.NEW

    def module(self, *inputs: Shape) -> nn.Module:
        """Position i of the output is position i modulo the axis: what is picked costs the same."""
        import torch

        module = calling("gather", lambda module, x: x.index_select(self.axis, module.where))
        module.register_buffer("where", torch.arange(self.count) % inputs[0][self.axis])
        return module


class Overwrite(Move):
    """A tensor, part of which is overwritten with the values of a second one. Free: values are copied."""

    name = "overwrite"
    inputs = None

    start: Sizes = argument(minimum=0, help="where the part begins, for every axis")

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(inputs) != 2 or not len(inputs[0]) == len(inputs[1]) == len(self.start):
            raise OperatorError("overwrite: start needs a position for every axis of both", argument="start")
        whole, part = inputs
        fits = [holds(at + size <= all) for at, size, all in zip(self.start, part, whole, strict=True)]
        if not all(fits):
            raise OperatorError(
                f"overwrite: {text(part)} at {list(self.start)} does not fit into {text(whole)}",
                argument="start",
            )
        return whole

    def module(self, *inputs: Shape) -> nn.Module:
        def overwritten(module: Any, whole: Any, part: Any) -> Any:
            whole[tuple(slice(at, at + size) for at, size in zip(self.start, part.shape, strict=True))] = part
            return whole

        return calling("overwrite", overwritten)
