"""Which steps of a spec stand alone: what they cost follows from what they read and the tensor given.

A list of steps is cut into pieces, so that no label that is set in one is looked up in another. A piece reads
the names in its expressions, and those of every block that it may call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cnncost.language.family import TENSOR_NAMES, Block, Family, Step
from cnncost.language.scope import ENTRY

SPACE: frozenset[str] = TENSOR_NAMES - {"channels"}
"""Sizes of a tensor that an expression may read: a piece that does is counted size by size."""


class StepsAlone(NamedTuple):
    """Steps that are counted together."""

    steps: list[Step]
    names: tuple[str, ...]  #: that it reads, sorted
    sizes: frozenset[str]  #: of these those that may be sizes of the tensor's space

    @property
    def single(self) -> Step | None:
        """Its step, if it is one alone."""
        return self.steps[0] if len(self.steps) == 1 else None


class Cutter:
    """Cuts the lists of steps of one family, each once."""

    def __init__(self, family: Family):
        self.family = family
        self.known: dict[int, list[StepsAlone]] = {}
        self.words: dict[int, frozenset[str]] = {}
        self.runs: dict[int, tuple[str, ...]] = {}
        self.closures = self._closures()
        self.space = SPACE - set(family.params)
        self.outputs = frozenset(label.text for label in family.outputs)

    def pieces(self, steps: list[Step]) -> list[StepsAlone]:
        """The pieces of a list of steps."""
        found = self.known.get(id(steps))
        if found is None:
            found = self.known[id(steps)] = list(self._cut(steps))
        return found

    def _cut(self, steps: list[Step]) -> Iterator[StepsAlone]:
        ends = list(range(len(steps)))  # of every step the last that has to be counted with it
        everywhere = self.outputs if steps is self.family.body else frozenset()
        for place, step in enumerate(steps):
            set_here = _labels([step])
            for later in range(len(steps) - 1, place, -1):
                if set_here & self.mentions(steps[later]):
                    ends[place] = later
                    break
            if set_here & everywhere:
                ends[place] = len(steps) - 1
            if ENTRY in _own_words([step]) or "input" in self.mentions(step):
                ends[0] = max(ends[0], place)
        start = 0
        while start < len(steps):
            end = place = start
            while place <= end:
                end = max(end, ends[place])
                place += 1
            run = steps[start : end + 1]
            names: frozenset[str] = frozenset().union(*(self.mentions(step) for step in run))
            yield StepsAlone(run, tuple(sorted(names)), names & self.space)
            start = end + 1

    def mentions(self, step: Step) -> frozenset[str]:
        """Every word that a step reads, here or in a block that it may call."""
        found = self.words.get(id(step))
        if found is None:
            found = self.words[id(step)] = frozenset(_own_words([step])).union(
                *(self.closures[name] for name in self._called([step]))
            )
        return found

    def of_run(self, step: Step) -> tuple[str, ...]:
        """Every word that one run of a step reads, sorted: the columns of its `for` are among them."""
        found = self.runs.get(id(step))
        if found is None:
            called = [self.closures[name] for name in self._called([step])]
            found = self.runs[id(step)] = tuple(sorted(frozenset(_of_step(step)).union(*called)))
        return found

    def of_rows(self, step: Step) -> frozenset[str]:
        """What the number of repetitions of a step, and what they differ in, is read from."""
        given = [value for _, value in step.columns] + ([step.times] if step.times else [])
        return frozenset().union(*(value.names() for value in given))

    def rows_by_size(self, step: Step) -> bool:
        """Whether that is read from the tensor."""
        return bool(self.of_rows(step) & (TENSOR_NAMES - set(self.family.params)))

    def _called(self, steps: Iterable[Step]) -> set[str]:
        """The blocks that steps may call; where a parameter names one it may be any."""
        found: set[str] = set()
        for step in _nested(steps):
            if step.dynamic:
                return set(self.family.blocks)
            if step.operator is None and step.name in self.family.blocks:
                found.add(step.name)
        return found

    def _closures(self) -> dict[str, frozenset[str]]:
        """Of every block the words that it reads, with those of the blocks that it may call."""
        blocks = self.family.blocks
        own = {name: _words_of(block) for name, block in blocks.items()}
        calls = {name: self._called(block.steps) for name, block in blocks.items()}
        closures = {}
        for name in blocks:
            seen, waiting = {name}, [name]
            while waiting:
                for called in calls[waiting.pop()] - seen:
                    seen.add(called)
                    waiting.append(called)
            closures[name] = frozenset().union(*(own[each] for each in seen))
        return closures


def _words_of(block: Block) -> frozenset[str]:
    """What a block reads from outside: its own parameters are given where it is called."""
    defaults = [given.names() for _, given in block.parameters if given is not None]
    inside = frozenset(_own_words(block.steps)).union(*defaults)
    return inside - {ENTRY} - {name for name, _ in block.parameters}


def _nested(steps: Iterable[Step]) -> Iterator[Step]:
    """Steps, and those of their branches."""
    for step in steps:
        yield step
        for _, branch in step.branches:
            yield from _nested(branch)


def _labels(steps: Iterable[Step]) -> set[str]:
    """The labels that steps set; one with parameters in it may be any, and is none of these."""
    return {step.label.text for step in _nested(steps) if step.label is not None}


def _own_words(steps: Iterable[Step]) -> set[str]:
    """Every name, label and parameter that steps read themselves, but the columns of their own `for`."""
    found: set[str] = set()
    for step in steps:
        inside = _of_step(step) - {name for name, _ in step.columns}
        for value in [*(value for _, value in step.columns), *([step.times] if step.times else [])]:
            inside |= value.names()
        found |= inside
    return found


def _of_step(step: Step) -> set[str]:
    """What one run of a step reads."""
    found: set[str] = set()
    for value in [*(value for _, value in step.arguments), *([step.condition] if step.condition else [])]:
        found |= value.names()
        found |= {str(item.constant) for item in (value.items or [value]) if isinstance(item.constant, str)}
    for label in (step.source, step.reference):
        if label is not None:
            found.add(label.text.removeprefix("$"))
    if step.label is not None and "$" in step.label.text:
        found |= set(re.findall(r"\$(\w+)", step.label.text))
    if step.dynamic and step.name is not None:
        found.add(step.name)
    for _, branch in step.branches:
        found |= _own_words(branch)
    return found
