"""Pooling over windows, and the unpooling that inverts it. Whole maps are pooled in `adaptive`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncost.errors import OperatorError
from cnncost.ops import window
from cnncost.ops.arguments import Label, Padding, PerAxis
from cnncost.ops.base import Operator, Reach, argument, map_of, text
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, ceil_div, elements, holds, maximum, minimum, resized, same
from cnncost.ops.window import Border, Slide, Slides

if TYPE_CHECKING:
    from torch import nn


class Pool(Operator):
    """What max and average pooling share: the windows and their rounding."""

    kin = "pooling"

    kernel: PerAxis = argument(
        symbol="K", minimum=1, help="window, a number or one per axis: [height, width]"
    )
    stride: PerAxis = argument(
        None, symbol="S", minimum=1, like="kernel", help="step of the window; by default the kernel"
    )
    pad: Padding = argument(
        0, symbol="P", minimum=0, help="a number, one per axis, before and after of each, or same"
    )
    ceil: bool = argument(False, help="round the output size up, as Caffe does: short for rounding: ceil")
    rounding: str = argument(
        "floor", choices=("floor", "ceil", "exact"), help="of the output size; exact: a fraction is an error"
    )

    def check(self) -> None:
        if self.ceil and self.rounding == "exact":
            raise OperatorError(f"{self.name}: ceil and rounding: exact exclude each other", argument="ceil")

    @property
    def rounds(self) -> str:
        """How the output size is rounded, by whichever of the two arguments it was said."""
        return "ceil" if self.ceil else self.rounding

    @property
    def rounds_up(self) -> bool:
        """Whether the last window may hang over the border."""
        return self.rounds == "ceil"

    def windows(self, *inputs: Shape) -> Slides:
        letters = map_of(self, inputs[0]).axes[2:]
        found = window.slides(
            self.name, letters, self.kernel, self.stride, self.pad, self.given("dilation") or 1
        )
        for slide in found:
            most = maximum(slide.before, slide.after)
            if not slide.same and most >= slide.reach:
                raise OperatorError(
                    f"{self.name}: a padding of {most} is not smaller than"
                    f" the kernel {slide.reach} ({slide.axis})",
                    argument="pad",
                    cure="a window may not see padding only",
                )
        return found

    def output_shape(self, *inputs: Shape) -> Shape:
        x = map_of(self, inputs[0])
        space = [self.output_size(slide, size) for slide, size in zip(self.windows(x), x[2:], strict=True)]
        return resized(x, (*x[:2], *space))

    def output_size(self, slide: Slide, size: int) -> int:
        """Output size of an axis, with Caffe's rule: no window starts beyond the input and its
        first padding (so did `pooling_layer.cpp`, so does PyTorch's `ceil_mode`)."""
        positions = slide.positions(self.name, size, self.rounds)
        if self.rounds_up and not slide.same and (slide.before or slide.after or slide.stride > slide.reach):
            return minimum(positions, ceil_div(size + slide.before, slide.stride))
        return positions

    def receptive(self, *inputs: Shape) -> Reach | None:
        return tuple([slide.seen() for slide in self.windows(*inputs)])

    def layout(self, x: Shape) -> tuple[tuple[int, ...], bool] | None:
        """(padding, ceil_mode) with which PyTorch's windows are ours; None: it has no such."""
        slides, space, positions = self.windows(x), x[2:], self.output_shape(x)[2:]
        first = window.firsts(slides, space)
        if any(2 * pad > slide.kernel for pad, slide in zip(first, slides, strict=True)):
            return None  # PyTorch pads by half a kernel at most
        for ceil in (self.rounds_up, not self.rounds_up):
            if window.same_windows(slides, space, positions, ceil):
                return first, ceil
        return None

    def borders(self, x: Shape) -> tuple[Border, ...]:
        """Padding before and after every axis that leaves nothing to round."""
        return window.borders(self.windows(x), x[2:], self.output_shape(x)[2:])

    def padded(self, x: Shape) -> Shape | None:
        """Shape of the padded copy of the input that PyTorch needs; None: its own padding does."""
        if self.layout(x) is not None:
            return None
        return window.grown(x, self.borders(x))


class MaxPool(Pool):
    """Max pooling: the largest value of every window of a map; padding never wins.

    Over one, two or three axes, as the map has. On every axis the output size is
    W' = floor((W - K + 2P) / S) + 1; K_h * K_w - 1 comparisons per output value. With ceil the size is
    rounded up and a last window that would start beyond the padded input is dropped (Caffe, PyTorch).
    PyTorch also makes the int64 index of every maximum.
    """

    name = "maxpool"

    dilation: PerAxis = argument(1, symbol="D", minimum=1, help="distance of neighbouring taps")

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"comparisons": elements(output) * (window.area(self.windows(*inputs)) - 1)}

    def module(self, *inputs: Shape) -> nn.Module:
        """The pooling; `return_indices` can be set on its `MaxPool2d`, the last submodule."""
        from torch import nn

        x = map_of(self, inputs[0])
        layout = self.layout(x)
        pad, ceil = layout or (0, False)
        kernel, stride, dilation = window.settings(self.windows(x))
        kind: Any = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[len(kernel) - 1]
        module: nn.Module = kind(kernel, stride, pad, dilation, ceil_mode=ceil)
        return module if layout else window.padded(module, self.borders(x), value=float("-inf"))


