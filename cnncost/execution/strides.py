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
    return contiguous(shape, sorted(range(len(shape)), key=lambda axis: -strides[axis]))


def permuted(values: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    """Shape or strides of the axes in another order."""
    return tuple([values[axis] for axis in axes])


def is_contiguous(shape: Sequence[int], strides: Strides) -> bool:
    """Whether values are without gaps, in the order of the axes (those of size 1 do not matter)."""
    wanted = contiguous(shape)
    return all(size == 1 or a == b for size, a, b in zip(shape, strides, wanted, strict=True))


def is_channels_last(shape: Shape, strides: Strides) -> bool:
    """Whether a map lies in memory as height x width x channels, which convolutions keep."""
    order = (0, 2, 3, 1)
    return len(shape) == 4 and is_contiguous(permuted(shape, order), permuted(strides, order))


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
