"""Sizes, axes and shapes as frameworks write them; the batch among them.

The batch of an import is a large prime: a size that it divides is one that grows with the batch, so
that one import serves every batch.
"""

from __future__ import annotations

from typing import Any

from cnncost.ops.sizes import Shape

BATCH = 1009


def at_one(shape: Shape) -> Shape:
    """A shape of the import for one image."""
    return tuple(size // BATCH if size and size % BATCH == 0 else size for size in shape)


def batched(shape: Shape) -> list[int]:
    """The axes that grow with the batch."""
    return [axis for axis, size in enumerate(shape) if size and size % BATCH == 0]


def with_batch_as(shape: Shape) -> tuple[int, ...]:
    """A shape for an argument: -k where k times the batch is."""
    return tuple(-(size // BATCH) if size % BATCH == 0 else size for size in shape)


def with_rest_as(shape: Shape) -> tuple[int, ...]:
    """A shape for an argument: -1 for the size that grows with the batch."""
    return tuple(-1 if size and size % BATCH == 0 else size for size in shape)


def pair(value: Any) -> tuple[int, int]:
    """(height, width) of a number or a list of one or two."""
    if isinstance(value, int):
        return value, value
    return (int(value[0]), int(value[-1]))


def per_axis(value: Any, rank: int) -> list[int]:
    """A number for every axis of space, from one number, a list of one, or a list of them all."""
    listed = [value] if isinstance(value, int) else list(value)
    return [int(item) for item in (listed * rank if len(listed) == 1 else listed)]


def axis(value: int, rank: int) -> int:
    """An axis counted from 0."""
    return int(value) % rank if rank else 0


def axes(value: Any, rank: int) -> tuple[int, ...]:
    """Axes counted from 0, in order; None: all."""
    if value is None or value == []:
        return tuple(range(rank))
    listed = [value] if isinstance(value, int) else value
    return tuple(sorted(axis(item, rank) for item in listed))
