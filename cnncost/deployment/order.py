"""Orders of execution: of those that a network allows, one that needs least at once.

A search over what has been run so far, the cheapest way first: the most bytes that were needed on the way
there. A network without branches has one order; of a large one with many the search is bounded.
"""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import NamedTuple

from cnncost.deployment.program import Schedule

MOST_STATES = 10_000
"""After so many states the search gives up: a few seconds."""


class Order(NamedTuple):
    """An order of the steps, as they were written or better."""

    steps: tuple[int, ...]
    before: int  #: bytes needed at once in the order as written
    after: int  #: in this one
    states: int  #: what was looked at
    complete: bool  #: False: the search gave up, and the order is as written

    @property
    def gained(self) -> int:
        """Bytes."""
        return self.before - self.after


class Costs:
    """What is needed while a step runs, if a set of steps has run; sets are bits of whole numbers."""

    def __init__(self, program: Schedule) -> None:
        self.program = program
        self.sizes = [value.bytes for value in program.values]
        self.readers = [sum(1 << reader for reader in readers) for readers in program.readers]
        makers: dict[int, int] = {}  # for every value the step that writes it
        self.made: dict[int, int] = {}  # for every root the step that makes it
        for index, step in enumerate(program.steps):
            for value in step.writes:
                makers[value] = index
                self.made.setdefault(program.roots[value], index)
        for root in program.inputs:
            self.made.pop(root, None)
        for place, made in enumerate(program.values):
            if place not in makers and made.view in makers:
                makers[place] = makers[made.view]
        self.needs = [
            sum({1 << makers[value] for value in step.reads if value in makers}) for step in program.steps
        ]

    def alive(self, done: int) -> int:
        """Bytes that are kept when those steps have run."""
        program, total = self.program, 0
        for root in program.inputs:
            if root in program.kept or self.readers[root] & ~done:
                total += self.sizes[root]
        for root, maker in self.made.items():
            if done >> maker & 1 and (root in program.kept or self.readers[root] & ~done):
                total += self.sizes[root]
        return total

    def running(self, index: int, alive: int) -> int:
        """Bytes that are needed while a step runs, `alive` being kept when it begins."""
        step = self.program.steps[index]
        return alive + sum(self.sizes[value] for value in self.new(index)) + sum(step.scratch)

    def new(self, index: int) -> list[int]:
        """What a step writes in memory of its own."""
        return [value for value in self.program.steps[index].writes if self.program.roots[value] == value]

    def peak(self, order: tuple[int, ...]) -> int:
        """The most bytes in an order."""
        done = most = 0
        for index in order:
            most = max(most, self.running(index, self.alive(done)))
            done |= 1 << index
        return most


def best_order(program: Schedule, most: int = MOST_STATES) -> Order:
    """The order that needs least at once; as written where the search gives up or nothing is better."""
    costs, written = Costs(program), tuple(range(len(program.steps)))
    before = costs.peak(written)
    everything = (1 << len(program.steps)) - 1
    peaks: dict[int, int] = {0: 0}
    came: dict[int, tuple[int, int]] = {}
    queue = [(0, 0, 0)]  # the peak so far, steps that are left, what has run
    seen: set[int] = set()
    while queue:
        peak, _, done = heapq.heappop(queue)
        if done in seen:
            continue
        seen.add(done)
        if done == everything or peak >= before:
            break
        if len(seen) > most:
            return Order(written, before, before, len(seen), False)
        alive = costs.alive(done)
        for index in written:
            if done >> index & 1 or costs.needs[index] & ~done:
                continue
            after = done | 1 << index
            there = max(peak, costs.running(index, alive))
            if there < peaks.get(after, before):
                peaks[after] = there
                came[after] = done, index
                heapq.heappush(queue, (there, len(written) - after.bit_count(), after))
    if everything not in peaks:
        return Order(written, before, before, len(seen), True)
    steps: list[int] = []
    done = everything
    while done:
        done, index = came[done]
        steps.append(index)
    return Order(tuple(reversed(steps)), before, peaks[everything], len(seen), True)


def reordered(program: Schedule, order: Order) -> Schedule:
    """The program with its steps in another order."""
    return replace(program, steps=tuple([program.steps[index] for index in order.steps]))