class AvgPool(Pool):
    """Average pooling: the mean of every window of a map.

    Output size as of maxpool. K_h * K_w - 1 additions and one division per output value, padding
    counted like any value. With pad: same the mean is over the input values only (TensorFlow).
    """

    name = "avgpool"

    count_pad: bool = argument(True, help="padding counts as zeros of the mean; false: it is left out")

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total = elements(output)
        return {"additions": total * (window.area(self.windows(*inputs)) - 1), "divisions": total}

    @property
    def divides_by_count(self) -> bool:
        """Whether padding is left out of the mean."""
        return self.pad == "same" or not self.count_pad

    def padded(self, x: Shape) -> Shape | None:
        layout = self.layout(x)
        if self.divides_by_count:
            return None if layout else window.grown(x, self.borders(x))
        if layout and self.even(x):
            return None
        return window.grown(x, self.counted(x))

    def even(self, x: Shape) -> bool:
        """Whether both sides of every axis are padded by as much."""
        return all(slide.before == slide.after for slide in self.windows(x))

    def counted(self, x: Shape) -> list[Border]:
        """The padding that counts: what hangs over the declared one is not part of the mean."""
        return [
            (slide.before, min(slide.after, last))
            for slide, (_, last) in zip(self.windows(x), self.borders(x), strict=True)
        ]

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        x = map_of(self, inputs[0])
        layout = self.layout(x)
        kernel, stride, _ = window.settings(self.windows(x))
        kind: Any = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)[len(kernel) - 1]
        module: nn.Module
        if self.divides_by_count:
            if layout is None:
                return self.average_of_input(x)
            module = kind(kernel, stride, *layout, count_include_pad=False)
            return module
        if layout and self.even(x):
            module = kind(kernel, stride, *layout)
            return module
        return window.padded(kind(kernel, stride, ceil_mode=True), self.counted(x))

    def average_of_input(self, x: Shape) -> nn.Module:
        """The mean over the values of a window that are not padding: their sum over their number."""
        from torch import Tensor
        from torch.nn import functional

        sides, slides = window.flat(self.borders(x)), self.windows(x)
        kernel, stride, _ = window.settings(slides)
        average: Any = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)[len(slides) - 1]
        # The sum of a window; in one dimension PyTorch has the mean only, whose quotients are the same.
        override = {"divisor_override": 1} if len(slides) > 1 else {}

        def total(x: Tensor) -> Tensor:
            summed: Tensor = average(functional.pad(x, sides), kernel, stride, **override)
            return summed

        return calling("avgpool", lambda module, x: total(x) / total(x.new_ones((1, 1, *x.shape[2:]))))


