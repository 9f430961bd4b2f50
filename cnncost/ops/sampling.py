"""Layers that read a map at positions that are computed: grid sampling, deformable convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncost.errors import OperatorError
from cnncost.ops.base import Operator, Reach, Weight, argument, divide, map_of, only_of, text
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, elements, holds, resized

if TYPE_CHECKING:
    from torch import nn

BILINEAR = {"multiplications": 4, "additions": 3}
"""Of one value between four: each times its share, and their sum (Jaderberg et al. 2015, equation 5)."""


class GridSample(Operator):
    """A map read at the positions of a second input: (N, C, H, W) at (N, H', W', 2) gives (N, C, H', W').

    Per value 4 multiplications and 3 additions of bilinear interpolation, 8 and 7 of trilinear, none of
    nearest; these are no products of matrices, so no MACs (Jaderberg et al. 2015, section 3.3).
    """

    name = "grid_sample"
    kin = "resampling"
    inputs = None

    mode: str = argument("bilinear", choices=("bilinear", "nearest", "bicubic"), help="how values are found")

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(inputs) != 2 or len(inputs[0]) != len(inputs[1]):
            raise OperatorError(f"grid_sample needs a map and a grid, not {' and '.join(map(text, inputs))}")
        x, grid = map_of(self, inputs[0]), inputs[1]
        if not holds(grid[-1] == len(x) - 2) or not holds(grid[0] == x[0]):
            raise OperatorError(f"grid_sample: a grid of {text(grid)} does not fit a map of {text(x)}")
        return resized(x, (*x[:2], *grid[1:-1]))

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        if self.mode == "nearest":
            return {}
        axes = len(output) - 2
        corners = (4 if self.mode == "bicubic" else 2) ** axes
        total = elements(output)
        return {"multiplications": corners * total, "additions": (corners - 1) * total}

    def receptive(self, *inputs: Shape) -> Reach | None:
        return None

    def module(self, *inputs: Shape) -> nn.Module:
        from torch.nn import functional

        def sample(module: Any, x: Any, grid: Any) -> Any:
            return functional.grid_sample(x, grid, mode=self.mode, align_corners=False)

        return calling("grid_sample", sample)


class DeformConv(Operator):
    """Convolution whose window reads the map at positions that are computed: offsets are its second input.

    Parameters and MACs as of a convolution. Every value that a window reads is found by bilinear
    interpolation, 4 multiplications and 3 additions, and with a mask (a third input) one multiplication
    more (Dai et al. 2017, equations 2 and 3; Zhu et al. 2019, equation 1).
    """

    name = "deform_conv"
    kin = "convolution"
    inputs = None

    out: int = argument(symbol="C_out", minimum=1, help="number of output channels")
    kernel: int = argument(3, symbol="K", minimum=1, help="size of the window, the same on both axes")
    stride: int = argument(1, minimum=1, help="distance of neighbouring windows")
    pad: int = argument(0, minimum=0, help="zeros around the map")
    dilation: int = argument(1, minimum=1, help="distance of what a window reads")
    groups: int = argument(1, minimum=1, help="groups of channels that do not see each other")
    bias: bool = argument(True, help="add a learned value per output channel")
    frozen: bool = argument(False, help="weights are counted but not trained")

    def output_shape(self, *inputs: Shape) -> Shape:
        if not 2 <= len(inputs) <= 3:
            raise OperatorError("deform_conv needs a map and offsets, and perhaps a mask")
        x, offsets = map_of(self, inputs[0]), inputs[1]
        only_of(self, x, 2)
        divide(self, x[1], self.groups, "input")
        divide(self, self.out, self.groups, "output")
        size = tuple(
            (side + 2 * self.pad - self.dilation * (self.kernel - 1) - 1) // self.stride + 1 for side in x[2:]
        )
        taps = self.kernel * self.kernel
        if len(offsets) != 4 or not holds(offsets[1] % (2 * taps) == 0):
            raise OperatorError(
                f"deform_conv: offsets of {text(offsets)} do not fit a window of {taps} values"
            )
        return resized(x, (x[0], self.out, *size))

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        channels = inputs[0][1] // self.groups
        weight = Weight("weight", self.out * channels * self.kernel * self.kernel, self.frozen)
        return (weight, Weight("bias", self.out, self.frozen)) if self.bias else (weight,)

    def macs(self, output: Shape, *inputs: Shape) -> int:
        return elements(output) * (inputs[0][1] // self.groups) * self.kernel * self.kernel

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        read = output[0] * inputs[0][1] * elements(output[2:]) * self.kernel * self.kernel
        found = {kind: count * read for kind, count in BILINEAR.items()}
        if len(inputs) == 3:
            found["masking"] = read
        if self.bias:
            found["bias additions"] = elements(output)
        return found

    def receptive(self, *inputs: Shape) -> Reach | None:
        return None

    def module(self, *inputs: Shape) -> nn.Module:
        """The convolution at offsets of zero, which also reads the offsets: a stand-in for the shapes."""
        from torch import nn

        conv = nn.Conv2d(
            inputs[0][1], self.out, self.kernel, self.stride, self.pad, self.dilation, self.groups, self.bias
        )
        if self.frozen:
            conv.requires_grad_(False)

        def convolve(module: Any, x: Any, *others: Any) -> Any:
            return module.conv(x) + 0 * sum(other.sum() for other in others)

        return calling("deform_conv", convolve, conv=conv)
