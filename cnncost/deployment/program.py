"""A program: the steps that a runtime runs one after the other, and the values that they read and write.

The arena's tensors follow from it and from an order of execution (`tensors`): a value lives from the step
that writes it to the last that reads it. Views, and what is written over an input, live in its memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from cnncost.deployment.arena import Resident


class Value(NamedTuple):
    """What a step writes, or the caller hands in."""

    name: str
    bytes: int
    view: int | None = None  #: the value in whose memory it lies; a step may write it there
    early: bool = False  #: it is needed from the first step on: a map that is put together of patches


class Task(NamedTuple):
    """One call of a runtime's kernel."""

    name: str  #: of the node whose work it begins
    kernel: str  #: the runtime's own name of it
    node: int  #: the node of the graph that gives what it writes
    reads: tuple[int, ...]
    writes: tuple[int, ...]  #: the value that others read first; a pooling's indices and the like after it
    scratch: tuple[int, ...] = ()  #: bytes that it needs while it runs
    overwrites: bool = False  #: it may write over an input (`Schedule.in_place`)
    flash: int = 0  #: bytes of its weights


@dataclass(frozen=True)
class Schedule:
    """Steps in the order in which the network was written."""

    steps: tuple[Task, ...]
    values: tuple[Value, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    places: tuple[int | None, ...]  #: for every node of the graph its value; None: it lies in flash

    @cached_property
    def roots(self) -> tuple[int, ...]:
        """For every value the one in whose memory it lies."""
        found: list[int] = []
        for index, value in enumerate(self.values):
            found.append(index if value.view is None else found[value.view])
        return tuple(found)

    @cached_property
    def readers(self) -> tuple[frozenset[int], ...]:
        """For every root the steps that read it or a view of it."""
        found: list[set[int]] = [set() for _ in self.values]
        for index, step in enumerate(self.steps):
            for value in step.reads:
                found[self.roots[value]].add(index)
        return tuple(map(frozenset, found))

    @cached_property
    def kept(self) -> frozenset[int]:
        """Roots of the outputs, which live to the end."""
        return frozenset(self.roots[value] for value in self.outputs)

    def without_scratch(self) -> Schedule:
        """The same without what a step needs only while it runs."""
        return replace(self, steps=tuple([step._replace(scratch=()) for step in self.steps]))

    def in_place(self) -> Schedule:
        """The same with the outputs of steps that overwrite an input as views of that.

        A step overwrites an input that it alone reads, whatever the order, if what it writes is not larger.
        """
        values = list(self.values)
        for step in self.steps:
            if step.overwrites:
                held = replace(self, values=tuple(values))
                written = held.values[step.writes[0]]
                free = [
                    value
                    for value in step.reads
                    if held.alone(value) and held.values[held.roots[value]].bytes >= written.bytes
                ]
                if free:
                    values[step.writes[0]] = written._replace(view=free[0])
        return replace(self, values=tuple(values))

    def alone(self, value: int) -> bool:
        """Whether one step reads a value, and nothing reads its memory later."""
        root = self.roots[value]
        newest = max(index for index, other in enumerate(self.roots) if other == root)
        readers = sum(value in step.reads for step in self.steps)
        return root not in self.kept and newest == value and readers == 1

    def tensors(self, order: Sequence[int] | None = None) -> list[Resident]:
        """The arena's tensors if the steps run in that order (None: as they are); scratch after the rest.

        Step 0 is before the first; what the caller hands in is there from then on.
        """
        order = range(len(self.steps)) if order is None else order
        time = {index: place for place, index in enumerate(order, 1)}
        found = [self._tensor(root, 0, time) for root in self.inputs]
        scratch = []
        for index in order:
            step, now = self.steps[index], time[index]
            found += [self._tensor(value, now, time) for value in step.writes if self.roots[value] == value]
            scratch += [Resident(f"{step.name} (scratch)", size, now, now) for size in step.scratch if size]
        return [tensor for tensor in found if tensor.bytes] + scratch

    def _tensor(self, root: int, now: int, time: Mapping[int, int]) -> Resident:
        """The memory of a value that is made at a step."""
        value = self.values[root]
        last = max([now, *[time[reader] for reader in self.readers[root]]])
        until = len(self.steps) if root in self.kept else last
        return Resident(value.name, value.bytes, 1 if value.early else now, until)
