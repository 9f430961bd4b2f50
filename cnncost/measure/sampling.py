"""Warm-up, sampling until the median is known, and the statistics of the samples.

No torch and no device here: `work` is any call, time comes from a `Clock`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from cnncost.errors import UnavailableError
from cnncost.measure.clock import Clock

WINDOW = 5
"""Runs that a running median is taken over."""
AGREE = 0.02
"""Running medians agree when they differ by less than this share."""
LEAST = 20
"""Samples below which no interval is trusted."""
Progress = Callable[[int, float], None]
"""Called after every sample with their number and the width of the interval as a share of the median."""


class Stopping(NamedTuple):
    """When to stop."""

    precision: float = 0.01  #: width of the 95 % interval of the median, as a share of it
    time_limit: float = 10.0  #: seconds of sampling
    warmup_limit: float = 5.0  #: seconds of warm-up
    most: int = 100_000  #: samples


@dataclass(frozen=True)
class Samples:
    """What was sampled, raw, in seconds and in order."""

    seconds: tuple[float, ...]
    warmup_runs: int
    settled: bool  #: the running medians of the warm-up agreed
    interrupted: bool = False  #: Ctrl-C came before the end


class Statistics(NamedTuple):
    """Summary of some samples, in seconds. Outliers are counted, never dropped."""

    count: int  # type: ignore[assignment]  # hides tuple.count
    median: float
    p10: float
    p90: float
    low: float  #: 95 % confidence interval of the median
    high: float
    outliers: int  #: farther than 3 scaled median deviations from the median

    @property
    def width(self) -> float:
        """Width of the interval as a share of the median."""
        return (self.high - self.low) / self.median if self.median else 0.0


def sample(
    work: Callable[[], object],
    clock: Clock,
    stopping: Stopping = Stopping(),
    progress: Progress | None = None,
) -> Samples:
    """Warm up until running medians agree, then sample until the median is known or time is up.

    Ctrl-C ends it and keeps what was sampled; before the first sample it is passed on.
    """
    runs, settled = warm_up(work, clock, stopping)
    seconds: list[float] = []
    end = clock.now() + stopping.time_limit
    check = LEAST
    try:
        while len(seconds) < stopping.most:
            seconds.append(timed(work, clock))
            if len(seconds) >= check:
                width = statistics(seconds).width
                if progress:
                    progress(len(seconds), width)
                if width <= stopping.precision:
                    break
                check += max(1, len(seconds) // 10)
            elif progress:
                progress(len(seconds), math.inf)
            if clock.now() >= end:
                break
    except KeyboardInterrupt:
        if not seconds:
            raise
        return Samples(tuple(seconds), runs, settled, interrupted=True)
    return Samples(tuple(seconds), runs, settled)


def timed(work: Callable[[], object], clock: Clock) -> float:
    """Seconds that a run takes. Raises UnavailableError where the clock says nothing of it."""
    seconds = clock.time(work)
    if not 0 < seconds < math.inf:
        raise UnavailableError(
            f"the clock {clock.name} does not go forward: a run took {seconds} s\n"
            "  nothing can be measured by it"
        )
    return seconds


def warm_up(work: Callable[[], object], clock: Clock, stopping: Stopping) -> tuple[int, bool]:
    """(runs, whether the medians of two neighbouring windows of runs agreed within the limit)."""
    seconds: list[float] = []
    end = clock.now() + stopping.warmup_limit
    while True:
        seconds.append(timed(work, clock))
        if len(seconds) >= 2 * WINDOW:
            before, after = median(seconds[-2 * WINDOW : -WINDOW]), median(seconds[-WINDOW:])
            if abs(after - before) <= AGREE * before:
                return len(seconds), True
        if clock.now() >= end:
            return len(seconds), False


def statistics(seconds: Sequence[float]) -> Statistics:
    """The summary of at least one sample."""
    ordered = sorted(seconds)
    middle = median(ordered)
    low, high = interval(ordered)
    spread = 1.4826 * median([abs(second - middle) for second in ordered])
    outliers = sum(abs(second - middle) > 3 * spread for second in ordered)
    return Statistics(
        len(ordered), middle, percentile(ordered, 0.1), percentile(ordered, 0.9), low, high, outliers
    )


def interval(ordered: Sequence[float]) -> tuple[float, float]:
    """Distribution-free 95 % confidence interval of the median of sorted samples.

    Ranks n/2 -+ 1.96 * sqrt(n)/2 of the order statistics (Campbell and Gardner 1988); with few
    samples the whole range.
    """
    count = len(ordered)
    reach = 1.96 * math.sqrt(count) / 2
    low = max(math.floor(count / 2 - reach), 0)
    high = min(math.ceil(count / 2 + reach), count - 1)
    return ordered[low], ordered[high]


def percentile(ordered: Sequence[float], share: float) -> float:
    """A percentile of sorted samples, interpolated linearly between neighbours."""
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])
