"""What convolution and pooling share: a window that slides over a padded map, axis by axis.

A window is one `Slide` per axis of space, so every formula is that of one axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from cnncost.errors import OperatorError
from cnncost.ops.arguments import Padding, PerAxis
from cnncost.ops.sizes import AXES, Shape, ceil_div, holds, maximum, resized

if TYPE_CHECKING:
    from fractions import Fraction

    from torch import nn

Border = tuple[int, int]
"""What is added before and after the positions of an axis; negative: cut."""


def extent(kernel: int, dilation: int) -> int:
    """How far a dilated kernel reaches: D * (K - 1) + 1 (Yu and Koltun 2016)."""
    if dilation == 1:
        return kernel
    return dilation * (kernel - 1) + 1


def same_padding(size: int, reach: int, stride: int) -> Border:
    """TensorFlow's "same" padding on one axis: (before, after), the odd pixel after."""
    total = maximum((ceil_div(size, stride) - 1) * stride + reach - size, 0)
    before = total // 2
    return before, total - before


def sum_of(before: int, after: int) -> int:
    """Both paddings of an axis, written 2 * P when they are equal."""
    return 2 * before if before == after else before + after


class Slide(NamedTuple):
    """A window along one axis of a map."""

    letter: str  #: of the axis: W, H, D
    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0
    same: bool = False  #: padded by TensorFlow's rule, instead of before and after

    @property
    def reach(self) -> int:
        """The kernel's extent, gaps included."""
        return extent(self.kernel, self.dilation)

    @property
    def axis(self) -> str:
        """height, width, ..."""
        return AXES[self.letter]

    def padding(self, size: int) -> Border:
        """Padding (before, after) of an axis of that size."""
        return same_padding(size, self.reach, self.stride) if self.same else (self.before, self.after)

    def positions(self, operator: str, size: int, rounding: str = "floor") -> int:
        """Number of window positions (the lectures' W' = (W - K + 2P) / S + 1).

        `rounding`: floor; ceil (the last window may hang over the border); exact: a fraction is an
        error. "same" always gives ceil(W / S). Raises OperatorError, which names the operator.
        """
        if self.same:
            return ceil_div(size, self.stride)
        reach, border = self.reach, sum_of(self.before, self.after)
        room = size - reach + border if border else size - reach
        if not holds(room >= 0):
            raise OperatorError(
                f"{operator}: a kernel of {reach} does not fit into {self.axis} {size}"
                + (f" padded by {self.before} + {self.after}" if border else ""),
                argument="kernel",
                cure="a smaller kernel, more padding or a larger input",
            )
        if rounding == "exact" and not holds(room % self.stride == 0):
            added = f" + {border}" if border else ""
            raise OperatorError(
                f"{operator}: ({size} - {reach}{added}) / {self.stride} is not a whole number ({self.axis})",
                argument="stride",
                cure="another stride or padding, or rounding: floor",
            )
        if rounding != "ceil":
            return room // self.stride + 1
        return ceil_div(room, self.stride) + 1

    def seen(self) -> tuple[int, int]:
        """What it sees: (reach, stride)."""
        return self.reach, self.stride

    def spread(self) -> tuple[int, Fraction]:
        """The same of a window that is spread over the output (transposed convolution, unpooling).

        An output position lies in at most ceil(reach / S) neighbouring windows; outputs are 1/S apart.
        """
        from fractions import Fraction

        return ceil_div(self.reach, self.stride), Fraction(1, self.stride)

    def fits(self, size: int, positions: int, ceil: bool = False) -> bool:
        """Whether PyTorch's windows are ours when it pads both sides by what we pad before.

        Windows that start at the same place and are as many see the same values, however much padding
        is declared after the last.
        """
        first, _ = self.padding(size)
        room = size + 2 * first - self.reach
        found = room // self.stride + 1
        if ceil:
            found = min(ceil_div(room, self.stride) + 1, ceil_div(size + first, self.stride))
        return found == positions

    def border(self, size: int, positions: int) -> Border:
        """Padding with which `positions` windows fill the axis exactly.

        What is added after is negative where no window sees the last positions. No more is cut than there
        is: where no window sees any of the map, the padding before it is what is less.
        """
        first, _ = self.padding(size)
        last = (positions - 1) * self.stride + self.reach - size - first
        unseen = max(-last - size, 0)
        return first - unseen, last + unseen


Slides = tuple[Slide, ...]
"""A window: one slide per axis of space."""


def slides(
    operator: str,
    letters: str,
    kernel: PerAxis,
    stride: PerAxis = 1,
    pad: Padding = 0,
    dilation: PerAxis = 1,
) -> Slides:
    """The window of an operator over the axes of a map, named by their letters ("HW").

    Raises OperatorError for an argument of the wrong number of axes.
    """
    if tuple in (type(kernel), type(stride), type(pad), type(dilation)):
        return _slides(operator, letters, kernel, stride, pad, dilation)
    return _known_slides(operator, letters, kernel, stride, pad, dilation)


