"""Pooling of whole maps, and pooling to a given size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.ops.arguments import Pair
from cnncost.ops.base import Operator, Reach, argument, channels_of
from cnncost.ops.sizes import Shape, ceil_div, elements, greatest_divisor

if TYPE_CHECKING:
    from torch import nn


class GlobalPool(Operator):
    """What global average and max pooling share: every map becomes one value."""

    kin = "pooling"

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return x[0], channels_of(self, x), 1, 1

    def receptive(self, *inputs: Shape) -> Reach | None:
        return None


class GlobalAvgPool(GlobalPool):
    """Global average pooling: every map becomes its mean, C x 1 x 1.

    H * W - 1 additions and one division per map (Lin et al. 2013, section 3.2).
    """

    name = "global_avgpool"

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        (x,) = inputs
        return {"additions": elements(x) - elements(output), "divisions": elements(output)}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.AdaptiveAvgPool2d(1)


class GlobalMaxPool(GlobalPool):
    """Global max pooling: every map becomes its largest value, C x 1 x 1.

    H * W - 1 comparisons per map.
    """

    name = "global_maxpool"

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        (x,) = inputs
        return {"comparisons": elements(x) - elements(output)}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.AdaptiveMaxPool2d(1)


class AdaptivePool(Operator):
    """Pooling to a given size, whatever the input's.

    Window i of an axis runs from floor(i * W / W') to ceil((i + 1) * W / W'), so neighbours may
    overlap by a value (PyTorch): all windows of an axis have W + W' - gcd(W, W') values.
    """

    kin = "pooling"

    size: Pair = argument(minimum=1, help="output size, a number or [height, width]")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return x[0], channels_of(self, x), *self.size

    def seen(self, x: Shape) -> int:
        """Values of all windows together: W + W' - gcd(W, W') on each axis."""
        rows, columns = (
            x[2 + axis] + self.size[axis] - greatest_divisor(x[2 + axis], self.size[axis]) for axis in (0, 1)
        )
        return x[0] * x[1] * rows * columns

    def receptive(self, *inputs: Shape) -> Reach | None:
        (x,) = inputs
        if self.size == (1, 1):
            return None
        from fractions import Fraction

        (tall, wide), (height, width) = self.size, x[2:]
        return (
            (ceil_div(height - greatest_divisor(height, tall), tall) + 1, Fraction(height, tall)),
            (ceil_div(width - greatest_divisor(width, wide), wide) + 1, Fraction(width, wide)),
        )


class AdaptiveAvgPool(AdaptivePool):
    """Average pooling to a given size, whatever the input's.

    One addition per value of a window less one, one division per output value.
    """

    name = "adaptive_avgpool"

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"additions": self.seen(inputs[0]) - elements(output), "divisions": elements(output)}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.AdaptiveAvgPool2d(self.size)


class AdaptiveMaxPool(AdaptivePool):
    """Max pooling to a given size, whatever the input's. One comparison per value of a window less one."""

    name = "adaptive_maxpool"

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"comparisons": self.seen(inputs[0]) - elements(output)}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.AdaptiveMaxPool2d(self.size)