class LpPool(Pool):
    """Power-average pooling: the p-th root of the sum of the p-th powers of a window's values.

    Output size as of maxpool, without padding. Per output value K_h * K_w powers, K_h * K_w - 1 additions
    and a root (Sermanet et al. 2012, section 2.2).
    """

    name = "lp_pool"

    p: float = argument(2.0, help="the power: 1 sums, infinity would be max pooling")

    def check(self) -> None:
        super().check()
        if self.p <= 0:
            raise OperatorError(f"lp_pool: p must be positive, not {self.p:g}", argument="p")
        if self.pad != 0:
            raise OperatorError("lp_pool takes no padding", argument="pad", cure="zero_pad before it")

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total, values = elements(output), window.area(self.windows(*inputs))
        return {"powers": total * values, "additions": total * (values - 1), "roots": total}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        x = map_of(self, inputs[0])
        kernel, stride, _ = window.settings(self.windows(x))
        kinds: Any = (nn.LPPool1d, nn.LPPool2d, nn.LPPool3d)
        if len(kernel) == 1:
            kernel, stride = kernel[0], stride[0]  # type: ignore[assignment]
        module: nn.Module = kinds[len(x) - 3](self.p, kernel, stride, self.rounds_up)
        return module


class MaxUnpool(Operator):
    """Puts every value back to where a max pooling found it, and zeros elsewhere.

    Output size: that of the pooling's input, also where rounding lost or added a row, or `size`. It
    is free: values are moved, nothing is computed (Zeiler and Fergus 2013, section 2.1).
    """

    name = "max_unpool"
    kin = "pooling"
    reference = "pool"
    undoes = True
    reference_inputs = True

    pool: Label = argument(help="label of the maxpool that is undone")
    size: PerAxis = argument(None, minimum=1, help="output size; by default that of the pooling's input")

    def refer(self, target: Operator) -> Operator:
        if not isinstance(target, MaxPool):
            raise OperatorError(
                f"max_unpool: the label names a {target.name}, not a maxpool", argument="pool"
            )
        return self.with_values(pooling=target)

    @property
    def pooled_by(self) -> MaxPool:
        """The pooling that the label names; `refer` has told it."""
        pooling: MaxPool = self.values["pooling"]
        return pooling

    def output_shape(self, *inputs: Shape) -> Shape:
        given, pooled, before = inputs
        x, before = map_of(self, given), map_of(self, before)
        if not same(x, pooled):
            raise OperatorError(
                f"max_unpool needs the shape that its pooling made, {text(pooled)}, not {text(x)}"
            )
        if self.size is None:
            return resized(x, (*x[:2], *before[2:]))
        sizes = window.per_axis("max_unpool", "size", self.size, x.axes[2:])
        for slide, size, wanted in zip(self.windows(*inputs), before[2:], sizes, strict=True):
            step = slide.stride
            if not holds((wanted > size - step) & (wanted < size + step)):
                raise OperatorError(
                    f"max_unpool: {slide.axis} {wanted} is not near the {size} that its pooling"
                    f" took in: less than the stride {step} away",
                    argument="size",
                )
        return resized(x, (*x[:2], *sizes))

    def windows(self, *inputs: Shape) -> Slides:
        return self.pooled_by.windows(inputs[0])

    def receptive(self, *inputs: Shape) -> Reach | None:
        return tuple([slide.spread() for slide in self.windows(*inputs)])

    def module(self, *inputs: Shape) -> nn.Module:
        """A module of two tensors: the values, and the indices that the max pooling returned.

        The indices count in the map that the pooling saw, its explicit padding included.
        """
        from torch import Tensor
        from torch.nn import functional

        pool, before = self.pooled_by, map_of(self, inputs[2])
        output = self.output_shape(*inputs)[2:]
        layout, slides = pool.layout(before), pool.windows(before)
        pad = layout[0] if layout else (0,) * len(slides)
        sides = ((0, 0),) * len(slides) if layout else pool.borders(before)
        reach = tuple([slide.reach for slide in slides])
        stride = tuple([slide.stride for slide in slides])
        kinds = functional.max_unpool1d, functional.max_unpool2d, functional.max_unpool3d
        undo: Any = kinds[len(slides) - 1]
        size = [side + first + last for side, (first, last) in zip(output, sides, strict=True)]
        cut = [slice(first, first + side) for side, (first, _) in zip(output, sides, strict=True)]

        def unpool(module: nn.Module, x: Tensor, indices: Tensor) -> Tensor:
            full: Tensor = undo(x, indices, reach, stride, pad, size)
            return full[(slice(None), slice(None), *cut)]

        return calling("max_unpool", unpool)
