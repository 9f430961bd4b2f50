"""Channels that become pixels, and pixels that become channels: sub-pixel convolution's other half."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops.base import Operator, Reach, argument, divide, map_of, only_of, text
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, holds, resized

if TYPE_CHECKING:
    from torch import nn


class PixelShuffle(Operator):
    """Every r * r channels become r x r pixels of one channel: C r^2 x H x W to C x H r x W r.

    Free: values are moved (Shi et al. 2016, equation 4).
    """

    name = "pixel_shuffle"
    kin = "reshape"

    factor: int = argument(symbol="r", minimum=1, help="by how much height and width grow")

    def output_shape(self, *inputs: Shape) -> Shape:
        x = map_of(self, inputs[0])
        only_of(self, x, 2)
        square = self.factor * self.factor
        channels = divide(self, x[1], square, "input", "factor")
        return resized(x, (x[0], channels, *[size * self.factor for size in x[2:]]))

    def receptive(self, *inputs: Shape) -> Reach | None:
        from fractions import Fraction

        return tuple([(1, Fraction(1, self.factor)) for _ in inputs[0][2:]])

    def module(self, *inputs: Shape) -> nn.Module:
        from torch.nn import functional

        return calling("pixel_shuffle", lambda module, x: functional.pixel_shuffle(x, self.factor))


class PixelUnshuffle(Operator):
    """Every r x r pixels become r * r channels: C x H r x W r to C r^2 x H x W. Free: values are moved."""

    name = "pixel_unshuffle"
    kin = "reshape"

    factor: int = argument(symbol="r", minimum=1, help="by how much height and width shrink")

    def output_shape(self, *inputs: Shape) -> Shape:
        x = map_of(self, inputs[0])
        only_of(self, x, 2)
        if not all(holds(size % self.factor == 0) for size in x[2:]):
            raise OperatorError(
                f"pixel_unshuffle: {text(x[1:])} cannot be divided by {self.factor}",
                argument="factor",
            )
        channels = x[1] * self.factor * self.factor
        return resized(x, (x[0], channels, *[size // self.factor for size in x[2:]]))

    def receptive(self, *inputs: Shape) -> Reach | None:
        return tuple([(self.factor, self.factor) for _ in inputs[0][2:]])

    def module(self, *inputs: Shape) -> nn.Module:
        from torch.nn import functional

        return calling("pixel_unshuffle", lambda module, x: functional.pixel_unshuffle(x, self.factor))
