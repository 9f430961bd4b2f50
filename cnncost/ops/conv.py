"""Convolutions: plain, dilated, grouped, with a connection table, transposed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.ops import window
from cnncost.ops.arguments import Padding, Pair, Table
from cnncost.ops.base import Operator, OperatorError, Shape, Weight, argument, channels_of
from cnncost.ops.sizes import elements, holds

if TYPE_CHECKING:
    from torch import nn


class Conv(Operator):
    """Convolution: every output value is a weighted sum over a window of the input maps.

    Output size W' = floor((W - K + 2P) / S) + 1; parameters C_out * C_in/groups * K_h * K_w, plus
    C_out biases; MACs C_out * H' * W' * C_in/groups * K_h * K_w (Dumoulin and Visin 2016).
    """

    name = "conv"
    kin = "convolution"

    out: int = argument(symbol="C_out", minimum=1, help="number of filters")
    kernel: Pair = argument(1, symbol="K", minimum=1, help="window, a number or [height, width]")
    stride: Pair = argument(1, symbol="S", minimum=1, help="step of the window")
    pad: Padding = argument(
        0, symbol="P", minimum=0, help="a number, [height, width], [top, bottom, left, right] or same"
    )
    dilation: Pair = argument(1, symbol="D", minimum=1, help="distance of neighbouring taps")
    groups: int = argument(1, symbol="G", minimum=1, help="number of independent channel groups")
    bias: bool = argument(True, help="add a learned value per output map")
    rounding: str = argument(
        "floor", choices=("floor", "ceil", "exact"), help="of the output size; exact: a fraction is an error"
    )
    connections: Table | None = argument(
        None, help="for every output map the input maps it sees (LeNet-5's C3)"
    )
    frozen: bool = argument(False, help="weights are counted but not trained")

    def check(self) -> None:
        if self.out % self.groups:
            raise OperatorError(
                f"conv: {self.out} output channels cannot be divided into {self.groups} groups",
                argument="groups",
            )
        if self.connections is not None and len(self.connections) != self.out:
            raise OperatorError(
                f"conv: connections lists {len(self.connections)} output maps, out is {self.out}",
                argument="connections",
            )

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        channels = channels_of(self, x)
        if not holds(channels % self.groups == 0):
            raise OperatorError(
                f"conv: {channels} input channels cannot be divided into {self.groups} groups",
                argument="groups",
            )
        if self.connections is not None and max(map(max, self.connections)) >= channels:
            raise OperatorError(
                f"conv: connections names input map {max(map(max, self.connections))},"
                f" but there are {channels} (counted from 0)",
                argument="connections",
            )
        height, width = (
            window.output_size(
                "conv", axis, x[2 + axis], self.kernel[axis], self.stride[axis], self.pad,
                self.dilation[axis], self.rounding,
            )
            for axis in (0, 1)
        )  # fmt: skip
        return x[0], self.out, height, width

    def filters(self, x: Shape) -> int:
        """Number of weights of all filters."""
        if self.connections is not None:
            return sum(map(len, self.connections)) * self.kernel[0] * self.kernel[1]
        return self.out * (x[1] // self.groups) * self.kernel[0] * self.kernel[1]

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        filters = Weight("weight", self.filters(x), self.frozen)
        return (filters, Weight("bias", self.out, self.frozen)) if self.bias else (filters,)

    def macs(self, output: Shape, *inputs: Shape) -> int:
        (x,) = inputs
        batch, out, height, width = output
        if self.connections is not None:
            return batch * height * width * self.filters(x)
        return batch * out * height * width * (x[1] // self.groups) * self.kernel[0] * self.kernel[1]

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"bias additions": elements(output)} if self.bias else {}

    def receptive(self) -> tuple[Pair, Pair] | None:
        return window.receptive(self.kernel, self.stride, self.dilation)

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        reach = (window.extent(self.kernel[0], self.dilation[0]), window.extent(self.kernel[1], self.dilation[1]))
        pad = window.symmetric(self.pad, reach, self.stride, x[2], x[3])
        conv = nn.Conv2d(
            x[1], self.out, self.kernel, self.stride, pad or 0, self.dilation, self.groups, self.bias
        )
        if pad is None:
            return window.padded(conv, self.pad, reach, self.stride, x[2], x[3])
        return conv
