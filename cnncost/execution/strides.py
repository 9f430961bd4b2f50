"""Strides of tensors, as PyTorch counts them: how many values lie between neighbours along every axis.

Only shapes and strides belong here; which operators need contiguous inputs their rules say.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from cnncost.ops.sizes import Shape

Strides = tuple[int, ...]
"""For every axis how many values lie between neighbours."""


def contiguous(shape: Sequence[int], order: Sequence[int] | None = None) -> Strides:
    """Strides without gaps, the last axis (of `order`) first in memory."""
    strides, step = [0] * len(shape), 1
    for axis in reversed(range(len(shape)) if order is None else order):
        strides[axis] = step
        step *= max(shape[axis], 1)
    return tuple(strides)


def preserve_format(shape: Shape, strides: Strides) -> Strides:
    """Strides of what a function of every value makes: without gaps, axes in the order of the input's."""
    return iterated(shape, [(shape, strides)])


def iterated(shape: Sequence[int], operands: Sequence[tuple[Sequence[int], Strides]]) -> Strides:
    """Strides of what a function of several tensors makes, which are broadcast to one shape.

    Axes are sorted by the strides of the first operand that tells two of them apart
    (TensorIteratorBase::reorder_dimensions in ATen/TensorIterator.cpp).
    """
    count = len(shape)
    if all(other == shape and is_contiguous(shape, strides) for other, strides in operands):
        return contiguous(shape)
    steps = [repeated(other, strides, shape) for other, strides in operands]
    order = list(reversed(range(count)))  # the fastest axis first
    for start in range(1, count):
        place = start
        for before in reversed(range(start)):
            swap = slower(order[before], order[place], shape, steps)
            if swap < 0:
                break
            if swap:
                order[before], order[place] = order[place], order[before]
                place = before
    return contiguous(shape, order[::-1])


def repeated(shape: Sequence[int], strides: Strides, new: Sequence[int]) -> list[int]:
    """Strides of a tensor that is broadcast to a shape: 0 along axes that it does not have, or has once."""
    own = new[len(new) - len(shape) :]
    kept = [0 if size == 1 != a else step for size, step, a in zip(shape, strides, own, strict=True)]
    return [0] * (len(new) - len(shape)) + kept


def slower(first: int, second: int, shape: Sequence[int], steps: Sequence[Sequence[int]]) -> int:
    """1 if an axis has larger strides than another, -1 if smaller, 0 if no operand says so."""
    for strides in steps:
        a, b = strides[first], strides[second]
        if a and b and a != b:
            return 1 if a > b else -1
        if a and b and shape[first] > shape[second]:
            return 1
    return 0


def suggested_format(shape: Sequence[int], strides: Strides, new: Sequence[int]) -> Strides:
    """Strides of what a kernel makes that knows two formats of maps: channels last, and contiguous."""
    last = len(new) == len(shape) and suggests_channels_last(shape, strides)
    return contiguous(new, [0, *range(2, len(new)), 1] if last else None)


def permuted(values: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    """Shape or strides of the axes in another order."""
    return tuple([values[axis] for axis in axes])


def is_contiguous(shape: Sequence[int], strides: Strides) -> bool:
    """Whether values are without gaps, in the order of the axes (those of size 1 do not matter)."""
    wanted = contiguous(shape)
    return all(size == 1 or a == b for size, a, b in zip(shape, strides, wanted, strict=True))


def is_channels_last(shape: Shape, strides: Strides) -> bool:
    """Whether a map lies in memory as height x width x channels, without gaps."""
    order = [0, *range(2, len(shape)), 1]
    return len(shape) in (4, 5) and is_contiguous(permuted(shape, order), permuted(strides, order))


def suggests_channels_last(shape: Sequence[int], strides: Strides) -> bool:
    """Whether PyTorch takes a map for one with channels last, gaps or not (c10/core/MemoryFormat.h)."""
    if len(shape) not in (4, 5) or strides[1] == 0:
        return False
    least = 0
    for axis in (1, *reversed(range(2, len(shape))), 0):
        if strides[axis] < least or (axis == 0 and least == strides[1]):
            return False
        least = strides[axis] * max(shape[axis], 1)
    return True


def mergeable(shape: Shape, strides: Strides, axes: Sequence[int]) -> bool:
    """Whether some axes, the slowest first, can be read as one."""
    axes = [axis for axis in axes if shape[axis] != 1]
    return all(strides[outer] == strides[inner] * shape[inner] for outer, inner in pairwise(axes))


def view(shape: Shape, strides: Strides, new: Shape) -> Strides | None:
    """Strides of a view in another shape; None: the values would have to be copied."""
    axes = [axis for axis in range(len(shape)) if shape[axis] != 1]
    result = [0] * len(new)
    place = len(new) - 1
    step = 1
    while axes:
        last = axes.pop()  # a run of axes without gaps between them
        step, values = strides[last], shape[last]
        while axes and strides[axes[-1]] == step * values:
            values *= shape[axes.pop()]
        taken = 1
        while place >= 0 and (taken < values or new[place] == 1):
            result[place] = step * taken
            taken *= new[place]
            place -= 1
        if taken != values:
            return None
    for axis in range(place + 1):
        result[axis] = step
    return tuple(result)
