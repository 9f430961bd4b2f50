"""Windows of a map as tensors, without a weight: cut out, laid out as columns, added up again.

Nothing is multiplied here; what the windows are for (attention, mostly) does that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnncost.errors import OperatorError
from cnncost.ops import window
from cnncost.ops.arguments import Padding, PerAxis
from cnncost.ops.base import Operator, Reach, Storage, argument, described, map_of, text
from cnncost.ops.modules import calling
from cnncost.ops.sizes import MAPS, Shape, axes_of, elements, free, holds, shaped
from cnncost.ops.window import Slide, Slides

if TYPE_CHECKING:
    from torch import Tensor, nn


class Windows(Operator):
    """Windows along one axis, which may overlap; their positions become a last axis.

    Free: a view of the input. HaloNet's neighbourhoods (Vaswani et al. 2021, section 3.1).
    """

    name = "windows"
    kin = "reshape"

    axis: int = argument(minimum=0, help="which axis; 0 is the batch")
    size: int = argument(symbol="K", minimum=1, help="positions in a window")
    stride: int = argument(1, symbol="S", minimum=1, help="distance of neighbouring windows")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.axis >= len(x):
            raise OperatorError(f"windows: {text(x)} has no axis {self.axis}", argument="axis")
        if not holds(x[self.axis] >= self.size):
            raise OperatorError(
                f"windows: {self.size} positions do not fit into an axis of {x[self.axis]}", argument="size"
            )
        count = (x[self.axis] - self.size) // self.stride + 1
        return free((*x[: self.axis], count, *x[self.axis + 1 :], self.size))

    def storage(self, training: bool = False) -> Storage:
        return Storage.VIEW

    def module(self, *inputs: Shape) -> nn.Module:
        return calling("windows", lambda module, x: x.unfold(self.axis, self.size, self.stride))


class Patches(Operator):
    """What unfolding and folding share: the windows of a padded map."""

    kin = "reshape"

    kernel: PerAxis = argument(
        symbol="K", minimum=1, help="window, a number or one per axis: [height, width]"
    )
    stride: PerAxis = argument(1, symbol="S", minimum=1, help="step of the window")
    pad: Padding = argument(
        0, symbol="P", minimum=0, help="zeros: a number, one per axis, or before and after of each"
    )
    dilation: PerAxis = argument(1, symbol="D", minimum=1, help="distance of neighbouring taps")

    def check(self) -> None:
        if self.pad == "same":
            raise OperatorError(f"{self.name}: pad must be numbers", argument="pad")

    def slides(self, letters: str) -> Slides:
        """The window over the axes with these letters."""
        return window.slides(self.name, letters, self.kernel, self.stride, self.pad, self.dilation)

    def counts(self, slides: Slides, space: Sequence[int]) -> list[int]:
        """How many windows a map has along every axis."""
        return [slide.positions(self.name, size) for slide, size in zip(slides, space, strict=True)]


class Unfold(Patches):
    """The windows of a map as columns: C * K * K values for each of L positions (im2col).

    Over one, two or three axes, as the map has. Free: values are copied, each as often as windows hold it
    (Chellapilla et al. 2006, section 2).
    """

    name = "unfold"

    def windows(self, *inputs: Shape) -> Slides:
        return self.slides(map_of(self, inputs[0]).axes[2:])

    def output_shape(self, *inputs: Shape) -> Shape:
        x = map_of(self, inputs[0])
        slides = self.windows(x)
        length = elements(tuple(self.counts(slides, x[2:])))
        return shaped("NCL", (x[0], x[1] * window.area(slides), length))

    def receptive(self, *inputs: Shape) -> Reach | None:
        return tuple([slide.seen() for slide in self.windows(*inputs)])

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        slides = self.windows(*inputs)
        if not native(slides):
            return calling("unfold", lambda module, x: columns(x, slides))
        unfold = nn.Unfold(*torchs(slides))
        return unfold if len(slides) == 2 else calling("unfold", lambda module, x: unfold(x.unsqueeze(2)))


class Fold(Patches):
    """Columns put back as windows of a map, overlapping values added (col2im).

    One addition per value that is put back.
    """

    name = "fold"

    size: PerAxis = argument(minimum=1, help="sizes of the map's space, one per axis: [height, width]")

    @property
    def space(self) -> tuple[int, ...]:
        """Sizes of the map's axes; one number is that of a square image."""
        return self.size if isinstance(self.size, tuple) else (self.size, self.size)

    def windows(self, *inputs: Shape) -> Slides:
        return self.slides(MAPS[len(self.space)][2:])

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        slides = self.windows(x)
        positions = elements(tuple(self.counts(slides, self.space)))
        named = axes_of(x) in ("?", "NCL", "NCW")
        if not named or len(x) != 3 or not holds(x[2] == positions):
            raise OperatorError(
                f"fold: {described(x)} are not columns for the {positions} windows of a map of"
                f" {'x'.join(map(str, self.space))}",
                argument="size",
            )
        size = window.area(slides)
        if not holds(x[1] % size == 0):
            kernel = "x".join(str(slide.kernel) for slide in slides)
            raise OperatorError(f"fold: {x[1]} values are not windows of {kernel}", argument="kernel")
        return shaped(MAPS[len(slides)], (x[0], x[1] // size, *self.space))

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"additions": elements(inputs[0])}

    def receptive(self, *inputs: Shape) -> Reach | None:
        return tuple([slide.spread() for slide in self.windows(*inputs)])

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        slides, space = self.windows(*inputs), self.space
        if native(slides):
            fold = nn.Fold((1, *space)[-2:], *torchs(slides))
            return fold if len(slides) == 2 else calling("fold", lambda module, x: fold(x).squeeze(2))
        return put_back(slides, space)


def native(slides: Slides) -> bool:
    """Whether PyTorch has such windows: over an image, or a sequence as one of height 1, padded evenly."""
    return len(slides) < 3 and all(slide.before == slide.after for slide in slides)


def torchs(slides: Slides) -> tuple[tuple[int, int], ...]:
    """(kernel, dilation, padding, stride) of `torch.nn.Unfold`; a sequence is an image of height 1."""
    height, width = (Slide("H", 1), *slides)[-2:]
    kinds = ("kernel", "dilation", "before", "stride")
    return tuple([(getattr(height, kind), getattr(width, kind)) for kind in kinds])


def columns(x: Tensor, slides: Slides) -> Tensor:
    """The windows of a map as columns, where `torch.nn.Unfold` has no such map or padding."""
    from torch.nn import functional

    borders = [(slide.before, slide.after) for slide in slides]
    if any(map(any, borders)):
        x = functional.pad(x, window.flat(borders))
    for axis, slide in enumerate(slides, 2):
        x = x.unfold(axis, slide.reach, slide.stride)[..., :: slide.dilation]
    rank = len(slides)
    taps, places = range(2 + rank, 2 + 2 * rank), range(2, 2 + rank)
    return x.permute(0, 1, *taps, *places).flatten(1, 1 + rank).flatten(2)


def put_back(slides: Slides, space: Sequence[int]) -> nn.Module:
    """A module that adds columns up as a map, where `torch.nn.Fold` has no such map or padding.

    `where` tells for every value of a column where it belongs in the flattened padded map.
    """
    import torch

    whole = [size + slide.before + slide.after for slide, size in zip(slides, space, strict=True)]
    inside = [slice(slide.before, slide.before + size) for slide, size in zip(slides, space, strict=True)]
    size, taps = elements(tuple(whole)), window.area(slides)

    def fold(module: Any, x: Tensor) -> Tensor:
        batch, channels = x.shape[0], x.shape[1] // taps
        flat = x.new_zeros((batch, channels, size))
        flat.index_add_(2, module.where, x.reshape(batch, channels, -1))
        result = flat.reshape(batch, channels, *whole)
        return result if list(space) == whole else result[(slice(None), slice(None), *inside)].clone()

    module = calling("fold", fold)
    places = torch.arange(size, dtype=torch.float64).reshape(1, 1, *whole)
    bare = tuple([slide._replace(before=0, after=0) for slide in slides])
    module.register_buffer("where", columns(places, bare).long().flatten(), persistent=False)
    return module
