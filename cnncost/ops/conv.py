"""Convolutions: plain, dilated, grouped, with a connection table, transposed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncost.errors import OperatorError
from cnncost.ops import window
from cnncost.ops.arguments import Padding, PerAxis, Table
from cnncost.ops.base import Operator, Reach, Weight, argument, divide, map_of
from cnncost.ops.modules import calling, frozen
from cnncost.ops.sizes import Shape, elements, holds, resized
from cnncost.ops.window import Slides

if TYPE_CHECKING:
    from torch import nn


class Conv(Operator):
    """Convolution: every output value is a weighted sum over a window of the input maps.

    Over one axis (a sound), two (an image) or three (a video, a volume), as the map has. On every axis
    the output size is W' = floor((W - K + 2P) / S) + 1; parameters C_out * C_in/groups * K_h * K_w, plus
    C_out biases; MACs C_out * H' * W' * C_in/groups * K_h * K_w (Dumoulin and Visin 2016).
    """

    name = "conv"
    kin = "convolution"

    out: int = argument(symbol="C_out", minimum=1, help="number of filters")
    kernel: PerAxis = argument(
        1, symbol="K", minimum=1, help="window, a number or one per axis: [height, width]"
    )
    stride: PerAxis = argument(1, symbol="S", minimum=1, help="step of the window")
    pad: Padding = argument(
        0, symbol="P", minimum=0, help="a number, one per axis, before and after of each, or same"
    )
    dilation: PerAxis = argument(1, symbol="D", minimum=1, help="distance of neighbouring taps")
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
        x = map_of(self, inputs[0])
        channels = x[1]
        divide(self, channels, self.groups, "input")
        if self.connections is not None and not holds(channels > max(map(max, self.connections))):
            raise OperatorError(
                f"conv: connections names input map {max(map(max, self.connections))},"
                f" but there are {channels} (counted from 0)",
                argument="connections",
            )
        slides = self.windows(x)
        space = [
            slide.positions("conv", size, self.rounding) for slide, size in zip(slides, x[2:], strict=True)
        ]
        return resized(x, (x[0], self.out, *space))

    def windows(self, *inputs: Shape) -> Slides:
        letters = map_of(self, inputs[0]).axes[2:]
        return window.slides("conv", letters, self.kernel, self.stride, self.pad, self.dilation)

    def filters(self, x: Shape) -> int:
        """Number of weights of all filters."""
        if self.connections is not None:
            return window.times_area(sum(map(len, self.connections)), self.windows(x))
        channels = divide(self, x[1], self.groups, "input")
        return window.times_area(self.out * channels, self.windows(x))

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        filters = Weight("weight", self.filters(x), self.frozen)
        return (filters, Weight("bias", self.out, self.frozen)) if self.bias else (filters,)

    def macs(self, output: Shape, *inputs: Shape) -> int:
        (x,) = inputs
        if self.connections is not None:
            return elements((output[0], *output[2:])) * self.filters(x)
        channels = divide(self, x[1], self.groups, "input")
        return window.times_area(elements(output) * channels, self.windows(x))

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"bias additions": elements(output)} if self.bias else {}

    def receptive(self, *inputs: Shape) -> Reach | None:
        return tuple([slide.seen() for slide in self.windows(*inputs)])

    def padded(self, x: Shape) -> Shape | None:
        """Shape of the padded copy of the input that PyTorch needs; None: its own padding does."""
        x = map_of(self, x)
        slides = self.windows(x)
        even = all(slide.before == slide.after and not slide.same for slide in slides)
        if even and self.rounding != "ceil":
            return None
        return window.padded_shape(x, slides, self.output_shape(x)[2:])

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        x = map_of(self, inputs[0])
        slides, space, positions = self.windows(x), x[2:], self.output_shape(x)[2:]
        fits = window.same_windows(slides, space, positions)
        pad = window.firsts(slides, space) if fits else 0
        kernel, stride, dilation = window.settings(slides)
        settings = (kernel, stride, pad, dilation, self.groups, self.bias)
        kind: Any = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[len(slides) - 1]
        if self.connections is None:
            module = kind(x[1], self.out, *settings)
        else:
            module = connected(kind, self.connections, *settings)
        frozen(module, self.frozen)
        if fits:
            return module  # type: ignore[no-any-return]
        return window.padded(module, window.borders(slides, space, positions))


def connected(kind: Any, connections: Table, *settings: Any) -> nn.Module:
    """A convolution whose output maps each see some input maps, as one convolution per output map.

    `kind` is torch.nn.Conv2d or of another rank, `settings` are its own after the channels.
    """
    from torch import Tensor, cat, nn, tensor

    def apply(module: Any, x: Tensor) -> Tensor:
        rows = [module.get_buffer(f"row{place}") for place in range(len(connections))]
        return cat([conv(x[:, row]) for conv, row in zip(module.maps, rows, strict=True)], 1)

    maps = nn.ModuleList([kind(len(row), 1, *settings) for row in connections])
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
    kernel: PerAxis = argument(
        1, symbol="K", minimum=1, help="window, a number or one per axis: [height, width]"
    )
    stride: PerAxis = argument(
        1, symbol="S", minimum=1, help="distance of neighbouring windows in the output"
    )
    pad: Padding = argument(
        0,
        symbol="P",
        minimum=0,
        help="cut from the output: a number, one per axis, before and after of each, or same",
    )
    output_pad: PerAxis = argument(0, minimum=0, help="positions added after those of every axis")
    dilation: PerAxis = argument(1, symbol="D", minimum=1, help="distance of neighbouring taps")
    groups: int = argument(1, symbol="G", minimum=1, help="number of independent channel groups")
    bias: bool = argument(True, help="add a learned value per output map")
    frozen: bool = argument(False, help="weights are counted but not trained (bilinear upsampling)")

    def check(self) -> None:
        divide(self, self.out, self.groups, "output")
        if self.pad == "same" and self.output_pad not in (0, (0,), (0, 0), (0, 0, 0)):
            raise OperatorError(
                "conv_transpose: output_pad and pad: same exclude each other", argument="output_pad"
            )

    def windows(self, *inputs: Shape) -> Slides:
        letters = map_of(self, inputs[0]).axes[2:]
        return window.slides("conv_transpose", letters, self.kernel, self.stride, self.pad, self.dilation)

    def added(self, slides: Slides) -> tuple[int, ...]:
        """Positions added after those of every axis; OperatorError if they are as many as a stride."""
        letters = "".join(slide.letter for slide in slides)
        found = window.per_axis("conv_transpose", "output_pad", self.output_pad, letters)
        for slide, more in zip(slides, found, strict=True):
            if more and more >= max(slide.stride, slide.dilation):
                raise OperatorError(
                    f"conv_transpose: output_pad {more} is not smaller than the stride"
                    f" {slide.stride} or the dilation {slide.dilation}",
                    argument="output_pad",
                )
        return found

    def cuts(self, x: Shape) -> tuple[tuple[int, int, int], ...]:
        """(before, after, added) per axis: what is cut from the full output and added to it."""
        slides = self.windows(x)
        return tuple([cut(slide, more) for slide, more in zip(slides, self.added(slides), strict=True)])

    def output_shape(self, *inputs: Shape) -> Shape:
        x = map_of(self, inputs[0])
        divide(self, x[1], self.groups, "input")
        slides = self.windows(x)
        space = [
            self.output_size(slide, more, size)
            for slide, more, size in zip(slides, self.added(slides), x[2:], strict=True)
        ]
        return resized(x, (x[0], self.out, *space))

    def output_size(self, slide: window.Slide, more: int, size: int) -> int:
        """Output size of an axis."""
        if slide.same:
            return size * slide.stride
        full = (size - 1) * slide.stride + slide.reach
        before, after = slide.before, slide.after
        result = full - window.sum_of(before, after) if before or after else full
        if not holds(result >= 1):
            raise OperatorError(
                f"conv_transpose: a padding of {before} + {after} leaves nothing of {slide.axis} {full}",
                argument="pad",
            )
        return result + more if more else result

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        filters = window.times_area(x[1] * (self.out // self.groups), self.windows(x))
        weight = Weight("weight", filters, self.frozen)
        return (weight, Weight("bias", self.out, self.frozen)) if self.bias else (weight,)

    def macs(self, output: Shape, *inputs: Shape) -> int:
        (x,) = inputs
        return window.times_area(elements(x) * (self.out // self.groups), self.windows(x))

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"bias additions": elements(output)} if self.bias else {}

    def receptive(self, *inputs: Shape) -> Reach | None:
        return tuple([slide.spread() for slide in self.windows(*inputs)])

    def uncut(self, output: Shape) -> Shape | None:
        """Shape of what PyTorch makes before it is cut, None if it cuts itself."""
        cuts = [(before, after) for before, after, _ in self.cuts(output)]
        return None if all(before == after for before, after in cuts) else window.grown(output, cuts)

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        x = map_of(self, inputs[0])
        cuts = self.cuts(x)
        fits = all(before == after for before, after, _ in cuts)
        kernel, stride, dilation = window.settings(self.windows(x))
        kind: Any = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[len(cuts) - 1]
        module = kind(
            x[1],
            self.out,
            kernel,
            stride,
            tuple([before for before, _, _ in cuts]) if fits else 0,
            tuple([more for _, _, more in cuts]),
            self.groups,
            self.bias,
            dilation,
        )
        frozen(module, self.frozen)
        if fits:
            return module  # type: ignore[no-any-return]
        return nn.Sequential(module, window.padding([(-before, -after) for before, after, _ in cuts]))


def cut(slide: window.Slide, more: int) -> tuple[int, int, int]:
    """(before, after, added): what a transposed convolution cuts from an axis and adds to it."""
    if not slide.same:
        return slide.before, slide.after, more
    surplus = slide.reach - slide.stride
    before = max(surplus, 0) // 2
    return before, max(surplus, 0) - before, max(-surplus, 0)
