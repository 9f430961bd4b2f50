"""Clocks of the processor: what each counts of a call that waits, and of one that works."""

from __future__ import annotations

import time

from cnncost.measure.clock import CpuClock, ProcessorClock


def work() -> None:
    """Work for 30 ms of the processor's time."""
    end = time.process_time() + 0.03
    while time.process_time() < end:
        sum(range(1000))


def test_waiting_takes_time_but_not_the_processors() -> None:
    wait = 0.05
    assert CpuClock().time(lambda: time.sleep(wait)) >= wait
    assert ProcessorClock().time(lambda: time.sleep(wait)) < wait / 2


def test_work_takes_both() -> None:
    assert CpuClock().time(work) >= 0.03
    assert ProcessorClock().time(work) >= 0.03


def test_limits_are_held_to_the_time_that_passes() -> None:
    clock = ProcessorClock()
    before = clock.now()
    time.sleep(0.02)
    assert clock.now() - before >= 0.02
