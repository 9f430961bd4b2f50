"""Warm-up, sampling and statistics, with a clock on which no time passes."""

from __future__ import annotations

import random
import statistics as reference
from collections.abc import Callable, Iterator

import pytest

from cnncost.measure.sampling import Stopping, interval, percentile, sample, statistics, warm_up


class FakeClock:
    """Every run takes the next of some durations; nothing else takes time."""

    name = "fake"

    def __init__(self, durations: Iterator[float]):
        self.durations = durations
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def time(self, work: Callable[[], object]) -> float:
        work()
        taken = next(self.durations)
        self.at += taken
        return taken


def constant(value: float) -> Iterator[float]:
    while True:
        yield value


def noisy(width: float) -> Iterator[float]:
    chance = random.Random(0)
    while True:
        yield 0.01 * (1 + width * (chance.random() - 0.5))


def nothing() -> None:
    pass


def test_warm_up_ends_when_running_medians_agree() -> None:
    falling = iter([0.5, 0.4, 0.3, 0.2, 0.1] + [0.01] * 5 + [0.01] * 100)
    assert warm_up(nothing, FakeClock(falling), Stopping(warmup_limit=100)) == (13, True)


def test_warm_up_that_does_not_settle_says_so() -> None:
    growing = (0.01 * 1.5**step for step in range(100))
    runs, settled = warm_up(nothing, FakeClock(growing), Stopping(warmup_limit=1.0))
    assert not settled
    assert 1 < runs < 20


def test_steady_samples_end_at_the_least_number() -> None:
    samples = sample(nothing, FakeClock(constant(0.01)), Stopping())
    assert len(samples.seconds) == 20
    assert samples.settled
    assert statistics(samples.seconds).width == 0


def test_noisy_samples_go_on_until_the_median_is_known() -> None:
    samples = sample(nothing, FakeClock(noisy(0.2)), Stopping(time_limit=1e6))
    found = statistics(samples.seconds)
    assert found.count > 20
    assert found.width <= 0.01
    assert found.low <= 0.01 * 1.005
    assert found.high >= 0.01 * 0.995


def test_the_time_limit_ends_sampling() -> None:
    samples = sample(nothing, FakeClock(noisy(1.5)), Stopping(time_limit=0.2, warmup_limit=0.1))
    assert 15 <= len(samples.seconds) <= 60
    assert statistics(samples.seconds).width > 0.01


def test_interrupted_sampling_keeps_what_there_is() -> None:
    runs = 0

    def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 18:
            raise KeyboardInterrupt

    samples = sample(work, FakeClock(constant(0.01)), Stopping())
    assert samples.interrupted
    assert len(samples.seconds) == 7


def test_interrupted_warm_up_is_passed_on() -> None:
    def work() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample(work, FakeClock(constant(0.01)), Stopping())


def test_outliers_are_counted_and_kept() -> None:
    seconds = [1.0, 1.1, 0.9, 1.05, 0.95] * 4 + [9.0]
    found = statistics(seconds)
    assert found.count == 21
    assert found.outliers == 1
    assert found.median == reference.median(seconds)


def test_percentiles_are_linear() -> None:
    ordered = sorted(random.Random(1).random() for _ in range(101))
    tenths = reference.quantiles(ordered, n=10, method="inclusive")
    assert percentile(ordered, 0.1) == pytest.approx(tenths[0])
    assert percentile(ordered, 0.9) == pytest.approx(tenths[-1])


def test_the_interval_covers_the_median_95_times_in_100() -> None:
    chance = random.Random(2)
    covered = 0
    for _ in range(1000):
        low, high = interval(sorted(chance.expovariate(1.0) for _ in range(50)))
        covered += low <= 0.6931471805599453 <= high
    assert 935 <= covered <= 990
