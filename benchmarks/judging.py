"""Predictions beside measurements of the same networks in the same run: rounds, figures of merit, the report.

Used by `predict_here.py` and `gpu_job.py`. A network is measured once a round, all of them in turn, so that a
machine that slows down slows all of them; how far the rounds of one network lie apart is the noise floor of
the measuring, below which no error of a prediction means anything.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any, NamedTuple


class Case(NamedTuple):
    """A network, and how it is run."""

    network: str
    batch: int
    dtype: str
    layout: str
    launch: str

    def __str__(self) -> str:
        return f"{self.network}, batch {self.batch}, {self.dtype}, {self.layout}, {self.launch}"


@dataclass
class Judged:
    """A case with what was predicted and what was measured; times in milliseconds."""

    case: Case
    family: str
    rounds: list[list[float]] = field(default_factory=list)  #: samples of each round
    predicted: tuple[float, float, float] | None = None  #: latency, and the ends of its interval
    warnings: tuple[str, ...] = ()

    @property
    def medians(self) -> list[float]:
        """Of every round."""
        return [median(samples) for samples in self.rounds]

    @property
    def measured(self) -> float:
        """The median of the rounds' medians."""
        return median(self.medians)

    @property
    def error(self) -> float:
        """(predicted - measured) / measured, as a share."""
        assert self.predicted is not None
        return self.predicted[0] / self.measured - 1

    @property
    def covered(self) -> bool:
        """Whether the interval holds what was measured."""
        assert self.predicted is not None
        return self.predicted[1] <= self.measured <= self.predicted[2]


def family(name: str) -> str:
    """The family of a network of the zoo: the spec that it stands in."""
    from cnncost.language import zoo

    return zoo.index()[name].stem


def measure_round(
    judged: Iterable[Judged],
    benches: dict[tuple[str, str], Any],
    seconds: float,
    going_on: Callable[[], bool],
) -> list[str]:
    """Measure every case once more; what was left out, with the reason."""
    from cnncost import language
    from cnncost.errors import UnavailableError
    from cnncost.measure.sampling import Stopping

    stopping = Stopping(0.01, time_limit=seconds, warmup_limit=seconds / 2, most=200)
    left_out = []
    for one in judged:
        case = one.case
        if not going_on():
            left_out.append(f"{case}: time was up")
            continue
        bench = benches[case.dtype, case.layout]
        graph = graph_of(language, case.network)
        try:
            timed = bench.time(graph, case.batch, case.launch, stopping, False)
        except UnavailableError as error:
            left_out.append(f"{case}: {error.message.partition(chr(10))[0]}")
            continue
        one.rounds.append([float(f"{1e3 * each:.5g}") for each in timed.seconds])
    for bench in benches.values():
        bench.release()
    return left_out


GRAPHS: dict[str, Any] = {}


def graph_of(language: Any, name: str) -> Any:
    """A network's graph: the same object every time, so that a bench need not build it anew."""
    if name not in GRAPHS:
        GRAPHS[name] = language.load(name).without_heads()
    return GRAPHS[name]


def predict_all(judged: Iterable[Judged], device: Any) -> list[str]:
    """Predict every case on a device; what could not be predicted, with the reason."""
    from cnncost import language
    from cnncost.errors import CnncostError
    from cnncost.predict import predict

    left_out = []
    for one in judged:
        case = one.case
        try:
            found = predict(
                graph_of(language, case.network),
                device,
                batch=case.batch,
                dtype=case.dtype,
                layout=case.layout,
                launch=case.launch,
            )
        except CnncostError as error:
            left_out.append(f"prediction of {case}: {error.message}")
            continue
        high = float("inf") if found.high_ms is None else found.high_ms
        one.predicted, one.warnings = (found.latency_ms, found.low_ms, high), found.warnings
    return left_out


class Figures(NamedTuple):
    """How good some predictions are; shares, not percent."""

    count: int  # type: ignore[assignment]  # hides tuple.count
    median: float  #: of the errors without their signs
    mape: float  #: their mean
    within: float  #: share with an error of at most 10 %
    bias: float  #: median of the errors with their signs
    coverage: float  #: share of the measured times that lie in their interval
    width: float  #: median of (high - low) / 2 / predicted
    noise: float | None  #: median of how far the rounds of one network lie apart; None: there was one round


