"""A space of settings under limits: which are tried, what is kept, and the front of that.

Cheap counts come first, of thousands at once; what takes longer (peak memory, predicted time, a user's own
objective) is asked only of settings that keep the limits on these. The work goes chunk by chunk; with a
journal, an interrupted search goes on where it was.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost.choosing.axes import Space, space
from cnncost.choosing.candidates import DEPLOYED, check_runtime, deployed, peak_of, timed
from cnncost.choosing.columns import FIGURES, SettingCounter
from cnncost.choosing.counting import first_line
from cnncost.choosing.front import front
from cnncost.choosing.journal import Journal
from cnncost.choosing.sampling import STRATEGIES, chunks
from cnncost.errors import CnncostError, UsageError, known_word
from cnncost.language import zoo
from cnncost.language.instance import graph_of
from cnncost.limits import QUANTITIES, Threshold, nothing_left
from cnncost.request import Run
from cnncost.workers import HERE, Crew, Workers, opened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnncost.predict import Prediction

LATER = ("peak", "ram", "flash", "latency", "objective")
"""What is asked only of settings that keep the limits on `FIGURES`."""
CHUNK = 16384
REASONS = 5
"""Why settings cannot be built, that are told."""
FEW = 1024
"""Settings of a chunk of which what takes longer is asked."""
PREDICTED = 20
"""Settings on the front whose interval is told."""
AGAIN = "start it again and repeat the command: with --resume FILE what is done is kept"
Objective = Callable[[dict[str, Any], dict[str, int]], float]
"""A user's own: from a setting and its counts to a number."""


class SearchQuestion(NamedTuple):
    """What is searched: plain data, so that a worker elsewhere can be asked."""

    spec: str
    vary: tuple[str, ...]
    limits: tuple[Threshold, ...] = ()
    maximize: tuple[str, ...] = ()
    minimize: tuple[str, ...] = ()
    strategy: str = "grid"
    samples: int | None = None
    seed: int = 0
    on: str | None = None
    run: Run = Run()
    objective: Objective | None = None

    @property
    def later(self) -> tuple[str, ...]:
        """What of `LATER` is asked for."""
        asked = {limit.quantity for limit in self.limits} | {*self.maximize, *self.minimize}
        asked |= {"latency"} if self.on else set()
        asked |= {*DEPLOYED} if self.run.runtime else set()
        asked |= {"objective"} if self.objective else set()
        return tuple([quantity for quantity in LATER if quantity in asked])

    @property
    def chunk(self) -> int:
        """How many settings are counted at once: a piece of the work."""
        return FEW if self.later else CHUNK

    @property
    def quantities(self) -> tuple[str, ...]:
        """What is known of a kept setting, in this order."""
        return (*FIGURES, *self.later)


class ChunkResult(NamedTuple):
    """What a chunk gave: settings that keep the limits, and how many others there were, and why."""

    evaluated: int
    codes: list[list[int]]
    values: list[list[float]]  #: of `SearchQuestion.quantities`
    refused: dict[str, int]  #: that cannot be built, by the reason
    excluded: dict[str, int]  #: by the limit, each by itself; of later quantities among those asked
    least: dict[str, float]  #: of each limited quantity the least value of those that can be built, likewise


class SearchResult(NamedTuple):
    """What a search found."""

    question: SearchQuestion
    space: Space
    evaluated: int
    codes: NDArray[Any]  #: a row per kept setting
    values: NDArray[Any]  #: a column per quantity
    on_front: NDArray[Any]
    refused: dict[str, int]
    excluded: dict[str, int]
    seconds: float
    timed: Sequence[Prediction] = ()  #: of the first of `best`; none if no latency is asked for

    @property
    def kept(self) -> int:
        """How many settings keep every limit."""
        return len(self.codes)

    @property
    def best(self) -> list[int]:
        """The places of the settings on the front, sorted by the first objective."""
        import numpy as np

        places = np.flatnonzero(self.on_front)
        order = np.argsort(objectives_of(self.question, self.values)[places, 0], kind="stable")
        return [int(place) for place in places[order]]


@lru_cache(maxsize=4)
def _columns(spec: str, vary: tuple[str, ...]) -> SettingCounter:
    return SettingCounter(space(*zoo.find(spec), vary))


