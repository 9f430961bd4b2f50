"""An arena: tensors with lifetimes and the addresses that a planner gives them.

A planner is a function from tensors to addresses, in their order. `liveness` is what none can go below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple


class Resident(NamedTuple):
    """Bytes that are needed from one step to another, both included; step 0 is before the first."""

    name: str
    bytes: int
    first: int
    last: int

    def meets(self, other: Resident) -> bool:
        """Whether both are needed at some step."""
        return self.first <= other.last and other.first <= self.last


Planner = Callable[[Sequence[Resident]], list[int]]
"""The address of every tensor."""


def in_blocks(size: int, block: int) -> int:
    """Bytes rounded up to whole blocks."""
    return -(-size // block) * block


def aligned(tensors: Sequence[Resident], alignment: int) -> list[Resident]:
    """The tensors with their bytes rounded up."""
    return [tensor._replace(bytes=in_blocks(tensor.bytes, alignment)) for tensor in tensors]


def liveness(tensors: Sequence[Resident]) -> int:
    """The most bytes that are needed at one step: no plan needs less."""
    alive: dict[int, int] = {}
    for tensor in tensors:
        alive[tensor.first] = alive.get(tensor.first, 0) + tensor.bytes
        alive[tensor.last + 1] = alive.get(tensor.last + 1, 0) - tensor.bytes
    most = now = 0
    for step in sorted(alive):
        now += alive[step]
        most = max(most, now)
    return most


def extent(tensors: Sequence[Resident], offsets: Sequence[int]) -> int:
    """Bytes of the arena: the end of the tensor that reaches furthest."""
    return max([offset + tensor.bytes for tensor, offset in zip(tensors, offsets, strict=True)], default=0)


def greedy_by_size(tensors: Sequence[Resident]) -> list[int]:
    """Addresses as TensorFlow Lite Micro's GreedyMemoryPlanner gives them.

    The largest tensor first, of equal ones the last; each goes to the lowest gap that holds it among those
    that are placed already and needed at the same time (tensorflow/lite/micro/memory_planner, 2019).
    """
    offsets = [0] * len(tensors)
    placed: list[int] = []  # by address
    order = sorted(range(len(tensors)), key=lambda index: (-tensors[index].bytes, -index))
    for index in order:
        tensor, offset = tensors[index], 0
        for other in placed:
            if not tensor.meets(tensors[other]):
                continue
            if offsets[other] - offset >= tensor.bytes:
                break
            offset = max(offset, offsets[other] + tensors[other].bytes)
        offsets[index] = offset
        at = next((i for i, other in enumerate(placed) if offsets[other] > offset), len(placed))
        placed.insert(at, index)
    return offsets


def shared_objects(tensors: Sequence[Resident]) -> list[int]:
    """Addresses as ExecuTorch's greedy algorithm gives them (exir/memory_planning.py, 1.5).

    The largest tensor first opens an object of its size; another goes to the first object that nothing
    uses at the same time, else behind what does, in the first object that has the room; else it opens one.
    Objects stand one after the other.
    """
    objects: list[tuple[int, list[tuple[int, int]]]] = []  # bytes, and (tensor, address in it)
    placed: dict[int, tuple[int, int]] = {}  # tensor -> object, address in it
    for index in sorted(range(len(tensors)), key=lambda index: (-tensors[index].bytes, -index)):
        tensor = tensors[index]
        ends = [
            max(
                [at + tensors[other].bytes for other, at in members if tensor.meets(tensors[other])],
                default=0,
            )
            for _, members in objects
        ]
        free = [
            place
            for place, (_, members) in enumerate(objects)
            if not any(tensor.meets(tensors[other]) for other, _ in members)
        ]
        behind = [place for place, end in enumerate(ends) if end and end + tensor.bytes <= objects[place][0]]
        if free:
            place, at = free[0], 0
        elif behind:
            place, at = behind[0], ends[behind[0]]
        else:
            place, at = len(objects), 0
            objects.append((tensor.bytes, []))
        objects[place][1].append((index, at))
        placed[index] = place, at
    starts = [0]
    for size, _ in objects:
        starts.append(starts[-1] + size)
    return [starts[place] + at for place, at in (placed[index] for index in range(len(tensors)))]
