"""Resizing of maps by interpolation. Learned upsampling is in `conv`, unpooling in `pool`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops.arguments import Label, Pair
from cnncost.ops.base import Autograd, Operator, Reach, argument, channels_of
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, elements, holds

if TYPE_CHECKING:
    from fractions import Fraction

    from torch import nn

TAPS = {"nearest": 1, "bilinear": 2, "bicubic": 4}
"""How many neighbouring input values of an axis make an output value."""


class Interpolate(Operator):
    """Maps resized by interpolation, pixel centres aligned (PyTorch: align_corners false).

    Output size as given, of the label, or floor(scale * size). Nearest is free: values are copied.
    Bilinear weighs 4 input values per output value, 4 multiplications and 3 additions; bicubic 16,
    16 and 15 (Keys 1981). The weights themselves are not counted: all maps share them.
    """

    name = "interpolate"
    kin = "resampling"
    reference = "like"

    size: Pair = argument(None, minimum=1, help="output size, a number or [height, width]")
    scale: float = argument(None, help="output size over input size")
    like: Label = argument(None, help="label of the tensor whose height and width it takes")
    mode: str = argument("nearest", choices=tuple(TAPS), help="how values between pixels are found")

    def check(self) -> None:
        if (self.size is None) + (self.scale is None) + (self.like is None) != 2:
            raise OperatorError("interpolate needs one of size, scale and like", argument="size")
        if self.scale is not None and self.scale <= 0:
            raise OperatorError(f"interpolate: scale must be positive, not {self.scale:g}", argument="scale")

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
        taps = TAPS[self.mode] * TAPS[self.mode]
        if taps == 1:
            return {}
        total = elements(output)
        return {"multiplications": taps * total, "additions": (taps - 1) * total}

    def receptive(self, *inputs: Shape) -> Reach | None:
        from fractions import Fraction

        output, x = self.output_shape(*inputs), inputs[0]
        height, width = Fraction(x[2], output[2]), Fraction(x[3], output[3])
        taps = TAPS[self.mode]
        return (1 if height == 1 else taps, height), (1 if width == 1 else taps, width)

    def autograd(
        self, output: Shape, *inputs: Shape, element_bytes: int = 4, in_place: bool = False
    ) -> Autograd:
        return Autograd()

    def module(self, *inputs: Shape) -> nn.Module:
        from torch.nn import functional

        size = self.output_shape(*inputs)[2:]
        aligned = None if self.mode == "nearest" else False
        return calling(
            "interpolate",
            lambda module, x: functional.interpolate(x, size, mode=self.mode, align_corners=aligned),
        )
