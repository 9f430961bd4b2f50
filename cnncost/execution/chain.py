"""The cheapest checkpoints of a network that is cut at its boundaries, by dynamic programming.

The network is a chain of pieces between cuts; each stretch of them runs once, or as a checkpoint, whose
forward pass runs again. For every cut, and whether a checkpoint ends there, the program knows the least
recomputation for every number of bytes that are kept so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from cnncost.execution.checkpoint import Segment
from cnncost.execution.step import TrainingStep
from cnncost.graph import Graph

LEVELS = 2048
"""Numbers of kept bytes that the program tells apart."""


@dataclass(frozen=True)
class Chain:
    """A network cut at its boundaries, with what a step without checkpoints keeps and needs in between."""

    graph: Graph
    cuts: Sequence[int]
    step: TrainingStep

    @cached_property
    def kernels(self) -> list[int]:
        """The kernel that gives the value at every cut."""
        return [self.step.plan.places[cut] for cut in self.cuts]

    @cached_property
    def saved(self) -> list[int]:
        """Bytes that are saved when the value at a cut is there."""
        return [self.step.saved_after[kernel] for kernel in self.kernels]

    @cached_property
    def sizes(self) -> list[int]:
        """Bytes of the values at the cuts."""
        return [self.step.size_of(kernel) for kernel in self.kernels]

    @cached_property
    def gradients(self) -> list[int]:
        """Bytes of the gradients of weights after every cut."""
        own = [sum(size for size, frozen in sizes if not frozen) for sizes in self.step.weights]
        return [sum(own[kernel + 1 :]) for kernel in self.kernels]

    def needs(self, phase: str) -> list[int]:
        """For every piece between cuts the most that is alive in a pass of a step without checkpoints."""
        most = self.step.ledger.most
        names = [node.name for node in self.step.graph.nodes]
        return [
            max([most.get((phase, name), 0) for name in names[first + 1 : last + 1]])
            for first, last in pairwise(self.kernels)
        ]

    @cached_property
    def costs(self) -> list[int]:
        """MACs before every cut."""
        step, total, sums = self.step, 0, [0]
        for node in step.graph.nodes[1:]:
            total += node.op.macs(step.calls[node.index].output, *step.calls[node.index].inputs)
            sums.append(total)
        return [sums[kernel] for kernel in self.kernels]

    @cached_property
    def spared(self) -> list[int]:
        """MACs of the last kernel before a cut that need not run again, since it saves only what it reads."""
        found = []
        for kernel in self.kernels:
            while kernel and not self.step.saves(kernel):
                kernel -= 1
            rule, call = self.step.rules[kernel], self.step.calls[kernel]
            runs = bool(rule.output or rule.extra) or not kernel
            found.append(0 if runs else call.op.macs(call.output, *call.inputs))
        return found

    @cached_property
    def held(self) -> list[bool]:
        """For every cut whether what comes before it saves its value; of the input: whether anything does."""
        step = self.step
        first: dict[int, int] = {}
        for node in step.graph.nodes[1:]:
            rule = step.rules[node.index]
            values = [node.reads[place] for place in rule.inputs] + [node.index] * rule.output
            if step.trains[node.index]:
                for value in values:
                    first.setdefault(step.owners[value], node.index)
        limits = [len(step.graph.nodes), *self.kernels[1:]]
        return [
            first.get(step.owners[kernel], limit + 1) <= limit
            for kernel, limit in zip(self.kernels, limits, strict=True)
        ]

    def kept(self, first: int, last: int, before: bool, again: bool) -> int:
        """Bytes that a piece adds to what is kept; `before`: the piece before it is a checkpoint."""
        if again:
            there = not self.held[0] if first == 0 else self.held[first] and not before
            return 0 if there else self.sizes[first]
        lost = self.sizes[first] if before and self.held[first] else 0  # it was saved there, and now is here
        return self.saved[last] - self.saved[first] + lost

    @cached_property
    def place(self) -> dict[int, int]:
        """For every cut its number."""
        return {cut: index for index, cut in enumerate(self.cuts)}

    def again(self, first: int, last: int) -> int:
        """MACs that a checkpoint from one cut to another runs again."""
        return max(self.costs[last] - self.costs[first] - self.spared[last], 0)


class ChainPiece(NamedTuple):
    """A stretch from one cut to another, by their numbers."""

    first: int
    last: int
    again: bool  #: it is a checkpoint
    before: bool  #: what comes before it is one
    kept: int  #: bytes that it adds to what is kept
    local: int  #: bytes that it needs beside what is kept
    macs: int  #: that run again


class CheapestPaths:
    """The least recomputation up to every cut, after a checkpoint or not, by the level of what is kept."""

    def __init__(self, cuts: int, allowed: int):
        import numpy as np

        self.allowed = allowed
        self.unit = max(allowed / (LEVELS - 1), 1.0)  #: bytes of a level
        self.dear = np.iinfo(np.int64).max // 2  #: of what cannot be reached
        self.macs = np.full((cuts, 2, LEVELS), self.dear, dtype=np.int64)
        self.macs[0, 0, 0] = 0
        self.cut_before = np.zeros((cuts, 2, LEVELS), dtype=np.int32)  #: where the cheapest path came from
        self.again_before = np.zeros((cuts, 2, LEVELS), dtype=bool)  #: whether after a checkpoint

    def reached(self, cut: int, again: bool) -> bool:
        """Whether any choice leads to a cut, after a checkpoint or not."""
        return bool(self.macs[cut, int(again)].min() < self.dear)

    def levels(self, kept: int) -> int:
        """How many levels so many bytes are."""
        return round(kept / self.unit)

    def extend(self, piece: ChainPiece) -> None:
        """Go on from all choices up to a piece's beginning with that piece, where it fits."""
        most = int((self.allowed - piece.local - (piece.kept if piece.again else 0)) / self.unit)
        shift = self.levels(piece.kept)
        top = min(most + 1, LEVELS - shift)
        if top <= 0:
            return
        macs = self.macs[piece.first, int(piece.before), :top] + piece.macs
        there = piece.last, int(piece.again), slice(shift, shift + top)
        better = macs < self.macs[there]
        self.macs[there][better] = macs[better]
        self.cut_before[there][better] = piece.first
        self.again_before[there][better] = piece.before

    def best(self, chain: Chain) -> list[Segment] | None:
        """The checkpoints of the cheapest choice that leads to the end; None: none does."""
        least, end = min((int(self.macs[-1, way].min()), way) for way in (0, 1))
        if least >= self.dear:
            return None
        level, at, again = int(self.macs[-1, end].argmin()), len(chain.cuts) - 1, bool(end)
        found: list[Segment] = []
        while at:
            here = at, int(again), level
            first, before = int(self.cut_before[here]), bool(self.again_before[here])
            if again:
                found.append(Segment(chain.cuts[first] + 1, chain.cuts[at]))
            level -= self.levels(chain.kept(first, at, before, again))
            at, again = first, before
        return found[::-1]


