"""Clocks: the seam between what is measured and how time passes.

A test hands in a clock of its own, so that measuring is tested without time passing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch


class Clock(Protocol):
    """What sampling needs of a clock."""

    @property
    def name(self) -> str:
        """How it measures, for the report."""

    def now(self) -> float:
        """Seconds since some moment: what time limits are held to."""

    def time(self, work: Callable[[], object]) -> float:
        """Seconds that `work` takes on the device, until all of it is done."""


class CpuClock:
    """The operating system's monotonic clock around a call."""

    name = "perf_counter"

    def now(self) -> float:
        return time.perf_counter()

    def time(self, work: Callable[[], object]) -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start


class ProcessorClock:
    """Time that the processor spends on this process, of one thread that of the clock on an idle machine.

    On a machine that others use, or whose host takes its processors away for a while, it does not count what
    they take. With several threads it counts all of them, so that it is no latency.
    """

    name = "process_time of one thread"

    def now(self) -> float:
        return time.perf_counter()

    def time(self, work: Callable[[], object]) -> float:
        start = time.process_time()
        work()
        return time.process_time() - start


class CudaClock:
    """CUDA events around a call: the time that the GPU takes, launch gaps included."""

    name = "CUDA events"

    def __init__(self, device: torch.device):
        self.device = device

    def now(self) -> float:
        return time.perf_counter()

    def time(self, work: Callable[[], object]) -> float:
        import torch

        with torch.cuda.device(self.device):
            event: Any = torch.cuda.Event
            start, end = event(enable_timing=True), event(enable_timing=True)
            torch.cuda.synchronize()
            start.record()
            work()
            end.record()
            end.synchronize()
            return float(start.elapsed_time(end)) / 1e3


def clock_of(device: torch.device) -> Clock:
    """The clock that fits a device."""
    return CudaClock(device) if device.type == "cuda" else CpuClock()
