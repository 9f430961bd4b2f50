"""Pooling, the unpooling that inverts it, and pooling of regions."""

from __future__ import annotations

from cnncost.errors import OperatorError
from cnncost.ops import window
from cnncost.ops.arguments import Label, Padding, Pair
from cnncost.ops.base import Operator, Reach, argument, channels_of, text
from cnncost.ops.sizes import Shape, ceil_div, elements, holds, minimum


class Pool(Operator):
    """What max and average pooling share: the windows and their rounding."""

    kin = "pooling"

    kernel: Pair = argument(symbol="K", minimum=1, help="window, a number or [height, width]")
    stride: Pair = argument(None, symbol="S", minimum=1, help="step of the window; by default the kernel")
    pad: Padding = argument(0, symbol="P", minimum=0, help="a number, a pair, four sides or same")
    ceil: bool = argument(False, help="round the output size up, as Caffe does: short for rounding: ceil")
    rounding: str = argument(
        "floor", choices=("floor", "ceil", "exact"), help="of the output size; exact: a fraction is an error"
    )

    def check(self) -> None:
        if self.stride is None:
            vars(self)["stride"] = self.kernel
        if self.ceil and self.rounding == "exact":
            raise OperatorError(f"{self.name}: ceil and rounding: exact exclude each other", argument="ceil")
        for axis in (0, 1):
            reach = self.reach[axis]
            if not isinstance(self.pad, str) and max(self.pad[2 * axis : 2 * axis + 2]) >= reach:
                raise OperatorError(
                    f"{self.name}: a padding of {max(self.pad[2 * axis : 2 * axis + 2])} is not smaller than"
                    f" the kernel {reach} ({window.axis_name(axis)})",
                    argument="pad",
                    cure="a window may not see padding only",
                )

    @property
    def reach(self) -> Pair:
        """The window's extent, gaps included."""
        return self.kernel

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        channels = channels_of(self, x)
        return x[0], channels, self.output_size(0, x[2]), self.output_size(1, x[3])

    def output_size(self, axis: int, size: int) -> int:
        """Output size of an axis, with Caffe's rule: no window starts beyond the input and its
        first padding (so did `pooling_layer.cpp`, so does PyTorch's `ceil_mode`)."""
        reach, stride = self.reach[axis], self.stride[axis]
        rounding = "ceil" if self.ceil else self.rounding
        positions = window.output_size(self.name, axis, size, reach, stride, self.pad, 1, rounding)
        if rounding != "ceil" or isinstance(self.pad, str):
            return positions
        before = self.pad[2 * axis]
        if before or self.pad[2 * axis + 1] or stride > reach:
            return minimum(positions, ceil_div(size + before, stride))
        return positions

    def receptive(self, *inputs: Shape) -> Reach | None:
        return window.receptive(self.reach, self.stride)


class MaxPool(Pool):
    """Max pooling: the largest value of every window of a map; padding never wins.

    Output size W' = floor((W - K + 2P) / S) + 1; K_h * K_w - 1 comparisons per output value. With
    ceil the size is rounded up and a last window that would start beyond the padded input is
    dropped (Caffe, PyTorch). PyTorch also makes the int64 index of every maximum.
    """

    name = "maxpool"

    dilation: Pair = argument(1, symbol="D", minimum=1, help="distance of neighbouring taps")

    @property
    def reach(self) -> Pair:
        return (
            window.extent(self.kernel[0], self.dilation[0]),
            window.extent(self.kernel[1], self.dilation[1]),
        )

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"comparisons": elements(output) * (self.kernel[0] * self.kernel[1] - 1)}

    def temporaries(self, output: Shape, *inputs: Shape, element_bytes: int) -> int:
        return 8 * elements(output)


class AvgPool(Pool):
    """Average pooling: the mean of every window of a map.

    Output size as of maxpool. K_h * K_w - 1 additions and one division per output value, padding
    counted like any value. With pad: same the mean is over the input values only (TensorFlow).
    """

    name = "avgpool"

    count_pad: bool = argument(True, help="padding counts as zeros of the mean; false: it is left out")

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total = elements(output)
        return {"additions": total * (self.kernel[0] * self.kernel[1] - 1), "divisions": total}


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


class GlobalMaxPool(GlobalPool):
    """Global max pooling: every map becomes its largest value, C x 1 x 1.

    H * W - 1 comparisons per map.
    """

    name = "global_maxpool"

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        (x,) = inputs
        return {"comparisons": elements(x) - elements(output)}

    def temporaries(self, output: Shape, *inputs: Shape, element_bytes: int) -> int:
        return 8 * elements(output)


