"""Resizing of maps by interpolation. Learned upsampling is in `conv`, unpooling in `pool`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops.arguments import Label, Pair
from cnncost.ops.base import Operator, Reach, argument, channels_of
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, ceil_div, elements, holds, maximum

if TYPE_CHECKING:
    from fractions import Fraction

    from torch import nn

TAPS = {"nearest": 1, "bilinear": 2, "bicubic": 4}
"""How many neighbouring input values of an axis make an output value."""


class Interpolate(Operator):
    """Maps resized by interpolation, pixel centres aligned (PyTorch: align_corners false).

    Output size as given, of the label, or floor(scale * size). Nearest is free: values are copied.
    Bilinear weighs 4 input values per output value, 4 multiplications and 3 additions; bicubic 16,
    16 and 15 (Keys 1981). Antialiased, the taps of an axis that shrinks are spread over as many input
    values as fall under them. The weights themselves are not counted: all maps share them.
    """

    name = "interpolate"
    kin = "resampling"
    reference = "like"

    size: Pair = argument(None, minimum=1, help="output size, a number or [height, width]")
    scale: float = argument(None, help="output size over input size")
    like: Label = argument(None, help="label of the tensor whose height and width it takes")
    mode: str = argument("nearest", choices=tuple(TAPS), help="how values between pixels are found")
    antialias: bool = argument(False, help="where the map shrinks, the window grows")

    def check(self) -> None:
        if (self.size is None) + (self.scale is None) + (self.like is None) != 2:
            raise OperatorError("interpolate needs one of size, scale and like", argument="size")
        if self.scale is not None and self.scale <= 0:
            raise OperatorError(f"interpolate: scale must be positive, not {self.scale:g}", argument="scale")
        if self.antialias and self.mode == "nearest":
            raise OperatorError("interpolate: nearest cannot be antialiased", argument="antialias")

    def output_shape(self, *inputs: Shape) -> Shape:
        x, *like = inputs
        channels = channels_of(self, x)
        if like:
            channels_of(self, like[0])
        height, width = like[0][2:] if like else self.size or (self.scaled(x[2]), self.scaled(x[3]))
        if not (holds(height >= 1) and holds(width >= 1)):
            raise OperatorError(
                f"interpolate: {x[2]}x{x[3]} times {self.scale:g} leaves nothing", argument="scale"
            )
        return x[0], channels, height, width

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
        if self.mode == "nearest":
            return {}
        (x, *_) = inputs
        taps = self.taps(x[2], output[2]) * self.taps(x[3], output[3])
        total = elements(output)
        return {"multiplications": taps * total, "additions": (taps - 1) * total}

    def taps(self, size: int, resized: int) -> int:
        """How many input values of an axis make an output value."""
        taps = TAPS[self.mode]
        return maximum(taps, ceil_div(taps * size, resized)) if self.antialias else taps

    def receptive(self, *inputs: Shape) -> Reach | None:
        from fractions import Fraction

        output, x = self.output_shape(*inputs), inputs[0]
        height, width = Fraction(x[2], output[2]), Fraction(x[3], output[3])
        rows, columns = self.taps(x[2], output[2]), self.taps(x[3], output[3])
        return (1 if height == 1 else rows, height), (1 if width == 1 else columns, width)

    def module(self, *inputs: Shape) -> nn.Module:
        from torch.nn import functional

        size = self.output_shape(*inputs)[2:]
        aligned = None if self.mode == "nearest" else False
        return calling(
            "interpolate",
            lambda module, x: functional.interpolate(
                x, size, mode=self.mode, align_corners=aligned, antialias=self.antialias
            ),
        )
