"""A training step that fits: which stretches run as checkpoints, how many micro-batches, autocast or not.

The fewest micro-batches with which some checkpoints fit (batch norm sees a micro-batch only), then the
least recomputation, then no autocast. A step without checkpoints is simulated once; what a stretch adds to
what is kept, and what it needs while it runs, follows from that, and a dynamic program over the network's
cuts finds the cheapest choice for every number of kept bytes. The choice is then simulated whole, and that
simulation's peak is what is stated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from cnncost.errors import UsageError
from cnncost.execution.autocast import context
from cnncost.execution.checkpoint import Segment, boundaries
from cnncost.execution.plan import plan
from cnncost.execution.step import TrainingStep
from cnncost.execution.training import TrainingMemory, divisors, refused, training_memory
from cnncost.graph import Graph

LEVELS = 2048
"""Numbers of kept bytes that the dynamic program tells apart."""
ATTEMPTS = 8
"""Times that the dynamic program is asked."""
SIMULATIONS = 24
"""Whole steps that are simulated to mend its choice, at the most."""


class TrainingPlan(NamedTuple):
    """A training step within a limit."""

    limit: int
    batch: int
    micro_batches: int
    segments: tuple[Segment, ...]
    memory: TrainingMemory
    extra_macs: int  #: of the whole batch, of forward passes that run again
    macs: int  #: of the whole batch's forward pass
    autocast: str | None = None  #: the element type that torch.autocast casts to; None: not under autocast


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


def fitting_plan(
    graph: Graph, limit: int, *, batch: int, autocast: str | None = None, **options: Any
) -> TrainingPlan:
    """The plan of a training step within so many bytes, weights included.

    `autocast`: an element type with which the step may run under torch.autocast, if that spares
    micro-batches or recomputation. `options` are the others of `training_memory`. Raises UsageError where
    nothing fits, with what is missing at batch 1.
    """
    parts = [part for part in divisors(batch) if not refused(graph, batch // part)]
    offered = [options, *([{**options, "autocast": autocast}] if autocast else [])]
    for part in parts:
        best: TrainingPlan | None = None
        for each in offered:
            if best is not None and not best.extra_macs:
                break
            found = least_recomputation(graph, limit, batch, part, each)
            if found is not None and (best is None or found.extra_macs < best.extra_macs):
                best = found
        if best is not None:
            return best
    least = min([smallest(graph, each) for each in offered])
    raise UsageError(
        f"no plan of {graph.name} fits into {limit:,} bytes: with everything in checkpoints batch 1 needs"
        f" {least:,}, {least - limit:,} more\n  pass a larger --fits"
        if least > limit
        else f"no plan of {graph.name} fits into {limit:,} bytes at batch {batch} in up to {max(parts)}"
        " micro-batches\n  pass a larger --fits, or a batch with more divisors"
    )


def smallest(graph: Graph, options: dict[str, Any]) -> int:
    """The peak at the smallest batch that PyTorch trains, with a checkpoint between all cuts, or less."""
    batch = 1 if not refused(graph, 1) else 2
    cuts = boundaries(graph)
    choices = [(), tuple(between(cuts, range(len(cuts)))), tuple(between(cuts, range(0, len(cuts), 2)))]
    return min(training_memory(graph, batch=batch, segments=segments, **options).peak for segments in choices)


def between(cuts: Sequence[int], chosen: Sequence[int]) -> list[Segment]:
    """Checkpoints from every chosen cut to the next, and from the last of them to the end."""
    ends = [*chosen, len(cuts) - 1] if chosen and chosen[-1] != len(cuts) - 1 else list(chosen)
    return [Segment(cuts[first] + 1, cuts[last]) for first, last in pairwise(ends)]


def least_recomputation(
    graph: Graph, limit: int, batch: int, parts: int, options: dict[str, Any]
) -> TrainingPlan | None:
    """The plan with so many micro-batches; None: none fits."""

    def simulated(segments: Sequence[Segment]) -> TrainingMemory:
        return training_memory(graph, batch=batch, micro_batches=parts, segments=segments, **options)

    whole = simulated(())
    fixed = whole.weights + whole.optimizer_state
    running = plan(
        graph, batch=batch // parts, dtype=options.get("dtype", "float32"), training=True,
        device=options.get("device", "cuda"),
        autocast=context(options.get("autocast"), options.get("device", "cuda")),
    )  # fmt: skip
    step = TrainingStep(running, options.get("round_to", 1), ())
    step.run()
    chain = Chain(graph, boundaries(graph), step)

    def made(segments: Sequence[Segment], memory: TrainingMemory) -> TrainingPlan:
        again = TrainingStep(running, 1, segments)
        again.run()
        return TrainingPlan(
            limit,
            batch,
            parts,
            tuple(segments),
            memory,
            again.recomputed_macs * parts,
            chain.costs[-1] * parts,
            options.get("autocast"),
        )

    if whole.peak <= limit:
        return made((), whole)
    best: list[Segment] | None = None
    for segments in candidates(chain, limit - fixed, whole, parts, simulated):
        if best is None or price(chain, segments) < price(chain, best):
            best = segments
    if best is None:
        return None
    best = mended(chain, best, lambda chosen: simulated(chosen).peak <= limit)
    return made(best, simulated(best))


def candidates(
    chain: Chain,
    room: int,
    whole: TrainingMemory,
    parts: int,
    simulated: Callable[[Sequence[Segment]], TrainingMemory],
) -> list[list[Segment]]:
    """Choices of the dynamic program whose whole step fits into the room beside weights and state.

    The program's sums are a little off where pieces share what they save: it is asked again with as much more
    or less as the step's peak was off.
    """
    fixed, allowed = whole.weights + whole.optimizer_state, room
    found: list[list[Segment]] = []
    for _ in range(ATTEMPTS):
        segments = cheapest(chain, allowed, whole.gradients if parts > 1 else 0)
        if segments is None:
            allowed += max(room // 20, 1)
            continue
        off = simulated(segments).peak - fixed - room
        if off <= 0:
            found.append(segments)
        if off == 0 or not segments:
            break
        allowed -= off if off < 0 else max(off, allowed // LEVELS + 1)
    return found


def price(chain: Chain, segments: Sequence[Segment]) -> int:
    """MACs that checkpoints run again."""
    place = chain.place
    return sum([chain.again(place[segment.first - 1], place[segment.last]) for segment in segments])


def cheapest(chain: Chain, allowed: int, accumulated: int) -> list[Segment] | None:
    """Checkpoints with the least recomputation, by dynamic programming; None: no choice is within `allowed`.

    `allowed` is without weights and optimizer state; `accumulated`: gradients that are alive throughout.
    """
    import numpy as np

    if allowed <= 0:
        return None
    cuts, saved, sizes = chain.cuts, chain.saved, chain.sizes
    forward, backward = chain.needs("forward"), chain.needs("backward")
    unit = max(allowed / (LEVELS - 1), 1.0)
    dear = np.iinfo(np.int64).max // 2
    count = len(cuts)
    cost = np.full((count, 2, LEVELS), dear, dtype=np.int64)
    came = np.full((count, 2, LEVELS), -1, dtype=np.int64)  # where from: cut * 4 + again * 2 + again before
    cost[0, 0, 0] = 0

    def step(first: int, last: int, before: int, again: int, kept: int, local: int, price: int) -> None:
        """Extend all plans up to `first` by a piece; `local` is what it needs beside what is kept."""
        most = int((allowed - local - (kept if again else 0)) / unit)
        shift = round(kept / unit)
        top = min(most + 1, LEVELS - shift)
        if top <= 0:
            return
        reached = cost[first, before, :top] + price
        there = slice(shift, shift + top)
        better = reached < cost[last, again, there]
        cost[last, again, there][better] = reached[better]
        came[last, again, there][better] = first * 4 + again * 2 + before

    for first in range(count - 1):
        for before in (0, 1):
            if cost[first, before].min() >= dear:
                continue
            passes = backward_forward = 0
            for last in range(first + 1, count):
                late = accumulated - chain.gradients[last - 1] if accumulated else 0
                passes = max(passes, backward[last - 1] + (accumulated and late))
                backward_forward = max(backward_forward, forward[last - 1])
                if last == first + 1:
                    local = max(passes, backward_forward + accumulated) - saved[first]
                    step(first, last, before, 0, chain.kept(first, last, bool(before), False), local, 0)
                entry = chain.kept(first, last, bool(before), True)
                rerun = (accumulated or chain.gradients[last]) + sizes[last]
                local = max(passes, backward_forward + rerun) - saved[first]
                step(first, last, before, 1, entry, local, chain.again(first, last))
    ends = [(int(cost[-1, again].min()), again) for again in (0, 1)]
    least, again = min(ends)
    if least >= dear:
        return None
    level, at = int(cost[-1, again].argmin()), count - 1
    found: list[Segment] = []
    while at:
        where = int(came[at, again, level])
        first, is_again, before = where // 4, where // 2 % 2, where % 2
        if is_again:
            found.append(Segment(cuts[first] + 1, cuts[at]))
        level -= round(chain.kept(first, at, bool(before), bool(is_again)) / unit)
        at, again = first, before
    return found[::-1]


def mended(chain: Chain, segments: list[Segment], fits: Callable[[list[Segment]], bool]) -> list[Segment]:
    """The checkpoints with the dearest left out, or made shorter, as long as the whole step still fits."""
    place = chain.place
    left = SIMULATIONS
    better = True
    while better and left > 0:
        better = False
        for segment in sorted(segments, key=lambda one: price(chain, [one]), reverse=True):
            rest = [other for other in segments if other != segment]
            first, last = place[segment.first - 1], place[segment.last]
            shorter = [
                Segment(chain.cuts[a] + 1, chain.cuts[b])
                for a, b in ((first + 1, last), (first, last - 1))
                if a < b
            ]
            for chosen in (rest, *[sorted([*rest, one]) for one in shorter]):
                if left <= 0 or price(chain, chosen) >= price(chain, segments):
                    continue
                left -= 1
                if fits(chosen):
                    segments, better = chosen, True
                    break
            if better:
                break
    return segments
