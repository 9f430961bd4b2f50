"""Convolutions: plain, dilated, grouped, with a connection table, transposed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncost.errors import OperatorError
from cnncost.ops import window
from cnncost.ops.arguments import Padding, Pair, Table
from cnncost.ops.base import Operator, Reach, Weight, argument, channels_of, divide
from cnncost.ops.modules import calling, frozen
from cnncost.ops.sizes import Shape, elements, holds

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
        divide(self, self.out, self.groups, "output")
        if self.connections is not None:
            self.check_connections(self.connections)

    def check_connections(self, connections: Table) -> None:
        """Raise OperatorError unless every output map sees some input maps, each once."""
        problem = None
        if self.groups != 1:
            problem = "connections and groups exclude each other"
        elif len(connections) != self.out:
            problem = f"connections lists {len(connections)} output maps, out is {self.out}"
        for position, row in enumerate(connections):
            if not row or min(row) < 0 or len(set(row)) < len(row):
                problem = f"output map {position} must see one or more input maps, each once, counted from 0"
                break
        if problem:
            raise OperatorError(f"conv: {problem}", argument="connections")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        channels = channels_of(self, x)
        divide(self, channels, self.groups, "input")
        if self.connections is not None and not holds(channels > max(map(max, self.connections))):
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
        return self.out * divide(self, x[1], self.groups, "input") * self.kernel[0] * self.kernel[1]

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        filters = Weight("weight", self.filters(x), self.frozen)
        return (filters, Weight("bias", self.out, self.frozen)) if self.bias else (filters,)

    def macs(self, output: Shape, *inputs: Shape) -> int:
        (x,) = inputs
        batch, out, height, width = output
        if self.connections is not None:
            return batch * height * width * self.filters(x)
        channels = divide(self, x[1], self.groups, "input")
        return batch * out * height * width * channels * self.kernel[0] * self.kernel[1]

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"bias additions": elements(output)} if self.bias else {}

    def receptive(self, *inputs: Shape) -> Reach | None:
        return window.receptive(self.kernel, self.stride, self.dilation)

    def padded(self, x: Shape) -> Shape | None:
        """Shape of the padded copy of the input that PyTorch needs; None: its own padding does."""
        if not isinstance(self.pad, str) and self.pad[::2] == self.pad[1::2] and self.rounding != "ceil":
            return None
        reach = window.reaches(self.kernel, self.dilation)
        return window.padded_shape(x, self.pad, reach, self.stride, self.output_shape(x)[2:])

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        size, positions = x[2:], self.output_shape(x)[2:]
        reach = window.reaches(self.kernel, self.dilation)
        pad = window.before(self.pad, reach, self.stride, size)
        fits = window.same_windows(pad, reach, self.stride, size, positions)
        settings = (self.kernel, self.stride, pad if fits else 0, self.dilation, self.groups, self.bias)
        module: nn.Module
        if self.connections is None:
            module = nn.Conv2d(x[1], self.out, *settings)
        else:
            module = connected(self.connections, *settings)
        frozen(module, self.frozen)
        if fits:
            return module
        return window.padded(module, *window.borders(pad, reach, self.stride, size, positions))


def connected(connections: Table, *settings: Any) -> nn.Module:
    """A convolution whose output maps each see some input maps, as one convolution per output map.

    `settings` are those of `torch.nn.Conv2d` after the channels.
    """
    from torch import Tensor, cat, nn, tensor

    def apply(module: Any, x: Tensor) -> Tensor:
        rows = [module.get_buffer(f"row{place}") for place in range(len(connections))]
        return cat([conv(x[:, row]) for conv, row in zip(module.maps, rows, strict=True)], 1)

    maps = nn.ModuleList([nn.Conv2d(len(row), 1, *settings) for row in connections])
    module = calling("connected", apply, maps=maps)
    for place, row in enumerate(connections):
        # On the device, since a CUDA graph may not copy from the CPU.
        module.register_buffer(f"row{place}", tensor(row), persistent=False)
    return module


class ConvTranspose(Operator):
    """Transposed ("up") convolution: every input value spreads a weighted window over the output.

    Output size W' = (W - 1) * S - 2P + K (+ output_pad; with "same" W * S); parameters
    C_in * C_out/groups * K_h * K_w, plus C_out biases; MACs C_in * H * W * C_out/groups * K_h * K_w,
    before any cropping (Dumoulin and Visin 2016, section 4).
    """

    name = "conv_transpose"
    kin = "convolution"

    out: int = argument(symbol="C_out", minimum=1, help="number of output maps")
    kernel: Pair = argument(1, symbol="K", minimum=1, help="window, a number or [height, width]")
    stride: Pair = argument(1, symbol="S", minimum=1, help="distance of neighbouring windows in the output")
    pad: Padding = argument(
        0, symbol="P", minimum=0, help="cut from the output: a number, a pair, four sides or same"
    )
    output_pad: Pair = argument(0, minimum=0, help="rows and columns added at the bottom and the right")
    dilation: Pair = argument(1, symbol="D", minimum=1, help="distance of neighbouring taps")
    groups: int = argument(1, symbol="G", minimum=1, help="number of independent channel groups")
    bias: bool = argument(True, help="add a learned value per output map")
    frozen: bool = argument(False, help="weights are counted but not trained (bilinear upsampling)")

    def check(self) -> None:
        divide(self, self.out, self.groups, "output")
        for axis in (0, 1):
            if self.output_pad[axis] >= max(self.stride[axis], self.dilation[axis]):
                raise OperatorError(
                    f"conv_transpose: output_pad {self.output_pad[axis]} is not smaller than the stride"
                    f" {self.stride[axis]} or the dilation {self.dilation[axis]}",
                    argument="output_pad",
                )
        if self.pad == "same" and self.output_pad != (0, 0):
            raise OperatorError(
                "conv_transpose: output_pad and pad: same exclude each other", argument="output_pad"
            )

    def cut(self, axis: int) -> tuple[int, int, int]:
        """(before, after, added): what is cut from the full output of an axis and added to it."""
        if isinstance(self.pad, str):
            surplus = window.extent(self.kernel[axis], self.dilation[axis]) - self.stride[axis]
            before = max(surplus, 0) // 2
            return before, max(surplus, 0) - before, max(-surplus, 0)
        return self.pad[2 * axis], self.pad[2 * axis + 1], self.output_pad[axis]

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        divide(self, channels_of(self, x), self.groups, "input")
        height, width = (self.output_size(axis, x[2 + axis]) for axis in (0, 1))
        return x[0], self.out, height, width

    def output_size(self, axis: int, size: int) -> int:
        """Output size of an axis (0: height, 1: width)."""
        if isinstance(self.pad, str):
            return size * self.stride[axis]
        reach = window.extent(self.kernel[axis], self.dilation[axis])
        before, after, added = self.cut(axis)
        full = (size - 1) * self.stride[axis] + reach
        result = full - window.sum_of(before, after) if before or after else full
        if not holds(result >= 1):
            raise OperatorError(
                f"conv_transpose: a padding of {before} + {after} leaves nothing of {window.axis_name(axis)}"
                f" {full}",
                argument="pad",
            )
        return result + added if added else result

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        filters = x[1] * (self.out // self.groups) * self.kernel[0] * self.kernel[1]
        weight = Weight("weight", filters, self.frozen)
        return (weight, Weight("bias", self.out, self.frozen)) if self.bias else (weight,)

    def macs(self, output: Shape, *inputs: Shape) -> int:
        (x,) = inputs
        return elements(x) * (self.out // self.groups) * self.kernel[0] * self.kernel[1]

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"bias additions": elements(output)} if self.bias else {}

    def receptive(self, *inputs: Shape) -> Reach | None:
        return window.spread(self.kernel, self.stride, self.dilation)

    def uncut(self, output: Shape) -> Shape | None:
        """Shape of what PyTorch makes before it is cut, None if it cuts itself."""
        (top, bottom, _), (left, right, _) = self.cut(0), self.cut(1)
        if top == bottom and left == right:
            return None
        return *output[:2], output[2] + top + bottom, output[3] + left + right

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        (top, bottom, more_rows), (left, right, more_columns) = self.cut(0), self.cut(1)
        fits = top == bottom and left == right
        module = nn.ConvTranspose2d(
            x[1],
            self.out,
            self.kernel,
            self.stride,
            (top, left) if fits else 0,
            (more_rows, more_columns),
            self.groups,
            self.bias,
            self.dilation,
        )
        frozen(module, self.frozen)
        if fits:
            return module
        return nn.Sequential(module, nn.ConstantPad2d((-left, -right, -top, -bottom), 0.0))