def _slides(
    operator: str, letters: str, kernel: PerAxis, stride: PerAxis, pad: Padding, dilation: PerAxis
) -> Slides:
    kernels = per_axis(operator, "kernel", kernel, letters)
    strides = per_axis(operator, "stride", stride, letters)
    dilations = per_axis(operator, "dilation", dilation, letters)
    if isinstance(pad, str):
        return tuple(
            [Slide(*axis, same=True) for axis in zip(letters, kernels, strides, dilations, strict=True)]
        )
    befores, afters = zip(*borders_of(operator, pad, letters), strict=True)
    return tuple(map(Slide, letters, kernels, strides, dilations, befores, afters))


# Most windows are alike on all axes, and asked for again and again. By type as well: a traced 3 equals 3.
_known_slides = lru_cache(maxsize=4096, typed=True)(_slides)


def per_axis(operator: str, name: str, value: PerAxis, letters: str) -> tuple[int, ...]:
    """An argument as one number per axis. Raises OperatorError if it has another number of them."""
    if not isinstance(value, tuple):
        return (value,) * len(letters)
    if len(value) != len(letters):
        raise wrong_number(operator, name, value, letters, "a number, or one for each")
    return value


def borders_of(operator: str, pad: Padding, letters: str, name: str = "pad") -> list[Border]:
    """A padding in numbers as (before, after) per axis. Raises OperatorError as `per_axis`."""
    assert not isinstance(pad, str)
    if not isinstance(pad, tuple):
        return [(pad, pad)] * len(letters)
    if len(pad) == len(letters):
        return [(side, side) for side in pad]
    if len(pad) == 2 * len(letters):
        return list(zip(pad[::2], pad[1::2], strict=True))
    raise wrong_number(operator, name, pad, letters, "a number, one for each, or before and after each")


def wrong_number(operator: str, name: str, value: Sequence[int], letters: str, takes: str) -> OperatorError:
    """The error for an argument whose numbers are not as many as the map has axes."""
    axes = ", ".join(AXES[letter] for letter in letters)
    several = "axes" if len(letters) > 1 else "axis"
    return OperatorError(
        f"{operator}: {name} has {len(value)} number{'s' * (len(value) != 1)}, the map has {len(letters)}"
        f" {several} ({axes})",
        argument=name,
        cure=takes,
    )


def area(slides: Slides) -> int:
    """Positions of a window: its kernels' product."""
    return times_area(slides[0].kernel, slides[1:])


def times_area(count: int, slides: Slides) -> int:
    """A number times the kernel of every axis."""
    for slide in slides:
        count = count * slide.kernel
    return count


def settings(slides: Slides) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """(kernels, strides, dilations), as PyTorch's modules take them."""
    _, kernels, strides, dilations, *_ = zip(*slides, strict=True)
    return kernels, strides, dilations


def same_windows(slides: Slides, space: Sequence[int], positions: Sequence[int], ceil: bool = False) -> bool:
    """Whether PyTorch's windows are ours on every axis (see `Slide.fits`)."""
    return all(
        slide.fits(size, count, ceil) for slide, size, count in zip(slides, space, positions, strict=True)
    )


def firsts(slides: Slides, space: Sequence[int]) -> tuple[int, ...]:
    """Padding before the positions of every axis."""
    return tuple([slide.padding(size)[0] for slide, size in zip(slides, space, strict=True)])


def borders(slides: Slides, space: Sequence[int], positions: Sequence[int]) -> tuple[Border, ...]:
    """For every axis the padding with which the windows fill it exactly (see `Slide.border`)."""
    return tuple(
        [slide.border(size, count) for slide, size, count in zip(slides, space, positions, strict=True)]
    )


def grown(x: Shape, borders: Sequence[Border]) -> Shape:
    """Shape of a map with more positions before and after every axis."""
    space = [size + (before + after) for size, (before, after) in zip(x[2:], borders, strict=True)]
    return resized(x, (*x[:2], *space))


def padded_shape(x: Shape, slides: Slides, positions: Sequence[int]) -> Shape | None:
    """Shape of the padded copy without which PyTorch's windows differ from ours; None: they do not."""
    if same_windows(slides, x[2:], positions):
        return None
    return grown(x, borders(slides, x[2:], positions))


def flat(borders: Sequence[Border]) -> list[int]:
    """Borders as `torch.nn.functional.pad` takes them: the last axis first."""
    return [side for border in reversed(borders) for side in border]


def padded(module: nn.Module, borders: Sequence[Border], value: float = 0.0) -> nn.Module:
    """A module preceded by a padding that PyTorch's own argument cannot express.

    `value` fills the borders: -inf before max pooling.
    """
    from torch import nn

    return nn.Sequential(padding(borders, value), module)


def padding(borders: Sequence[Border], value: float = 0.0) -> nn.Module:
    """PyTorch's padding of every axis; negative borders are cut."""
    from torch import nn

    kinds: tuple[type[nn.Module], ...] = (nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d)
    return kinds[len(borders) - 1](tuple(flat(borders)), value)