def cheapest(chain: Chain, allowed: int, accumulated: int) -> list[Segment] | None:
    """Checkpoints with the least recomputation; None: no choice is within `allowed`.

    `allowed` is without weights and optimizer state; `accumulated`: gradients that are alive throughout.
    """
    if allowed <= 0:
        return None
    paths = CheapestPaths(len(chain.cuts), allowed)
    forward, backward = chain.needs("forward"), chain.needs("backward")
    for first in range(len(chain.cuts) - 1):
        for before in (False, True):
            if paths.reached(first, before):
                for piece in pieces(chain, first, before, forward, backward, accumulated):
                    paths.extend(piece)
    return paths.best(chain)


def pieces(
    chain: Chain, first: int, before: bool, forward: Sequence[int], backward: Sequence[int], accumulated: int
) -> Iterator[ChainPiece]:
    """The pieces that begin at a cut: the one to the next cut as it is, and all checkpoints."""
    passes = once = 0  # the most that any part of the piece needs: in both passes, in the forward pass
    for last in range(first + 1, len(chain.cuts)):
        late = accumulated - chain.gradients[last - 1] if accumulated else 0
        passes = max(passes, backward[last - 1] + late)
        once = max(once, forward[last - 1])
        if last == first + 1:
            kept = chain.kept(first, last, before, False)
            local = max(passes, once + accumulated) - chain.saved[first]
            yield ChainPiece(first, last, False, before, kept, local, 0)
        rerun = (accumulated or chain.gradients[last]) + chain.sizes[last]
        local = max(passes, once + rerun) - chain.saved[first]
        kept = chain.kept(first, last, before, True)
        yield ChainPiece(first, last, True, before, kept, local, chain.again(first, last))
