"""Resizing of maps by interpolation. Learned upsampling is in `conv`, unpooling in `pool`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops import window
from cnncost.ops.arguments import Label, PerAxis
from cnncost.ops.base import Operator, Reach, argument, map_of, only_of, text
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, ceil_div, elements, holds, maximum, resized

if TYPE_CHECKING:
    from fractions import Fraction

    from torch import nn

TAPS = {"nearest": 1, "nearest-exact": 1, "linear": 2, "bilinear": 2, "trilinear": 2, "bicubic": 4}
"""How many neighbouring input values of an axis make an output value."""

ONLY = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}
"""Of how many axes the maps are that a mode is for; the others are for any."""


class Interpolate(Operator):
    """Maps resized by interpolation, pixel centres aligned (PyTorch: align_corners false).

    Output size as given, of the label, or floor(scale * size). Nearest is free: values are copied.
    Linear (one axis of space) weighs 2 input values per output value, 2 multiplications and an addition;
    bilinear (two) 4, 4 and 3; trilinear (three) 8, 8 and 7; bicubic 16, 16 and 15 (Keys 1981).
    Antialiased, the taps of an axis that shrinks are spread over as many input values as fall under them.
    The weights themselves are not counted: all maps share them.
    """

    name = "interpolate"
    kin = "resampling"
    reference = "like"

    size: PerAxis = argument(None, minimum=1, help="output size, a number or one per axis: [height, width]")
    scale: float = argument(None, help="output size over input size")
    like: Label = argument(None, help="label of the tensor whose sizes it takes")
    mode: str = argument("nearest", choices=tuple(TAPS), help="how values between pixels are found")
    antialias: bool = argument(False, help="where the map shrinks, the window grows")

    def check(self) -> None:
        if (self.size is None) + (self.scale is None) + (self.like is None) != 2:
            raise OperatorError("interpolate needs one of size, scale and like", argument="size")
        if self.scale is not None and self.scale <= 0:
            raise OperatorError(f"interpolate: scale must be positive, not {self.scale:g}", argument="scale")
        if self.antialias and self.mode not in ("bilinear", "bicubic"):
            raise OperatorError(f"interpolate: {self.mode} cannot be antialiased", argument="antialias")

    def output_shape(self, *inputs: Shape) -> Shape:
        given, *like = inputs
        x = map_of(self, given)
        if self.mode in ONLY:
            only_of(self, x, ONLY[self.mode], f"interpolate: {self.mode}")
        if like:
            space: Sequence[int] = map_of(self, like[0])[2:]
            if len(space) != len(x) - 2:
                raise OperatorError(
                    f"interpolate: {text(x)} cannot take the size of {text(like[0])}", argument="like"
                )
        elif self.size is not None:
            space = window.per_axis("interpolate", "size", self.size, x.axes[2:])
        else:
            space = [self.scaled(size) for size in x[2:]]
        if not all(holds(size >= 1) for size in space):
            raise OperatorError(
                f"interpolate: {text(x[1:])} times {self.scale:g} leaves nothing", argument="scale"
            )
        return resized(x, (*x[:2], *space))

    def scaled(self, size: int) -> int:
        """floor(scale * size), in integers."""
        over, under = self.ratio.as_integer_ratio()
        return over * size if under == 1 else over * size // under

    @property
    def ratio(self) -> Fraction:
        """The scale as a fraction; 1/3 may be written with some digits."""
        from fractions import Fraction

        return Fraction(self.scale).limit_denominator(1000)

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        if TAPS[self.mode] == 1:
            return {}
        (x, *_) = inputs
        taps = 1
        for size, made in zip(x[2:], output[2:], strict=True):
            taps = taps * self.taps(size, made)
        total = elements(output)
        return {"multiplications": taps * total, "additions": (taps - 1) * total}

    def taps(self, size: int, resized: int) -> int:
        """How many input values of an axis make an output value."""
        taps = TAPS[self.mode]
        return maximum(taps, ceil_div(taps * size, resized)) if self.antialias else taps

    def receptive(self, *inputs: Shape) -> Reach | None:
        from fractions import Fraction

        output, x = self.output_shape(*inputs), inputs[0]
        return tuple(
            [
                (1 if size == made else self.taps(size, made), Fraction(size, made))
                for size, made in zip(x[2:], output[2:], strict=True)
            ]
        )

    def module(self, *inputs: Shape) -> nn.Module:
        from torch.nn import functional

        size = self.output_shape(*inputs)[2:]
        aligned = None if self.mode.startswith("nearest") else False
        return calling(
            "interpolate",
            lambda module, x: functional.interpolate(
                x, size, mode=self.mode, align_corners=aligned, antialias=self.antialias
            ),
        )
