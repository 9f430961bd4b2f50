"""Sizes, axes and shapes as frameworks write them; the batch among them.

A network is exported at a small batch. Sizes that were seen to grow with it become multiples of one
prime, `BATCH`, that is larger than any size, so that no size is ever taken for the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Shape = tuple[int, ...]
"""A shape as frameworks have it: sizes, whose axes have no names."""

BATCH = 2**61 - 1
"""Stands for the batch: a prime larger than any size. What it divides grows with the batch."""


def marked(sizes: Any, batch: int | None) -> Shape:
    """A shape in which the sizes that `batch`, a prime, divides are that many times BATCH; None: as it is."""
    whole = (int(size) for size in sizes)
    if batch is None:
        return tuple(whole)
    return tuple(size // batch * BATCH if size and size % batch == 0 else size for size in whole)


def unmarked(shape: Shape, batch: int) -> Shape:
    """The shape that `marked` had."""
    return tuple(size // BATCH * batch if size % BATCH == 0 else size for size in shape)


def widened(shape: Shape, beside: Sequence[Shape]) -> Shape:
    """A constant's shape, its batch of 1 as large as that of what it is joined to."""
    whole = next((other for other in beside if len(other) == len(shape) and batched(other)), shape)
    return tuple(
        large if small == 1 and along in batched(whole) else small
        for along, (small, large) in enumerate(zip(shape, whole, strict=True))
    )


def prime_beside(sizes: Any) -> int:
    """A small prime that divides none of some sizes."""
    known = {int(size) for size in sizes if size}
    prime = 11
    while any(prime % divisor == 0 for divisor in range(2, prime)) or any(n % prime == 0 for n in known):
        prime += 2
    return prime


def large_prime_beside(numbers: Any) -> int:
    """A prime larger than sizes are, which divides none of some numbers; float32 has it exactly."""
    known = {abs(int(number)) for number in numbers if number}
    for prime in (16777213, 16777199, 16777183, 16777153):
        if not any(number % prime == 0 for number in known):
            return prime
    raise ValueError("no prime")  # a file would have to be made for it


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