class AdaptiveAvgPool(Operator):
    """Average pooling to a given size, whatever the input's.

    Window i of an axis runs from floor(i * W / W') to ceil((i + 1) * W / W'), so neighbours may
    overlap by a value (PyTorch). One addition per value of a window less one, one division per
    output value.
    """

    name = "adaptive_avgpool"
    kin = "pooling"

    size: Pair = argument(minimum=1, help="output size, a number or [height, width]")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return x[0], channels_of(self, x), *self.size

    def windows(self, axis: int, size: int) -> list[int]:
        """Lengths of the windows of an axis."""
        count = self.size[axis]
        return [ceil_div((index + 1) * size, count) - index * size // count for index in range(count)]

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        (x,) = inputs
        seen = x[0] * x[1] * sum(self.windows(0, x[2])) * sum(self.windows(1, x[3]))
        return {"additions": seen - elements(output), "divisions": elements(output)}

    def receptive(self, *inputs: Shape) -> Reach | None:
        (x,) = inputs
        if self.size == (1, 1):
            return None
        from fractions import Fraction

        return (
            (max(self.windows(0, x[2])), Fraction(x[2], self.size[0])),
            (max(self.windows(1, x[3])), Fraction(x[3], self.size[1])),
        )


class MaxUnpool(Operator):
    """Puts every value back to where a max pooling found it, and zeros elsewhere.

    Output size (H - 1) * S + K - 2P of that pooling, or `size` if rounding lost a row. It is free:
    values are moved, nothing is computed (Zeiler and Fergus 2013, section 2.1).
    """

    name = "max_unpool"
    kin = "pooling"
    reference = "pool"

    pool: Label = argument(help="label of the maxpool that is undone")
    size: Pair = argument(None, minimum=1, help="output size; by default the inverse of that pooling")

    def refer(self, target: Operator) -> Operator:
        if not isinstance(target, MaxPool):
            raise OperatorError(
                f"max_unpool: the label names a {target.name}, not a maxpool", argument="pool"
            )
        known = self.replace()
        vars(known)["pooling"] = target
        return known

    @property
    def pooled_by(self) -> MaxPool:
        """The pooling that the label names; `refer` has told it."""
        pooling: MaxPool = vars(self)["pooling"]
        return pooling

    def output_shape(self, *inputs: Shape) -> Shape:
        x, pooled = inputs
        channels = channels_of(self, x)
        if len(x) != len(pooled) or not all(holds(a == b) for a, b in zip(x, pooled)):
            raise OperatorError(
                f"max_unpool needs the shape that its pooling made, {text(pooled)}, not {text(x)}"
            )
        return x[0], channels, self.output_size(0, x[2]), self.output_size(1, x[3])

    def output_size(self, axis: int, size: int) -> int:
        """Output size of an axis."""
        pool = self.pooled_by
        if isinstance(pool.pad, str):
            if self.size is None:
                raise OperatorError("max_unpool needs a size: its pooling has pad: same", argument="size")
            return self.size[axis]
        before, after = pool.pad[2 * axis], pool.pad[2 * axis + 1]
        full = (size - 1) * pool.stride[axis] + pool.reach[axis]
        inverse = full - window.sum_of(before, after) if before or after else full
        if self.size is None:
            return inverse
        wanted, stride = self.size[axis], pool.stride[axis]
        if not holds((wanted > inverse - stride) & (wanted < inverse + stride)):
            raise OperatorError(
                f"max_unpool: {window.axis_name(axis)} {wanted} cannot be pooled to {size}; the inverse is"
                f" {inverse}, give or take less than the stride {stride}",
                argument="size",
            )
        return wanted

    def receptive(self, *inputs: Shape) -> Reach | None:
        pool = self.pooled_by
        return window.spread(pool.kernel, pool.stride, pool.dilation)


class RoiPool(Operator):
    """Max pooling of regions: every region of interest becomes size x size values per map.

    A batch of N images with `rois` regions each gives a batch of N * rois. The regions are known
    only at run time: H * W comparisons per map and region, as many as the largest region takes
    (Girshick 2015, section 2.1).
    """

    name = "roi_pool"
    kin = "pooling"

    size: Pair = argument(minimum=1, help="output size, a number or [height, width]")
    rois: int = argument(1, minimum=1, help="number of regions per image")
    scale: float = argument(1.0, help="map pixels per image pixel (1/16 behind VGG-16's conv5)")

    def check(self) -> None:
        if self.scale <= 0:
            raise OperatorError(f"roi_pool: scale must be positive, not {self.scale:g}", argument="scale")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return x[0] * self.rois, channels_of(self, x), *self.size

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        (x,) = inputs
        return {"comparisons": elements(x) * self.rois}

    def receptive(self, *inputs: Shape) -> Reach | None:
        return None
