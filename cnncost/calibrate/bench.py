"""The bench: a device, a number format and a layout, on which graphs are run under a clock.

`Bench` is the seam: a test hands in one of its own, whose times follow a law that it knows. `TorchBench` runs
the twins of graphs; it imports torch when it is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from cnncost.graph import Graph
from cnncost.measure.clock import Clock, clock_of
from cnncost.measure.sampling import Samples, Stopping, sample

if TYPE_CHECKING:
    import torch

    from cnncost.measure.runner import Runner

SHORTEST = {"eager": 2e-4, "graph": 1e-3}
"""Seconds that a sample takes at least, as one eager run is timed: what is shorter is run several times in
it.

More in a CUDA graph, whose runs are shorter than eager ones and which takes some microseconds to begin.
"""
MOST_REPEATS = 64


class Taken(NamedTuple):
    """How long one run takes."""

    seconds: tuple[float, ...]  #: of one run each, in order
    repeats: int  #: runs in a sample
    settled: bool
    interrupted: bool = False


class Bench(Protocol):
    """What calibrating needs of a device."""

    @property
    def device(self) -> str:
        """cpu or cuda."""

    @property
    def dtype(self) -> str:
        """The element type of what is run."""

    @property
    def layout(self) -> str:
        """nchw or nhwc."""

    @property
    def launches(self) -> tuple[str, ...]:
        """How runs can be launched: eager, and graph where there are CUDA graphs. The last: kernels."""

    def now(self) -> float:
        """Seconds since some moment: what deadlines are held to."""

    def time(self, graph: Graph, batch: int, launch: str, stopping: Stopping, batched: bool) -> Taken:
        """Run a graph. `batched`: short ones several times per sample.

        Raises UnavailableError where it cannot be run, for want of memory or of a kernel.
        """

    def machine(self) -> dict[str, Any]:
        """What a profile says of the machine: names, versions, flags."""

    def clocks(self) -> dict[str, Any]:
        """Clock rates that are seen now, if any."""

    def memory_bytes(self) -> int:
        """The device's memory."""


class TorchBench:
    """Twins on the CPU or on CUDA."""

    def __init__(self, device: torch.device, dtype: str, layout: str, clock: Clock | None = None):
        from cnncost.measure.setting import Setting, check

        self.target = device
        self.setting = Setting(device, 1, dtype, layout)
        check(self.setting)
        self.device, self.dtype, self.layout = device.type, dtype, layout
        self.launches = ("eager", "graph") if device.type == "cuda" else ("eager",)
        self.clock = clock or clock_of(device)
        self.held: tuple[Graph, int, Runner] | None = None  #: the last one, which may be asked for again

    def now(self) -> float:
        return self.clock.now()

    def time(self, graph: Graph, batch: int, launch: str, stopping: Stopping, batched: bool) -> Taken:
        from cnncost.measure.latency import fitting
        from cnncost.measure.memory import predicted
        from cnncost.measure.runner import Runner, current

        setting = self.setting._replace(batch=batch)
        with current(self.target), fitting(graph, setting, predicted(graph, setting)), able(graph):
            if self.held is None or self.held[0] is not graph or self.held[1] != batch:
                self.held = None  # its memory is free before there is another
                self.held = graph, batch, Runner(graph.without_heads(), setting)
            runner = self.held[2]
            repeats = self.repeats(runner, launch) if batched else 1
            found = sample(self.work(runner, launch, repeats), self.clock, stopping)
        return timed(found, repeats)

    def release(self) -> None:
        """Free the memory of the last network."""
        self.held = None

    def repeats(self, runner: Runner, launch: str) -> int:
        """How many runs make a sample that the clock resolves."""
        shortest = min(self.clock.time(runner) for _ in range(3))
        return max(1, min(MOST_REPEATS, math.ceil(SHORTEST[launch] / max(shortest, 1e-9))))

    def work(self, runner: Runner, launch: str, repeats: int) -> Callable[[], object]:
        """What is timed."""
        if launch == "graph":
            return runner.captured(repeats)
        if repeats == 1:
            return runner

        def several() -> None:
            for _ in range(repeats):
                runner()

        return several

    def machine(self) -> dict[str, Any]:
        from cnncost.measure.environment import environment

        found = environment(self.target)
        return {"date": date.today().isoformat(), "clock": self.clock.name, **found}

    def clocks(self) -> dict[str, Any]:
        from cnncost.measure.environment import clocks

        return clocks(self.target) or processor_clocks()

    def memory_bytes(self) -> int:
        import os

        if self.device == "cuda":
            import torch

            return int(torch.cuda.get_device_properties(self.target).total_memory)
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def processor_clocks() -> dict[str, Any]:
    """The mean clock rate of the processor's cores in MHz, where the system tells (Linux)."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    rates = [float(line.partition(":")[2]) for line in lines if line.startswith("cpu MHz")]
    return {"cpu_mhz": round(sum(rates) / len(rates))} if rates else {}


def able(graph: Graph) -> AbstractContextManager[None]:
    """Whatever a kernel or a capture raises becomes an error that says which graph it was."""
    from cnncost.measure.runner import refusal

    return refusal("it", f"{graph.name} cannot be run here")


def timed(found: Samples, repeats: int) -> Taken:
    """Samples of several runs as times of one."""
    seconds = tuple([each / repeats for each in found.seconds])
    return Taken(seconds, repeats, found.settled, found.interrupted)
