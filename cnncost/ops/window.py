"""What convolution and pooling share: a window that slides over a padded map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops.arguments import Padding, Pair
from cnncost.ops.sizes import Shape, ceil_div, holds, maximum

if TYPE_CHECKING:
    from fractions import Fraction

    from torch import nn


def extent(kernel: int, dilation: int) -> int:
    """How far a dilated kernel reaches: D * (K - 1) + 1 (Yu and Koltun 2016)."""
    if dilation == 1:
        return kernel
    return dilation * (kernel - 1) + 1


def same_padding(size: int, reach: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "same" padding on one axis: (before, after), the odd pixel after."""
    total = maximum((ceil_div(size, stride) - 1) * stride + reach - size, 0)
    before = total // 2
    return before, total - before


def sides(padding: Padding, axis: int, size: int, reach: int, stride: int) -> tuple[int, int]:
    """Padding (before, after) of an axis (0: height, 1: width)."""
    if isinstance(padding, str):
        return same_padding(size, reach, stride)
    return padding[2 * axis], padding[2 * axis + 1]


def sum_of(before: int, after: int) -> int:
    """Both paddings of an axis, written 2 * P when they are equal."""
    return 2 * before if before == after else before + after


def output_size(
    operator: str,
    axis: int,
    size: int,
    kernel: int,
    stride: int,
    padding: Padding,
    dilation: int = 1,
    rounding: str = "floor",
) -> int:
    """Number of window positions on one axis (the lectures' W' = (W - K + 2P) / S + 1).

    `rounding`: floor; ceil (the last window may hang over the border); exact: a fraction is an
    error. "same" always gives ceil(W / S).
    """
    reach = extent(kernel, dilation)
    if padding == "same":
        return ceil_div(size, stride)
    before, after = sides(padding, axis, size, reach, stride)
    border = sum_of(before, after)
    room = size - reach + border if border else size - reach
    if not holds(room >= 0):
        raise OperatorError(
            f"{operator}: a kernel of {reach} does not fit into {axis_name(axis)} {size}"
            + (f" padded by {before} + {after}" if border else ""),
            argument="kernel",
            cure="a smaller kernel, more padding or a larger input",
        )
    if rounding == "exact" and not holds(room % stride == 0):
        added = f" + {border}" if border else ""
        raise OperatorError(
            f"{operator}: ({size} - {reach}{added}) / {stride} is not a whole number ({axis_name(axis)})",
            argument="stride",
            cure="another stride or padding, or rounding: floor",
        )
    if rounding != "ceil":
        return room // stride + 1
    return ceil_div(room, stride) + 1


def axis_name(axis: int) -> str:
    """height or width"""
    return ("height", "width")[axis]


def receptive(kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> tuple[Pair, Pair]:
    """What a window sees: ((reach, stride) of the height, the same of the width)."""
    return (
        (extent(kernel[0], dilation[0]), stride[0]),
        (extent(kernel[1], dilation[1]), stride[1]),
    )


def spread(
    kernel: Pair, stride: Pair, dilation: Pair = (1, 1)
) -> tuple[tuple[int, Fraction], tuple[int, Fraction]]:
    """The same of a window that is spread over the output (transposed convolution, unpooling).

    An output position lies in at most ceil(reach / S) neighbouring windows; outputs are 1/S apart.
    """
    from fractions import Fraction

    (height, down), (width, right) = receptive(kernel, stride, dilation)
    return (ceil_div(height, down), Fraction(1, down)), (ceil_div(width, right), Fraction(1, right))


def reaches(kernel: Pair, dilation: Pair) -> Pair:
    """Extents of a dilated kernel over (height, width)."""
    return extent(kernel[0], dilation[0]), extent(kernel[1], dilation[1])


def before(padding: Padding, reach: Pair, stride: Pair, size: Shape) -> Pair:
    """Padding at the (top, left)."""
    top, left = (sides(padding, axis, size[axis], reach[axis], stride[axis])[0] for axis in (0, 1))
    return top, left


def same_windows(
    first: Pair, reach: Pair, stride: Pair, size: Shape, positions: Shape, ceil: bool = False
) -> bool:
    """Whether PyTorch's windows are ours when it pads both sides of an axis by `first`.

    Windows that start at the same place and are as many see the same values, however much padding
    is declared after the last.
    """
    for axis in (0, 1):
        room = size[axis] + 2 * first[axis] - reach[axis]
        found = room // stride[axis] + 1
        if ceil:
            found = min(ceil_div(room, stride[axis]) + 1, ceil_div(size[axis] + first[axis], stride[axis]))
        if found != positions[axis]:
            return False
    return True


def borders(first: Pair, reach: Pair, stride: Pair, size: Shape, positions: Shape) -> tuple[Pair, Pair]:
    """((top, bottom), (left, right)) with which `positions` windows fill the map exactly.

    Bottom and right are negative where no window sees the last rows or columns. No more is cut than there
    is: where no window sees any of the map, the padding before it is what is less.
    """
    last = [(positions[axis] - 1) * stride[axis] + reach[axis] - size[axis] - first[axis] for axis in (0, 1)]
    unseen = [max(-last[axis] - size[axis], 0) for axis in (0, 1)]
    top, left = (first[axis] - unseen[axis] for axis in (0, 1))
    bottom, right = (last[axis] + unseen[axis] for axis in (0, 1))
    return (top, bottom), (left, right)


def grown(x: Shape, borders: tuple[Pair, Pair]) -> Shape:
    """Shape of a map with ((top, bottom), (left, right)) more rows and columns."""
    return *x[:2], x[2] + sum(borders[0]), x[3] + sum(borders[1])


def padded_shape(x: Shape, padding: Padding, reach: Pair, stride: Pair, positions: Shape) -> Shape | None:
    """Shape of the padded copy without which PyTorch's windows differ from ours; None: they do not."""
    first = before(padding, reach, stride, x[2:])
    if same_windows(first, reach, stride, x[2:], positions):
        return None
    return grown(x, borders(first, reach, stride, x[2:], positions))


def padded(module: nn.Module, height: Pair, width: Pair, value: float = 0.0) -> nn.Module:
    """A module preceded by a padding that PyTorch's own argument cannot express.

    `height` is (top, bottom), `width` (left, right); `value` fills them: -inf before max pooling.
    """
    from torch import nn

    return nn.Sequential(nn.ConstantPad2d((*width, *height), value), module)
