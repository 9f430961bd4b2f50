"""The candidates that keep every limit, the front of them, and the nearest misses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from cnncost.choosing import candidates as sources
from cnncost.choosing.candidates import Buildable, Pickable
from cnncost.choosing.front import front
from cnncost.choosing.journal import FoundBefore
from cnncost.choosing.pretrained import LIBRARIES
from cnncost.errors import CnncostError, UsageError, known_word
from cnncost.limits import QUANTITIES, Threshold, excluded, nothing_left
from cnncost.report import head
from cnncost.request import Run
from cnncost.version import __version__

LATER = ("peak", "ram", "flash", "latency")
"""What is asked only of candidates that keep the limits on everything else."""
MISSES = 5
NEAREST = 3
"""Of these, that are told where nothing keeps the limits."""
SORTS = ("name", *QUANTITIES)


class Picked(NamedTuple):
    """A candidate that keeps every limit."""

    candidate: Pickable
    on_front: bool  #: no other that keeps the limits is at least as good in everything, and better in one


class Missed(NamedTuple):
    """A candidate that does not, by the share that it misses a limit by most."""

    candidate: Pickable
    by: float
    limits: tuple[Threshold, ...]  #: that it misses

    @property
    def words(self) -> str:
        """By how much it misses them: 12.0 % more MACs, 1.3 points less top-1."""
        return ", ".join([limit.words(self.candidate.value(limit.quantity)) for limit in self.limits])


class Choice(NamedTuple):
    """What `pick` found."""

    kept: tuple[Picked, ...]
    misses: tuple[Missed, ...]  #: the nearest, best first
    limits: tuple[Threshold, ...]
    objectives: tuple[str, ...]  #: what the front is of
    origins: tuple[str, ...]
    task: str
    total: int
    uncounted: dict[str, int]  #: networks with an accuracy that are not counted, by the reason
    partly: int  #: candidates of which only parameters and MACs are known
    unknown: dict[str, int]  #: of how many, that keep the other limits, a quantity cannot be found
    excluded: dict[str, int]  #: how many each limit excludes by itself
    on: str | None
    run: Run  #: of the latency; counts and peak are of batch 1, float32


def pick(
    limits: Sequence[Threshold],
    origins: Sequence[str] = ("zoo",),
    task: str = sources.USUAL,
    sort: str = "top1",
    on: str | None = None,
    run: Run = Run(),
    told: Callable[[str], None] = lambda text: None,
    resume: Path | None = None,
) -> Choice:
    """What of some origins (zoo, torchvision, timm, files) keeps the limits, sorted, the best first.

    The front is of top-1 and of every cost that is limited; MACs if none is. `on` names a device, whose
    predicted latency is asked for, as `run` says (batch, element type, layout, launch), `run.runtime` a
    runtime, whose RAM and flash are asked for. `told` hears how far it is; `resume` is a file that keeps what
    took long to find: an interrupted choice goes on from it, and so does one with other limits. Raises
    UsageError for an unknown word, and where nothing keeps the limits.
    """
    asked = _check(limits, origins, task, sort, on, run)
    every = [each for origin in dict.fromkeys(origins) for each in sources.candidates(origin, task)]
    found = [each for each, _ in every]
    before = None if resume is None else FoundBefore(resume, _asked(asked, on, run))
    first = _at_once(limits)
    asked_of = [place for place, each in enumerate(found) if _keeps(each, first)]
    for number, place in enumerate(asked_of, 1):
        if asked:
            told(f"{number:,} of {len(asked_of):,} networks: {found[place].name}")
        found[place] = remembered(every[place], before, lambda each: known(each, asked, on, run))
    unknown = Counter(
        quantity for place in asked_of for quantity in asked if found[place].value(quantity) is None
    )
    kept = [each for each in found if _keeps(each, limits)]
    by_limit = _excluded(found, limits)
    if not kept:
        raise _nothing(found, limits, by_limit)
    objectives = _objectives(limits)
    uncounted: Counter[str] = Counter()
    for library in LIBRARIES:
        if library in origins:
            uncounted.update(sources.uncounted(library))
    return Choice(
        tuple(_sorted(_marked(kept, objectives), sort)),
        tuple(_nearest(found, limits)),
        tuple(limits),
        objectives,
        tuple(origins),
        task,
        len(found),
        dict(uncounted.most_common()),
        sum(each.flops is None for each in found),
        dict(unknown),
        by_limit,
        on,
        run,
    )


def _check(
    limits: Sequence[Threshold], origins: Sequence[str], task: str, sort: str, on: str | None, run: Run
) -> set[str]:
    """What of `LATER` is asked for. Raises UsageError for a question that nothing answers."""
    key = sort.removeprefix("-")
    known_word("unknown sort key", key, SORTS)
    asked = {quantity for quantity in LATER if quantity in (key, *(limit.quantity for limit in limits))}
    if "latency" in asked and on is None:
        option = "--sort latency" if key == "latency" else "--max-latency"
        raise UsageError(f"{option} needs a device\n  name it: --on rtx-4090")
    run._replace(on=on).check_predicting("precision", "batch")
    sources.check_runtime(asked, run)
    if on is not None:
        from cnncost.devices import device

        device(on)
    if not origins:
        raise UsageError("pick needs somewhere to pick from\n  for example: --from zoo")
    known_word("unknown task", task, sources.tasks(origins), "tasks")
    asked |= {"latency"} if on is not None else set()
    return asked | ({*sources.DEPLOYED} if run.runtime is not None else set())


def _at_once(limits: Sequence[Threshold]) -> list[Threshold]:
    """The limits on what is known of every candidate."""
    return [limit for limit in limits if limit.quantity not in LATER]


def _keeps(each: Pickable, limits: Sequence[Threshold]) -> bool:
    return not any(limit.miss(each.value(limit.quantity)) for limit in limits)


def _excluded(found: Sequence[Pickable], limits: Sequence[Threshold]) -> dict[str, int]:
    """How many candidates each limit excludes by itself; of `LATER` among those that were asked for it."""
    by_limit = excluded(_at_once(limits), [each.value for each in found])
    for quantity in LATER:
        late = [limit for limit in limits if limit.quantity == quantity]
        by_limit |= excluded(late, [each.value for each in found if each.value(quantity) is not None])
    return by_limit


def _nothing(
    found: Sequence[Pickable], limits: Sequence[Threshold], by_limit: Mapping[str, int]
) -> UsageError:
    last = [limit.written for limit in limits if _at_once(limits) and limit.quantity in LATER]
    asked_all = [each for each in found if all(each.value(one.quantity) is not None for one in limits)]
    near = [f"near: {each.candidate.name}, {each.words}" for each in _nearest(asked_all, limits)[:NEAREST]]
    return nothing_left("candidates", len(found), by_limit, last, near)


def _asked(asked: set[str], on: str | None, run: Run) -> str:
    """A text of all that decides what is found of a candidate: the device with what stands in its file."""
    from cnncost.devices import device

    return repr((__version__, sorted(asked), None if on is None else device(on), run))


def remembered(
    each: Buildable, before: FoundBefore | None, find: Callable[[Buildable], Pickable]
) -> Pickable:
    """The candidate with what was found of it before, else with what is found now, which is written down."""
    if before is None:
        return find(each)
    candidate = each[0]
    name = f"{candidate.name}@{'x'.join(map(str, candidate.input_shape))}"
    if name not in before.figures:
        found = vars(find(each))
        names = (*before.WHOLE, *before.TIMES, "calibrated", "warnings")
        before.keep(name, {name: found[name] for name in names})
    return replace(candidate, **before.figures[name])


def known(each: Buildable, asked: set[str], on: str | None, run: Run) -> Pickable:
    """The candidate with the quantities that take longer to find, as far as they are asked for; what cannot
    be found, since its library's network cannot be imported or the runtime lacks an operator, stays unknown.
    """
    candidate, build = each
    if "peak" in asked and candidate.peak_bytes is None and candidate.origin not in LIBRARIES:
        candidate = replace(candidate, peak_bytes=sources.peak_of(build()))
    if not asked & {"latency", *sources.DEPLOYED}:
        return candidate
    try:
        graph = build()
    except UsageError:
        if candidate.origin in LIBRARIES:
            return candidate
        raise
    if run.runtime is not None:
        try:
            ram, flash = sources.deployed(graph, run)
            candidate = replace(candidate, ram_bytes=ram, flash_bytes=flash)
        except CnncostError:  # it lacks an operator
            pass
    if on is not None:
        found = sources.timed(graph, on, run)
        names = ("latency_ms", "low_ms", "high_ms", "calibrated", "warnings")
        candidate = replace(candidate, **{name: getattr(found, name) for name in names})
    return candidate


def _objectives(limits: Sequence[Threshold]) -> tuple[str, ...]:
    costs = [limit.quantity for limit in limits if QUANTITIES[limit.quantity].cost]
    return ("top1", *(costs or ["macs"]))


def _marked(kept: list[Pickable], objectives: Sequence[str]) -> list[Picked]:
    """Which are on the front; one without a published accuracy is not."""
    import numpy as np

    rated = [each for each in kept if each.top1 is not None]
    costs = [[-(each.top1 or 0.0), *(each.value(quantity) for quantity in objectives[1:])] for each in rated]
    table = np.array(costs, dtype=float).reshape(len(rated), len(objectives))
    best = {id(each) for each, on in zip(rated, front(table), strict=True) if on}
    return [Picked(each, id(each) in best) for each in kept]


def _sorted(picked: list[Picked], sort: str) -> list[Picked]:
    key, turned = sort.removeprefix("-"), sort.startswith("-")
    if key == "name":
        return sorted(picked, key=lambda each: each.candidate.name, reverse=turned)
    worst = float("inf")
    cost = QUANTITIES[key].cost

    def place(each: Picked) -> tuple[float, float, str]:
        value = each.candidate.value(key)
        better = worst if value is None else value if cost else -value
        return (better, each.candidate.macs, each.candidate.name)

    return sorted(picked, key=place, reverse=turned)


def _nearest(found: Sequence[Pickable], limits: Sequence[Threshold]) -> list[Missed]:
    """Those that miss a limit by the least share; what has no such figure is no near miss."""
    missed = []
    for each in found:
        by = {
            limit: limit.miss(each.value(limit.quantity))
            for limit in limits
            if limit.quantity not in LATER or each.value(limit.quantity) is not None
        }
        broken = {limit: share for limit, share in by.items() if share > 0}
        if broken and max(broken.values()) != float("inf"):
            missed.append(Missed(each, max(broken.values()), tuple(broken)))
    return sorted(missed, key=lambda each: (each.by, each.candidate.name))[:MISSES]


def document(choice: Choice) -> dict[str, Any]:
    """The JSON form: limits in counts, bytes, seconds and percent."""

    def plain(candidate: Pickable) -> dict[str, Any]:
        lists = {"input_shape": list(candidate.input_shape), "warnings": list(candidate.warnings)}
        return {**vars(candidate), **lists}

    return {
        **head(run=choice.run),
        "pick": {
            "limits": {limit.quantity: limit.value for limit in choice.limits},
            "from": list(choice.origins),
            "task": choice.task,
            "on": choice.on,
            "objectives": list(choice.objectives),
            "candidates": choice.total,
            "uncounted": sum(choice.uncounted.values()),
            "uncounted_reasons": choice.uncounted,
            "partly_counted": choice.partly,
            "unknown": choice.unknown,
            "excluded": choice.excluded,
            "kept": [{**plain(each.candidate), "front": each.on_front} for each in choice.kept],
            "misses": [
                {
                    **plain(each.candidate),
                    "misses": {
                        limit.quantity: limit.miss(each.candidate.value(limit.quantity))
                        for limit in each.limits
                    },
                }
                for each in choice.misses
            ],
        },
    }
