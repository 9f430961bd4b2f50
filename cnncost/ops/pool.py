"""Pooling over windows, and the unpooling that inverts it. Whole maps are pooled in `adaptive`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops import window
from cnncost.ops.arguments import Label, Padding, Pair
from cnncost.ops.base import Operator, Reach, argument, channels_of, text
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, ceil_div, elements, holds, minimum, same

if TYPE_CHECKING:
    from torch import nn


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

    def layout(self, x: Shape) -> tuple[Pair, bool] | None:
        """(padding, ceil_mode) with which PyTorch's windows are ours; None: it has no such."""
        size, positions = x[2:], self.output_shape(x)[2:]
        first = self.before(x)
        if 2 * first[0] > self.kernel[0] or 2 * first[1] > self.kernel[1]:
            return None  # PyTorch pads by half a kernel at most
        for ceil in (self.ceil, not self.ceil):
            if window.same_windows(first, self.reach, self.stride, size, positions, ceil):
                return first, ceil
        return None

    def before(self, x: Shape) -> Pair:
        """Padding at the (top, left)."""
        return window.before(self.pad, self.reach, self.stride, x[2:])

    def borders(self, x: Shape) -> tuple[Pair, Pair]:
        """Padding ((top, bottom), (left, right)) that leaves nothing to round."""
        positions = self.output_shape(x)[2:]
        return window.borders(self.before(x), self.reach, self.stride, x[2:], positions)

    def padded(self, x: Shape) -> Shape | None:
        """Shape of the padded copy of the input that PyTorch needs; None: its own padding does."""
        if self.layout(x) is not None:
            return None
        return window.grown(x, self.borders(x))


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

    def module(self, *inputs: Shape) -> nn.Module:
        """The pooling; `return_indices` can be set on its `MaxPool2d`, the last submodule."""
        from torch import nn

        (x,) = inputs
        layout = self.layout(x)
        pad, ceil = layout or (0, False)
        module = nn.MaxPool2d(self.kernel, self.stride, pad, self.dilation, ceil_mode=ceil)
        return module if layout else window.padded(module, *self.borders(x), value=float("-inf"))


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

    @property
    def divides_by_count(self) -> bool:
        """Whether padding is left out of the mean."""
        return self.pad == "same" or not self.count_pad

    def padded(self, x: Shape) -> Shape | None:
        layout = self.layout(x)
        if self.divides_by_count:
            return None if layout else window.grown(x, self.borders(x))
        top, bottom, left, right = (int(side) for side in self.pad)
        if layout and top == bottom and left == right:
            return None
        (_, below), (_, beside) = self.borders(x)
        return window.grown(x, ((top, min(bottom, below)), (left, min(right, beside))))

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        layout = self.layout(x)
        if self.pad == "same" or not self.count_pad:
            if layout is None:
                return self.average_of_input(x)
            return nn.AvgPool2d(self.kernel, self.stride, *layout, count_include_pad=False)
        top, bottom, left, right = (int(side) for side in self.pad)
        if layout and top == bottom and left == right:
            return nn.AvgPool2d(self.kernel, self.stride, *layout)
        # What hangs over the declared padding is not part of the mean, so no more than that is added.
        (_, below), (_, beside) = self.borders(x)
        module = nn.AvgPool2d(self.kernel, self.stride, ceil_mode=True)
        return window.padded(module, (top, min(bottom, below)), (left, min(right, beside)))

    def average_of_input(self, x: Shape) -> nn.Module:
        """The mean over the values of a window that are not padding: their sum over their number."""
        from torch import Tensor
        from torch.nn import functional

        (top, bottom), (left, right) = self.borders(x)

        def total(x: Tensor) -> Tensor:
            padded = functional.pad(x, (left, right, top, bottom))
            return functional.avg_pool2d(padded, self.kernel, self.stride, divisor_override=1)

        return calling("avgpool", lambda module, x: total(x) / total(x.new_ones((1, 1, *x.shape[2:]))))


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
    size: Pair = argument(None, minimum=1, help="output size; by default that of the pooling's input")

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
        x, pooled, before = inputs
        channels = channels_of(self, x)
        if not same(x, pooled):
            raise OperatorError(
                f"max_unpool needs the shape that its pooling made, {text(pooled)}, not {text(x)}"
            )
        if self.size is None:
            return x[0], channels, before[2], before[3]
        for axis in (0, 1):
            size, wanted, step = before[2 + axis], self.size[axis], self.pooled_by.stride[axis]
            if not holds((wanted > size - step) & (wanted < size + step)):
                raise OperatorError(
                    f"max_unpool: {window.axis_name(axis)} {wanted} is not near the {size} that its pooling"
                    f" took in: less than the stride {step} away",
                    argument="size",
                )
        return x[0], channels, *self.size

    def receptive(self, *inputs: Shape) -> Reach | None:
        pool = self.pooled_by
        return window.spread(pool.kernel, pool.stride, pool.dilation)

    def module(self, *inputs: Shape) -> nn.Module:
        """A module of two tensors: the values, and the indices that the max pooling returned.

        The indices count in the map that the pooling saw, its explicit padding included.
        """
        from torch import Tensor
        from torch.nn import functional

        pool, before = self.pooled_by, inputs[2]
        height, width = self.output_shape(*inputs)[2:]
        layout = pool.layout(before)
        pad = layout[0] if layout else (0, 0)
        (top, bottom), (left, right) = ((0, 0), (0, 0)) if layout else pool.borders(before)

        def unpool(module: nn.Module, x: Tensor, indices: Tensor) -> Tensor:
            size = (height + top + bottom, width + left + right)
            full = functional.max_unpool2d(x, indices, pool.reach, pool.stride, pad, size)
            return full[:, :, top : top + height, left : left + width]

        return calling("max_unpool", unpool)