def evaluate(given: tuple[SearchQuestion, NDArray[Any]]) -> ChunkResult:
    """Count a chunk of settings, and keep what keeps the limits."""
    import numpy as np

    question, codes = given
    columns = _columns(question.spec, question.vary)
    counted = columns.count(codes)
    refused = Counter(columns.reasons[place] for place in counted.reasons if place >= 0)
    good = counted.reasons < 0
    kept = good.copy()
    excluded: dict[str, int] = {}
    least: dict[str, float] = {}
    for limit in question.limits:
        if limit.quantity in FIGURES:
            figures = counted.figures[:, FIGURES.index(limit.quantity)]
            beyond = good & (figures > limit.value)
            excluded[limit.written] = int(beyond.sum())
            kept &= ~beyond
            if good.any():
                least[limit.quantity] = int(figures[good].min())
    found_codes: list[list[int]] = []
    found: list[list[float]] = []
    if not question.later:
        rows = np.flatnonzero(kept)
        return ChunkResult(
            len(codes), codes[rows].tolist(), counted.figures[rows].tolist(), dict(refused), excluded, least
        )
    for row in np.flatnonzero(kept):
        counts = [int(value) for value in counted.figures[row]]
        place = [int(code) for code in codes[row]]
        try:
            values = [*counts, *_later(question, columns, place, counts)]
        except CnncostError as error:
            refused[first_line(error)] += 1
            continue
        beyond_later = False
        for limit in question.limits:
            if limit.quantity in question.later:
                value = values[question.quantities.index(limit.quantity)]
                missed = limit.miss(value) > 0
                excluded[limit.written] = excluded.get(limit.written, 0) + missed
                least[limit.quantity] = min(value, least.get(limit.quantity, value))
                beyond_later |= missed
        if not beyond_later:
            found_codes.append(place)
            found.append(values)
    return ChunkResult(len(codes), found_codes, found, dict(refused), excluded, least)


def _later(
    question: SearchQuestion, columns: SettingCounter, codes: Sequence[int], figures: Sequence[int]
) -> list[float]:
    """Peak, RAM, flash in bytes, latency in seconds, the user's objective: as far as they are asked for."""
    setting = columns.space.setting(codes)
    found: list[float] = []
    graph, needs = None, (0, 0)
    if {*question.later} - {"objective"}:
        graph = columns.graph(codes)
        needs = deployed(graph, question.run) if question.run.runtime else needs
    for quantity in question.later:
        if quantity == "peak" and graph is not None:
            found.append(peak_of(graph))
        elif quantity in DEPLOYED:
            found.append(needs[DEPLOYED.index(quantity)])
        elif quantity == "latency" and graph is not None:
            found.append(timed(graph, str(question.on), question.run).latency_ms / 1e3)
        elif question.objective is not None:
            value = float(question.objective(setting, dict(zip(FIGURES, figures, strict=True))))
            if not isfinite(value):
                raise UsageError(f"the objective is {value}")
            found.append(value)
    return found


def check(question: SearchQuestion) -> Space:
    """The space of a question. Raises SpecError or UsageError for one that cannot be answered."""
    found = space(*zoo.find(question.spec), question.vary)
    known_word("unknown strategy", question.strategy, STRATEGIES)
    known = (*FIGURES, *LATER[:-1], *(("objective",) if question.objective else ()))
    for quantity in (*question.maximize, *question.minimize):
        known_word("unknown objective", quantity, known)
    if "latency" in question.later and question.on is None:
        raise UsageError("a limit or an objective of latency needs a device\n  name it: --on rtx-4090")
    question.run._replace(on=question.on).check_predicting("precision", "batch")
    check_runtime(question.later, question.run)
    if question.on is not None:
        from cnncost.devices import device
        from cnncost.predict import setting_of

        setting_of(device(question.on), **question.run.predicting)
    if question.samples is not None and question.samples < 1:
        raise UsageError(
            f"--samples {question.samples} is not a number from 1\n  for example: --samples 10000"
        )
    return found


class Gathered:
    """What the chunks of a search have given so far."""

    def __init__(self, question: SearchQuestion, space: Space):
        self.question, self.space = question, space
        self.chunks = self.evaluated = 0
        self.codes: list[NDArray[Any]] = []
        self.values: list[NDArray[Any]] = []
        self.refused: Counter[str] = Counter()
        counted = [limit.written for limit in question.limits if limit.quantity in FIGURES]
        self.excluded: Counter[str] = Counter(dict.fromkeys(counted, 0))
        self.least: dict[str, float] = {}

    def add(self, part: ChunkResult) -> None:
        """Take in the next chunk, its settings as arrays."""
        import numpy as np

        self.chunks += 1
        self.evaluated += part.evaluated
        self.refused.update(part.refused)
        self.excluded.update(part.excluded)
        for quantity, value in part.least.items():
            self.least[quantity] = min(value, self.least.get(quantity, value))
        axes, quantities = len(self.space.axes), len(self.question.quantities)
        self.codes.append(np.array(part.codes, dtype=self.space.code_type).reshape(-1, axes))
        self.values.append(np.array(part.values, dtype=float).reshape(-1, quantities))

    def result(self, began: float) -> SearchResult:
        """The whole search, begun at that time. Raises UsageError where nothing keeps the limits."""
        import numpy as np

        codes, values = np.concatenate(self.codes), np.concatenate(self.values)
        if not len(codes):
            raise _nothing(self)
        found = SearchResult(
            self.question,
            self.space,
            self.evaluated,
            codes,
            values,
            front(objectives_of(self.question, values)),
            dict(self.refused.most_common()),
            dict(self.excluded),
            time.perf_counter() - began,
        )
        return found._replace(timed=_predictions(found) if "latency" in self.question.later else ())


