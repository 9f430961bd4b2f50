"""Windows of a map as tensors, without a weight: cut out, laid out as columns, added up again.

Nothing is multiplied here; what the windows are for (attention, mostly) does that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops import window
from cnncost.ops.arguments import Padding, Pair
from cnncost.ops.base import Operator, Reach, Storage, argument, channels_of, text
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, elements, holds

if TYPE_CHECKING:
    from torch import nn


class Windows(Operator):
    """Windows along one axis, which may overlap; their positions become a last axis.

    Free: another look at the same memory. HaloNet's neighbourhoods (Vaswani et al. 2021, section 3.1).
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
        return *x[: self.axis], count, *x[self.axis + 1 :], self.size

    def storage(self, training: bool = False) -> Storage:
        return Storage.VIEW

    def module(self, *inputs: Shape) -> nn.Module:
        return calling("windows", lambda module, x: x.unfold(self.axis, self.size, self.stride))


class Patches(Operator):
    """What unfolding and folding share: the windows of a padded map."""

    kin = "reshape"

    kernel: Pair = argument(symbol="K", minimum=1, help="size of the window")
    stride: Pair = argument(1, symbol="S", minimum=1, help="step of the window")
    pad: Pair = argument(0, symbol="P", minimum=0, help="zeros at each side: a number, or a pair")
    dilation: Pair = argument(1, symbol="D", minimum=1, help="distance of neighbouring taps")

    def positions(self, size: Shape) -> int:
        """How many windows a map of (height, width) has."""
        padding: Padding = (self.pad[0], self.pad[0], self.pad[1], self.pad[1])
        rows, columns = (
            window.output_size(
                self.name, axis, size[axis], self.kernel[axis], self.stride[axis], padding,
                self.dilation[axis],
            )
            for axis in (0, 1)
        )  # fmt: skip
        return rows * columns

    @property
    def area(self) -> int:
        """Positions of one window."""
        return self.kernel[0] * self.kernel[1]


class Unfold(Patches):
    """The windows of a map as columns: C * K * K values for each of L positions (im2col).

    Free: values are copied, each as often as windows hold it (Chellapilla et al. 2006, section 2).
    """

    name = "unfold"

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return x[0], channels_of(self, x) * self.area, self.positions(x[2:])

    def receptive(self, *inputs: Shape) -> Reach | None:
        return window.receptive(self.kernel, self.stride, self.dilation)

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Unfold(self.kernel, self.dilation, self.pad, self.stride)


class Fold(Patches):
    """Columns put back as windows of a map, overlapping values added (col2im).

    One addition per value that is put back.
    """

    name = "fold"

    size: Pair = argument(minimum=1, help="height and width of the map")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        positions = self.positions(self.size)
        if len(x) != 3 or not holds(x[2] == positions):
            raise OperatorError(
                f"fold: {text(x)} are not columns for the {positions} windows of a map of"
                f" {self.size[0]}x{self.size[1]}",
                argument="size",
            )
        if not holds(x[1] % self.area == 0):
            raise OperatorError(
                f"fold: {x[1]} values are not windows of {self.kernel[0]}x{self.kernel[1]}", argument="kernel"
            )
        return x[0], x[1] // self.area, *self.size

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"additions": elements(inputs[0])}

    def receptive(self, *inputs: Shape) -> Reach | None:
        return window.spread(self.kernel, self.stride, self.dilation)

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Fold(self.size, self.kernel, self.dilation, self.pad, self.stride)
