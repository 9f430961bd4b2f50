"""Which positions of the network's input the axes of a tensor stand for, through views and moves.

An axis of a tensor is a product of factors, the outermost first, as einops writes (h w): each a length,
the axis of the input's space that it runs along (None: no positions, such as channels) and its jump, the
distance in input pixels of neighbouring positions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import TYPE_CHECKING, NamedTuple, Union

from cnncost.ops import move, patch
from cnncost.ops.base import Operator
from cnncost.ops.sizes import FREE, Shape, axes_of

if TYPE_CHECKING:
    from fractions import Fraction

Number = Union[int, "Fraction"]


class Factor(NamedTuple):
    """Part of an axis of a tensor."""

    length: int
    along: int | None  #: which axis of the input's space
    jump: Number = 1


MOVES = (
    move.View, move.Permute, move.Slice, move.Select, move.Expand, move.Roll, move.Flip, move.Pad,
    move.Gather, move.Overwrite, patch.Windows, patch.Unfold, patch.Fold,
)  # fmt: skip
"""Operators that move positions along axes or from one to another."""

Factors = tuple[Factor, ...]
Positions = tuple[Factors, ...]
"""The factors of every axis of a tensor."""


def of_map(shape: Shape, jumps: Sequence[Number]) -> Positions:
    """A map or tokens: its axes of space are those of the input; of a free shape the last ones."""
    axes = axes_of(shape)
    free = range(len(shape) - len(jumps), len(shape))
    space = free if axes == FREE else [place for place, letter in enumerate(axes) if letter not in "NC"]
    found = list(plain(shape))
    for axis, (place, jump) in enumerate(zip(space, jumps, strict=True)):
        found[place] = (Factor(shape[place], axis, jump),)
    return tuple(found)


def plain(shape: Iterable[int]) -> Positions:
    """Axes without positions."""
    return tuple([(Factor(size, None),) for size in shape])


def carried(axes: Iterable[Factors]) -> list[Factor]:
    """The factors of some axes that have positions."""
    return [factor for axis in axes for factor in axis if factor.along is not None]


def is_whole(axis: Factors, size: int) -> bool:
    """Whether the factors of an axis still make its size: they do not after a concatenation or a window."""
    return prod(factor.length for factor in axis) == size


class Moved(NamedTuple):
    """What a move makes of a layout."""

    layout: Positions
    seen: Sequence[
        Factor
    ] = ()  #: factors whose positions every value sees now, since they are no axis any more
    shifts: Sequence[tuple[int, Number]] = ()  #: (axis of the input, by how many pixels positions moved)


def moved(op: Operator, layout: Positions, x: Shape, output: Shape) -> Moved | None:
    """The layout behind an operator that moves values; None if it is no such operator."""
    if isinstance(op, move.View):
        return viewed(layout, x, output)
    if isinstance(op, move.Permute):
        return Moved(tuple([layout[axis] for axis in op.axes]))
    if isinstance(op, move.Slice):
        return sliced(layout, op.axis, op.start, op.step, output)
    if isinstance(op, move.Select):
        rest = (*layout[: op.axis], *layout[op.axis + 1 :])
        return Moved(rest, (), shifts_of(layout[op.axis], op.index))
    if isinstance(op, move.Roll):
        steps = zip(op.axes, op.shifts, strict=True)
        return Moved(layout, (), [shift for axis, by in steps for shift in shifts_of(layout[axis], -by)])
    if isinstance(op, move.Flip):
        return Moved(layout)
    if isinstance(op, move.Pad):
        grown = [resized(axis, size) for axis, size in zip(layout, output, strict=True)]
        sides = zip(layout, [before for before, _ in op.borders(x)], strict=True)
        return Moved(tuple(grown), (), [shift for factors, by in sides for shift in shifts_of(factors, -by)])
    if isinstance(op, move.Gather):
        gone = (*layout[: op.axis], (Factor(op.count, None),), *layout[op.axis + 1 :])
        return Moved(gone, carried([layout[op.axis]]))
    if isinstance(op, patch.Windows):
        return windowed(op, layout, output)
    if isinstance(op, patch.Unfold):
        return unfolded(op, layout, x)
    if isinstance(op, patch.Fold):
        return folded(op, layout, output)
    if isinstance(op, (move.Expand, move.Overwrite)):
        aligned = (*plain([1] * (len(output) - len(layout))), *layout)
        pairs = zip(aligned, output, strict=True)
        same = [axis if is_whole(axis, size) else (Factor(size, None),) for axis, size in pairs]
        return Moved(tuple(same))
    return None


def viewed(layout: Positions, x: Shape, output: Shape) -> Moved:
    """The factors of all axes, one after the other, dealt out to the axes of another shape.

    A factor that a new axis ends within is split into an outer and an inner part; where that cannot be, or an
    axis was not whole, every value may see all of it.
    """
    queue: list[Factor] = []
    seen: list[Factor] = []
    for axis, size in zip(layout, x, strict=True):
        if is_whole(axis, size):
            queue += [factor for factor in axis if factor.length != 1]
        else:
            seen += carried([axis])
            queue.append(Factor(size, None))
    queue.reverse()
    result: list[Factors] = []
    for size in output:
        factors: list[Factor] = []
        left = size
        while left > 1 and queue:
            factor = queue.pop()
            if left % factor.length == 0:
                factors.append(factor)
                left //= factor.length
            elif factor.length % left == 0:
                inner = factor.length // left
                factors.append(Factor(left, factor.along, factor.jump * inner))
                queue.append(Factor(inner, factor.along, factor.jump))
                left = 1
            else:  # the two cut each other: neither is an axis any more
                return Moved(
                    plain(output), [*seen, *carried([*result, tuple(factors), (factor,), tuple(queue)])]
                )
        result.append(tuple(factors) or (Factor(size, None),))
    return Moved(tuple(result), seen)


def sliced(layout: Positions, axis: int, start: int, step: int, output: Shape) -> Moved:
    """Every step-th position of an axis from `start` on."""
    factors, size = layout[axis], output[axis]
    if len(factors) == 1:
        (only,) = factors
        factors = (Factor(size, only.along, only.jump * step),)
    return Moved((*layout[:axis], factors, *layout[axis + 1 :]), (), shifts_of(layout[axis], start))


def windowed(op: patch.Windows, layout: Positions, output: Shape) -> Moved:
    """Windows of an axis: one axis of windows, and a new one, the last, of what each reads."""
    (*_, inner) = layout[op.axis]
    windows = (Factor(output[op.axis], inner.along, inner.jump * op.stride),)
    inside = (Factor(op.size, inner.along, inner.jump),)
    return Moved((*layout[: op.axis], windows, *layout[op.axis + 1 :], inside))


def unfolded(op: patch.Unfold, layout: Positions, x: Shape) -> Moved:
    """Windows of a map as columns: (channels, what a window reads) and all windows in one axis."""
    slides = op.windows(x)
    inner = [axis[-1] for axis in layout[2:]]
    pairs = list(zip(slides, inner, op.counts(slides, x[2:]), strict=True))
    inside = [Factor(slide.kernel, each.along, each.jump * slide.dilation) for slide, each, _ in pairs]
    windows = [Factor(count, each.along, each.jump * slide.stride) for slide, each, count in pairs]
    return Moved((layout[0], (*layout[1], *inside), tuple(windows)))


def folded(op: patch.Fold, layout: Positions, output: Shape) -> Moved:
    """Columns summed where windows overlap: a pixel sees those windows, if they are not still its own."""
    slides = op.windows(output)
    inside, windows = layout[1][-len(slides) :], layout[2]
    if len(windows) != len(slides) or len(layout[1]) < len(slides):
        return Moved(plain(output), carried(layout[1:]))
    axes: list[Factors] = []
    seen: list[Factor] = []
    for slide, part, window, size in zip(slides, inside, windows, output[2:], strict=True):
        jump = divided(window.jump, slide.stride)
        axes.append((Factor(size, window.along, jump),))
        if (part.along, part.jump) != (window.along, jump * slide.dilation):
            overlapping = -(-slide.kernel // slide.stride)
            seen += carried([(part, window._replace(length=overlapping))])
    return Moved((layout[0], *plain(output[1:2]), *axes), seen)


def divided(number: Number, by: int) -> Number:
    """A quotient, whole if it can be."""
    from fractions import Fraction

    return simplest(Fraction(number) / by)


def simplest(number: Number) -> Number:
    """An int, if the number is whole."""
    return number if isinstance(number, int) or number.denominator != 1 else number.numerator


def resized(axis: Factors, size: int) -> Factors:
    """An axis of one factor in another size."""
    return (axis[0]._replace(length=size),) if len(axis) == 1 else axis


def shifts_of(axis: Factors, by: int) -> list[tuple[int, Number]]:
    """How many pixels the positions of an axis move if its values do so by some places."""
    inner = axis[-1] if axis else None
    return [(inner.along, by * inner.jump)] if inner is not None and inner.along is not None and by else []