def search(
    question: SearchQuestion,
    journal: Journal | None = None,
    workers: Workers = HERE,
    told: Callable[[str], None] = lambda text: None,
) -> SearchResult:
    """The settings that keep the limits, and the front of the objectives among them.

    `told` hears how far it is. Raises SpecError and UsageError, and UsageError with the numbers
    where nothing keeps the limits.
    """
    began = time.perf_counter()
    gathered = Gathered(question, check(question))
    generations = chunks(question, gathered.space, question.chunk)
    parts: list[ChunkResult] | None = None  # a generator is begun with None
    with opened(workers, AGAIN) as crew:
        while True:
            try:
                generation = generations.send(parts)
            except StopIteration:
                break
            parts = _parts(gathered, generation, crew, journal, told)
            for part in parts:
                gathered.add(part)
    return gathered.result(began)


def _parts(
    gathered: Gathered,
    generation: Sequence[NDArray[Any]],
    crew: Crew,
    journal: Journal | None,
    told: Callable[[str], None],
) -> list[ChunkResult]:
    """What the chunks of a generation give, in their order; those in the journal are not done again."""
    places, begin = range(len(generation)), gathered.chunks
    kept = {place: journal.part(begin + place) if journal else None for place in places}
    known = {place: part for place, part in kept.items() if part is not None}
    left = [place for place in places if place not in known]
    for at, part in crew.done(evaluate, [(gathered.question, generation[place]) for place in left]):
        known[left[at]] = part
        if journal:
            journal.keep(begin + left[at], part)
        told(f"{gathered.evaluated + sum(each.evaluated for each in known.values()):,} settings")
    return [known[place] for place in places]


def _predictions(found: SearchResult) -> list[Prediction]:
    """Of the first settings on the front: their intervals, and what is outside of what was calibrated."""
    predictions, space = [], found.space
    for place in found.best[:PREDICTED]:
        changed, size = space.overrides(space.setting([int(code) for code in found.codes[place]]))
        graph = graph_of(space.family, space.variant, set=changed, input=size)
        predictions.append(timed(graph, str(found.question.on), found.question.run))
    return predictions


def objectives_of(question: SearchQuestion, values: NDArray[Any]) -> NDArray[Any]:
    """A column per objective, less is better."""
    import numpy as np

    names = question.quantities
    columns = [-values[:, names.index(quantity)] for quantity in question.maximize]
    columns += [values[:, names.index(quantity)] for quantity in question.minimize]
    return np.stack(columns, axis=1)


def _nothing(gathered: Gathered) -> UsageError:
    question, evaluated, refused = gathered.question, gathered.evaluated, gathered.refused
    if sum(refused.values()) == evaluated:
        lines = why_refused(refused, "")
        return UsageError("\n  ".join([f"none of {evaluated:,} settings can be built", *lines]))
    late = [limit.written for limit in question.limits if limit.quantity in question.later]
    least = []
    for limit in question.limits:
        if gathered.excluded.get(limit.written):
            known = QUANTITIES[limit.quantity]
            least.append(f"the least {known.word}: {known.show(gathered.least[limit.quantity])}")
    error = nothing_left(
        "settings", evaluated, gathered.excluded, late if len(late) < len(question.limits) else (), least
    )
    lines = [
        f"{limit.written} was not looked at: nothing keeps the others"
        for limit in question.limits
        if limit.written not in gathered.excluded
    ]
    lines += why_refused(refused)
    return UsageError("\n  ".join([error.message, *lines]))


def why_refused(refused: Mapping[str, int], told: str = " cannot be built") -> list[str]:
    """A line for each of the most frequent reasons, and one for all others."""
    common = sorted(refused.items(), key=lambda each: -each[1])
    lines = [f"{count:,}{told}: {reason}" for reason, count in common[:REASONS]]
    others = common[REASONS:]
    if others:
        whole = sum(count for _, count in others)
        lines.append(f"{whole:,}{told}, for {len(others):,} other reasons")
    return lines


def better(question: SearchQuestion) -> str:
    """The objectives in words: most params, least macs."""
    words = [f"most {_word(quantity)}" for quantity in question.maximize]
    return ", ".join([*words, *(f"least {_word(quantity)}" for quantity in question.minimize)])


def _word(quantity: str) -> str:
    return QUANTITIES[quantity].word if quantity in QUANTITIES else "of the own objective"
