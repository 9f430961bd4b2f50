"""Pooling of whole maps, and pooling to a given size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.ops import window
from cnncost.ops.arguments import PerAxis
from cnncost.ops.base import Operator, Reach, argument, map_of
from cnncost.ops.sizes import Shape, ceil_div, elements, greatest_divisor, resized

if TYPE_CHECKING:
    from torch import nn


class GlobalPool(Operator):
    """What global average and max pooling share: every map becomes one value."""

    kin = "pooling"

    def output_shape(self, *inputs: Shape) -> Shape:
        x = map_of(self, inputs[0])
        return resized(x, (*x[:2], *(1,) * len(x[2:])))

    def receptive(self, *inputs: Shape) -> Reach | None:
        return None


class GlobalAvgPool(GlobalPool):
    """Global average pooling: every map becomes its mean, C x 1 x 1.

    Over all of its axes; H * W - 1 additions and one division per map (Lin et al. 2013, section 3.2).
    """

    name = "global_avgpool"

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        (x,) = inputs
        return {"additions": elements(x) - elements(output), "divisions": elements(output)}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        kinds = nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d
        return kinds[len(map_of(self, inputs[0])) - 3](1)


class GlobalMaxPool(GlobalPool):
    """Global max pooling: every map becomes its largest value, C x 1 x 1.

    Over all of its axes; H * W - 1 comparisons per map.
    """

    name = "global_maxpool"

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        (x,) = inputs
        return {"comparisons": elements(x) - elements(output)}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        kinds = nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d
        return kinds[len(map_of(self, inputs[0])) - 3](1)


class AdaptivePool(Operator):
    """Pooling to a given size, whatever the input's.

    Window i of an axis runs from floor(i * W / W') to ceil((i + 1) * W / W'), so neighbours may
    overlap by a value (PyTorch): all windows of an axis have W + W' - gcd(W, W') values.
    """

    kin = "pooling"

    size: PerAxis = argument(minimum=1, help="output size, a number or one per axis: [height, width]")

    def sizes(self, x: Shape) -> tuple[int, ...]:
        """Output size of every axis. Raises OperatorError if there are more or fewer axes."""
        return window.per_axis(self.name, "size", self.size, map_of(self, x).axes[2:])

    @property
    def whole(self) -> bool:
        """Whether every map becomes one value."""
        return self.size in (1, (1,), (1, 1), (1, 1, 1))

    def output_shape(self, *inputs: Shape) -> Shape:
        x = map_of(self, inputs[0])
        return resized(x, (*x[:2], *self.sizes(x)))

    def seen(self, x: Shape) -> int:
        """Values of all windows together: W + W' - gcd(W, W') on each axis."""
        total = x[0] * x[1]
        for size, wanted in zip(x[2:], self.sizes(x), strict=True):
            total = total * (size + wanted - greatest_divisor(size, wanted))
        return total

    def receptive(self, *inputs: Shape) -> Reach | None:
        (x,) = inputs
        if self.whole:
            return None
        from fractions import Fraction

        return tuple(
            [
                (ceil_div(size - greatest_divisor(size, wanted), wanted) + 1, Fraction(size, wanted))
                for size, wanted in zip(x[2:], self.sizes(x), strict=True)
            ]
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

        kinds = nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d
        return kinds[len(inputs[0]) - 3](self.sizes(inputs[0]))


class AdaptiveMaxPool(AdaptivePool):
    """Max pooling to a given size, whatever the input's. One comparison per value of a window less one."""

    name = "adaptive_maxpool"

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"comparisons": self.seen(inputs[0]) - elements(output)}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        kinds = nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d
        return kinds[len(inputs[0]) - 3](self.sizes(inputs[0]))