def figures(judged: Sequence[Judged]) -> Figures | None:
    """The figures of those that were predicted and measured; None if there are none."""
    both = [one for one in judged if one.rounds and one.predicted]
    if not both:
        return None
    errors = [one.error for one in both]
    apart = [max(one.medians) / min(one.medians) - 1 for one in both if len(one.rounds) > 1]
    return Figures(
        len(both),
        median(map(abs, errors)),
        mean(map(abs, errors)),
        mean(abs(error) <= 0.1 for error in errors),
        median(errors),
        mean(one.covered for one in both),
        median((one.predicted[2] - one.predicted[1]) / 2 / one.predicted[0] for one in both if one.predicted),
        median(apart) if apart else None,
    )


def document(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Every case as JSON, raw samples with it, in milliseconds."""
    return [
        {
            **one.case._asdict(),
            "family": one.family,
            "predicted": dict(zip(("latency_ms", "low_ms", "high_ms"), one.predicted, strict=True))
            if one.predicted
            else None,
            "warnings": list(one.warnings),
            "rounds_ms": one.rounds,
        }
        for one in judged
    ]


def cases_of(found: Iterable[dict[str, Any]]) -> list[Judged]:
    """The cases that `document` wrote, without their predictions."""
    return [
        Judged(Case(*[one[name] for name in Case._fields]), one["family"], one["rounds_ms"]) for one in found
    ]


def page(judged: Sequence[Judged], told: str) -> str:
    """A page of predictions beside measurements; `told` says what they are."""
    words = (
        f"{told}Error: predicted over measured, less one. Noise floor: how far the rounds of one case lie"
        " apart, the median."
    )
    return "\n\n".join(("# Predicted and measured", words, summary(judged), table(judged)))


def summary(judged: Sequence[Judged]) -> str:
    """A table of figures: all, and by precision, batch and launching."""
    lines = [
        "| what | count | median error | MAPE | within 10 % | bias | 90 % interval covers | its half-width "
        "| noise floor |",
        "| --- " + "| ---: " * 8 + "|",
    ]
    parts: dict[str, list[Judged]] = {"all": list(judged)}
    for one in judged:
        case = one.case
        words = f"{case.dtype}, {case.layout}, batch {case.batch}, {case.launch}"
        parts.setdefault(words, []).append(one)
    for words, part in parts.items():
        found = figures(part)
        if found:
            noise = "" if found.noise is None else f"{found.noise:.1%}"
            lines.append(
                f"| {words} | {found.count} | {found.median:.1%} | {found.mape:.1%} | {found.within:.0%} "
                f"| {found.bias:+.1%} | {found.coverage:.0%} | {found.width:.0%} | {noise} |"
            )
    return "\n".join(lines) + "\n"


def table(judged: Sequence[Judged]) -> str:
    """A row per case that was measured, the worst predicted first."""
    lines = [
        "| network | family | batch | precision | launch | measured ms | rounds ms | predicted ms "
        "| 90 % interval | error |",
        "| --- | --- | ---: | --- | --- | ---: | --- | ---: | --- | ---: |",
    ]
    shown = [one for one in judged if one.rounds]
    for one in sorted(shown, key=lambda one: -abs(one.error) if one.predicted else 1):
        case = one.case
        rounds = ", ".join(f"{each:.4g}" for each in one.medians)
        predicted = interval = error = ""
        if one.predicted:
            latency, low, high = one.predicted
            predicted, interval = f"{latency:.4g}", f"{low:.4g} to {high:.4g}"
            error = f"{one.error:+.1%}" + ("" if one.covered else " (outside)")
        lines.append(
            f"| {case.network} | {one.family} | {case.batch} | {case.dtype}, {case.layout} | {case.launch} "
            f"| {one.measured:.4g} | {rounds} | {predicted} | {interval} | {error} |"
        )
    return "\n".join(lines) + "\n"


def until(deadline: float) -> Callable[[], bool]:
    """Whether a moment of the monotonic clock is still to come."""
    return lambda: time.monotonic() < deadline


def say(what: str) -> None:
    """A line of progress, with the time that has passed."""
    print(f"{time.monotonic() - STARTED:6.1f} s  {what}", file=sys.stderr, flush=True)


STARTED = time.monotonic()
