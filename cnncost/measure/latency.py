"""Time and memory of one model on one device.

`measure` builds the twin, runs it under a clock until the median is known, and measures memory in
runs of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from cnncost import units
from cnncost.analysis.cost import analyze
from cnncost.errors import UnavailableError
from cnncost.execution.training import check_batch
from cnncost.graph import Graph, at_batch
from cnncost.measure.clock import Clock, clock_of
from cnncost.measure.environment import clocks, environment
from cnncost.measure.layers import LayerTime, layer_times
from cnncost.measure.memory import Memory, Need, measured, occupied, predicted
from cnncost.measure.runner import Runner, current, out_of_memory, threads
from cnncost.measure.sampling import Progress, Samples, Statistics, Stopping, sample, statistics
from cnncost.measure.setting import Setting, check
from cnncost.report import Counted
from cnncost.request import Model, Run


@dataclass(frozen=True)
class Measurement:
    """All that is known of one model on one device."""

    model: str
    setting: Setting
    samples: Samples
    memory: Memory | None
    macs: int  #: of the batch, forward
    flops: int
    counted: Counted  #: what the convention makes of it
    convention: str
    clock: str
    environment: dict[str, Any]
    clocks: list[dict[str, Any]]  #: before and after
    layers: tuple[LayerTime, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    asked: Model | None = None  #: if it was loaded by name

    @property
    def run(self) -> Run:
        """Under which circumstances it was measured."""
        given = self.setting
        return Run(given.batch, given.dtype, given.mode, self.convention, str(given.device))

    @property
    def statistics(self) -> Statistics:
        """Summary of the samples, in seconds."""
        return statistics(self.samples.seconds)

    @property
    def images_per_second(self) -> float:
        """Batch over the median."""
        return self.setting.batch / self.statistics.median

    @property
    def flops_per_second(self) -> float | None:
        """FLOPs of the analysis over the median; None in training, whose FLOPs are not counted."""
        return self.flops / self.statistics.median if self.setting.mode == "eval" else None

    @property
    def ops_per_second(self) -> float | None:
        """The same for the operations that the convention counts."""
        return self.counted.ops / self.statistics.median if self.setting.mode == "eval" else None


def measure(
    graph: Graph,
    setting: Setting,
    stopping: Stopping = Stopping(),
    clock: Clock | None = None,
    progress: Progress | None = None,
    convention: str = "cnncost",
) -> Measurement:
    """Measure a model.

    Raises UsageError, or UnavailableError when the device's memory is too small or the setting asks
    for what cannot be done to this network.
    """
    check(setting)
    if setting.mode == "eval":
        graph = graph.without_heads()
    check_batch(graph, at_batch(graph, setting.batch), setting.mode)
    need = predicted(graph, setting)
    clock = clock or clock_of(setting.device)
    with current(setting.device), threads(setting.threads), fitting(graph, setting, need):
        before = occupied(setting.device)
        runner = Runner(graph, setting)
        seen = [clocks(setting.device)]
        samples = sample(runner, clock, stopping, progress)
        seen.append(clocks(setting.device))
        memory = times = None
        if not samples.interrupted:
            memory = measured(runner, setting, need, before)
            times = layer_times(runner.twin, runner.given, clock, statistics(samples.seconds).median) \
                if setting.layers else None  # fmt: skip
        report = analyze(
            graph, batch=setting.batch, dtype=setting.dtype, mode=setting.mode, convention=convention
        )
        machine = environment(setting.device)
    return Measurement(
        graph.name,
        setting,
        samples,
        memory,
        report.totals.macs,
        report.totals.flops,
        report.totals.counted,
        report.convention,
        clock.name,
        machine,
        [each for each in seen if each],
        times or (),
        warnings(samples, stopping, machine, seen),
        graph.model,
    )


def warnings(
    samples: Samples, stopping: Stopping, machine: dict[str, Any], seen: list[dict[str, Any]]
) -> tuple[str, ...]:
    """What makes the result doubtful, each with the flag that answers it."""
    found = []
    summary = statistics(samples.seconds)
    if samples.interrupted:
        found.append(f"interrupted after {summary.count} samples")
    elif summary.width > stopping.precision:
        found.append(
            f"the median is known to {summary.width:.1%} only, not {stopping.precision:.1%}:"
            " raise --time-limit"
        )
    if not samples.settled:
        found.append("the warm-up did not settle: raise --warmup-limit")
    if summary.outliers > 0.1 * summary.count:
        found.append(f"{summary.outliers} of {summary.count} samples are outliers: close other programs")
    if "gpu" not in machine and (machine["load"] or 0) > machine["cores"]:
        found.append(f"the load is {machine['load']} on {machine['cores']} cores: close other programs")
    first, last = (each.get("sm_mhz") for each in seen)
    if first and last and abs(float(last) / float(first) - 1) > 0.05:
        found.append(f"the clock went from {first} to {last} MHz: fix it with nvidia-smi --lock-gpu-clocks")
    return tuple(found)


@contextmanager
def fitting(graph: Graph, setting: Setting, need: Need) -> Iterator[None]:
    """Turn the device's refusal into an error that says what was needed."""
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        if setting.device.type == "cuda":
            torch.cuda.empty_cache()
        about = "about " if need.estimated else ""
        raise UnavailableError(
            f"{graph.name} at batch {setting.batch} does not fit on {setting.device}: it needs"
            f" {about}{units.size(need.bytes)}, workspaces not counted\n  pass a smaller --batch;"
            f" `cnncost memory {graph.name} --fits SIZE` finds the largest"
        ) from None
