"""A device without a device: times follow a law that is known, and its clock is moved by them."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

from cnncost.calibrate.bench import Taken
from cnncost.calibrate.pieces import SENTINEL
from cnncost.errors import UnavailableError
from cnncost.execution.plan import plan
from cnncost.graph import Graph
from cnncost.measure.sampling import Stopping
from cnncost.predict.kernels import works
from cnncost.predict.model import host_seconds, seconds

MACHINE = {"date": "2026-01-02", "clock": "law", "cpu": "A processor of a test", "torch": "2.0", "threads": 4}


class LawBench:
    """Runs take what the model says under some numbers, times a noise; building takes `building` seconds more.

    `before` is called with the number of runs so far before each: it may raise.
    """

    dtype, layout = "float32", "nchw"

    def __init__(
        self,
        numbers: dict[str, float],
        *,
        device: str = "cpu",
        noise: float = 0.0,
        building: float = 0.1,
        before: Callable[[int], None] = lambda runs: None,
        refused: str | None = None,
    ):
        self.numbers, self.device, self.noise, self.building = numbers, device, noise, building
        self.before, self.refused = before, refused
        self.launches = ("eager", "graph") if device == "cuda" else ("eager",)
        self.at = 1000.0
        self.runs = 0
        self.random = Random(0)
        self.asked: list[tuple[str, int, str]] = []

    def now(self) -> float:
        return self.at

    def time(self, graph: Graph, batch: int, launch: str, stopping: Stopping, batched: bool) -> Taken:
        self.before(self.runs)
        self.runs += 1
        self.asked.append((graph.name, batch, launch))
        if self.refused is not None and self.refused in graph.name:
            raise UnavailableError(f"{graph.name} cannot be run here\n  leave it out")
        once = self.law(graph, batch, launch)
        taken = [once * math.exp(self.random.gauss(0, self.noise)) for _ in range(5)]
        self.at += self.building + sum(taken)
        return Taken(tuple(taken), 1, True)

    def law(self, graph: Graph, batch: int, launch: str) -> float:
        found = works(plan(graph, batch=batch, dtype=self.dtype))
        device = sum(seconds(work, self.numbers).seconds for work in found)
        return max(device, host_seconds(found, self.numbers, launch))

    def machine(self) -> dict[str, Any]:
        return dict(MACHINE)

    def clocks(self) -> dict[str, Any]:
        return {"sm_mhz": "1500"} if self.device == "cuda" else {}

    def memory_bytes(self) -> int:
        return 16 * 2**30


def is_sentinel(name: str) -> bool:
    """Whether a run was the sentinel's."""
    return name.startswith(SENTINEL.kind)
