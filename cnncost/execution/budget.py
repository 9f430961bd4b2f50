"""A training step that fits: which stretches run as checkpoints, how many micro-batches, autocast or not.

The fewest micro-batches with which some checkpoints fit (batch norm sees a micro-batch only), then the
least recomputation, then no autocast. A step without checkpoints is simulated once; what a stretch adds to
what is kept, and what it needs while it runs, follows from that, and a dynamic program over the network's
cuts finds the cheapest choice for every number of kept bytes. The choice is then simulated whole, and that
simulation's peak is what is stated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from cnncost.errors import UsageError
from cnncost.execution.autocast import context
from cnncost.execution.chain import LEVELS, Chain, cheapest
from cnncost.execution.checkpoint import Segment, boundaries
from cnncost.execution.plan import plan
from cnncost.execution.step import TrainingStep
from cnncost.execution.training import StepSettings, TrainingMemory, divisors, refused, training_memory
from cnncost.graph import Graph

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


def fitting_plan(
    graph: Graph,
    limit: int,
    *,
    batch: int,
    settings: StepSettings = StepSettings(),
    autocast: str | None = None,
) -> TrainingPlan:
    """The plan of a training step within so many bytes, weights included.

    `autocast`: an element type with which the step may run under torch.autocast, if that spares
    micro-batches or recomputation. Raises UsageError where nothing fits, with what is missing at batch 1.
    """
    parts = [part for part in divisors(batch) if not refused(graph, batch // part)]
    offered = [settings, *([settings._replace(autocast=autocast)] if autocast else [])]
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


def smallest(graph: Graph, settings: StepSettings) -> int:
    """The peak at the smallest batch that PyTorch trains, with a checkpoint between all cuts, or less."""
    batch = 1 if not refused(graph, 1) else 2
    cuts = boundaries(graph)
    choices = [(), tuple(between(cuts, range(len(cuts)))), tuple(between(cuts, range(0, len(cuts), 2)))]
    asked = settings._asdict()
    return min(training_memory(graph, batch=batch, segments=segments, **asked).peak for segments in choices)


def between(cuts: Sequence[int], chosen: Sequence[int]) -> list[Segment]:
    """Checkpoints from every chosen cut to the next, and from the last of them to the end."""
    ends = [*chosen, len(cuts) - 1] if chosen and chosen[-1] != len(cuts) - 1 else list(chosen)
    return [Segment(cuts[first] + 1, cuts[last]) for first, last in pairwise(ends)]


def least_recomputation(
    graph: Graph, limit: int, batch: int, parts: int, settings: StepSettings
) -> TrainingPlan | None:
    """The plan with so many micro-batches; None: none fits."""

    def simulated(segments: Sequence[Segment]) -> TrainingMemory:
        asked = settings._asdict()
        return training_memory(graph, batch=batch, micro_batches=parts, segments=segments, **asked)

    whole = simulated(())
    fixed = whole.weights + whole.optimizer_state
    running = plan(
        graph, batch=batch // parts, dtype=settings.dtype, training=True, device=settings.device,
        autocast=context(settings.autocast, settings.device),
    )  # fmt: skip
    step = TrainingStep(running, settings.round_to, ())
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
            settings.autocast,
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
