"""Time and memory of one model on one device.

`measure` builds the twin, runs it under a clock until the median is known, and measures memory in a
run of its own. On CUDA memory is what the caching allocator says; on the CPU it is the live storages
of a traced run (the CPU's allocator keeps no count).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cnncost import units
from cnncost.analysis.cost import DTYPES, analyze, at_batch
from cnncost.analysis.memory import peak_bytes
from cnncost.analysis.training import training_memory
from cnncost.errors import UnavailableError, UsageError, did_you_mean
from cnncost.graph import Graph
from cnncost.measure.clock import Clock, clock_of
from cnncost.measure.environment import clocks, environment
from cnncost.measure.layers import LayerTime, layer_times
from cnncost.measure.sampling import Plan, Progress, Samples, Statistics, sample, statistics
from cnncost.measure.trace import LiveStorages, states
from cnncost.measure.twin import Twin, example_input
from cnncost.report import Counted

TYPES = ("float32", "bfloat16", "float16")
LAYOUTS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}
BLOCK = 512
"""Bytes that CUDA's caching allocator rounds a tensor up to."""


class Setting(NamedTuple):
    """How a model is run."""

    device: torch.device
    batch: int = 1
    dtype: str = "float32"
    layout: str = "nchw"
    mode: str = "eval"
    graph: bool = False  #: replayed as a CUDA graph
    compile: bool = False  #: by torch.compile
    layers: bool = False  #: the time of every layer too
    threads: int | None = None  #: of the CPU


@dataclass(frozen=True)
class Memory:
    """Peak bytes of a run, weights included, measured and predicted."""

    method: str  #: who counted
    predicted: int  #: tensors in blocks as the device's allocator hands them out
    peak: int  #: measured
    requested: int | None = None  #: CUDA: bytes asked for, before rounding to blocks
    reserved: int | None = None  #: CUDA: taken from the device, slack and workspaces included
    workspaces: int | None = None  #: CUDA: what libraries (cuBLAS) took and keep; not part of `peak`

    @property
    def error(self) -> float:
        """(predicted - measured) / measured, as a share."""
        return (self.predicted - self.peak) / self.peak


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


def check(setting: Setting) -> None:
    """Raise UsageError for a setting that makes no sense."""
    for what, given, known in (
        ("dtype", setting.dtype, TYPES),
        ("layout", setting.layout, tuple(LAYOUTS)),
        ("mode", setting.mode, ("eval", "train")),
    ):
        if given not in known:
            cure = did_you_mean(given, known)
            raise UsageError(
                f"unknown {what} {given!r}" + (f": {cure}" if cure else "") + f"\n  known: {', '.join(known)}"
            )
    if setting.batch < 1 or (setting.threads is not None and setting.threads < 1):
        raise UsageError("a batch and a number of threads are at least 1")
    if setting.device.type == "meta":
        raise UsageError("nothing runs on meta\n  pass --device cpu or --device cuda")
    if setting.graph and setting.device.type != "cuda":
        raise UsageError("--graph replays a CUDA graph\n  pass --device cuda, or leave --graph out")


def measure(
    graph: Graph,
    setting: Setting,
    plan: Plan = Plan(),
    clock: Clock | None = None,
    progress: Progress | None = None,
    convention: str = "cnncost",
) -> Measurement:
    """Measure a model. Raises UsageError, or UnavailableError when the device's memory is too small."""
    check(setting)
    if setting.mode == "eval":
        graph = graph.without_heads()
    need = predicted(graph, setting)
    clock = clock or clock_of(setting.device)
    with threads(setting.threads), out_of_memory(graph, setting, need):
        baseline = allocated(setting.device)
        runner = Runner(graph, setting)
        runner.work()  # an idle GPU has low clocks
        seen = [clocks(setting.device)]
        samples = sample(runner.work, clock, plan, progress)
        seen.append(clocks(setting.device))
        memory = times = None
        if not samples.interrupted:
            memory = measured_memory(runner, setting, need, baseline)
            times = layer_times(runner.twin, runner.x, clock, statistics(samples.seconds).median) \
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
        warnings(samples, plan, machine, seen),
    )


class Runner:
    """A twin with its input on a device; `work` runs it once."""

    def __init__(self, graph: Graph, setting: Setting):
        device, dtype = setting.device, getattr(torch, setting.dtype)
        torch.manual_seed(0)
        with device:
            self.twin = Twin.of(graph, setting.mode)
        layout = LAYOUTS[setting.layout]
        self.twin = self.twin.to(dtype=dtype)
        for parameter in self.twin.parameters():
            if parameter.dim() == 4:  # only filters have a channels_last layout
                parameter.data = parameter.data.contiguous(memory_format=layout)
        self.x = example_input(graph, setting.batch, device, dtype)
        if self.x.dim() == 4:
            self.x = self.x.contiguous(memory_format=layout)
        self.optimizer = None
        if setting.mode == "train":
            trained = [parameter for parameter in self.twin.parameters() if parameter.requires_grad]
            self.optimizer = torch.optim.SGD(trained, lr=1e-6)
        self.model: Callable[[Tensor], Any] = self.twin
        if setting.compile:
            self.model = torch.compile(self.twin)
        self.work: Callable[[], object] = self.step if self.optimizer else self.infer
        if setting.graph:
            self.work = self.captured()

    def infer(self) -> None:
        """A forward pass."""
        with torch.no_grad():
            self.model(self.x)

    def step(self) -> None:
        """Forward, backward, update; the gradients of the outputs are ones."""
        outputs = self.model(self.x)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        torch.autograd.backward(outputs, [torch.ones_like(output) for output in outputs])
        assert self.optimizer is not None
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def captured(self) -> Callable[[], object]:
        """The work as a CUDA graph, captured after some runs on a side stream."""
        run = self.work
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                run()
        torch.cuda.current_stream().wait_stream(stream)
        recorded = torch.cuda.CUDAGraph()
        with torch.cuda.graph(recorded):
            run()
        return recorded.replay


def predicted(graph: Graph, setting: Setting) -> int:
    """Peak bytes that the analysis predicts, weights included; on CUDA in whole blocks."""
    block = BLOCK if setting.device.type == "cuda" else 1
    if setting.mode == "train":
        return training_memory(
            graph, batch=setting.batch, dtype=setting.dtype, together=block > 1, round_to=block
        ).peak
    report = analyze(graph, batch=setting.batch, dtype=setting.dtype)
    size = DTYPES[setting.dtype]
    return report.totals.weight_bytes + peak_bytes(graph, at_batch(graph, setting.batch), size, block)


def allocated(device: torch.device) -> int:
    """Bytes that the process has on a CUDA device already."""
    if device.type != "cuda":
        return 0
    torch.cuda.synchronize(device)
    torch.cuda.empty_cache()
    return torch.cuda.memory_allocated(device)


def measured_memory(runner: Runner, setting: Setting, need: int, baseline: int) -> Memory | None:
    """Peak bytes of one run, weights included.

    None of a compiled model on the CPU, which no trace sees, and of a CUDA graph, whose memory was
    taken when it was captured and stays.
    """
    if setting.graph or (setting.compile and setting.device.type == "cpu"):
        return None
    if setting.device.type == "cuda":
        device = setting.device
        resting = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        (runner.step if runner.optimizer else runner.infer)()
        torch.cuda.synchronize(device)
        stats = torch.cuda.memory_stats(device)
        own = sum(-(-value.nbytes // BLOCK) * BLOCK for value in [*states(runner.twin), runner.x])
        workspaces = max(resting - baseline - own, 0)
        return Memory(
            "the caching allocator",
            need,
            torch.cuda.max_memory_allocated(device) - baseline - workspaces,
            stats.get("requested_bytes.all.peak"),
            torch.cuda.max_memory_reserved(device),
            workspaces,
        )
    # The count of batches that batch norm keeps is no weight of the analysis.
    weights = [value for value in states(runner.twin) if value.is_floating_point()]
    with LiveStorages(setting.device, [runner.x], states(runner.twin)) as live:
        (runner.step if runner.optimizer else runner.infer)()
    return Memory("live storages of a traced run", need, live.peak + sum(value.nbytes for value in weights))


def warnings(
    samples: Samples, plan: Plan, machine: dict[str, Any], seen: list[dict[str, Any]]
) -> tuple[str, ...]:
    """What makes the result doubtful, each with the flag that answers it."""
    found = []
    summary = statistics(samples.seconds)
    if samples.interrupted:
        found.append(f"interrupted after {summary.count} samples")
    elif summary.width > plan.precision:
        found.append(
            f"the median is known to {summary.width:.1%} only, not {plan.precision:.1%}: raise --time-limit"
        )
    if not samples.settled:
        found.append("the warm-up did not settle: raise --warmup-limit")
    if summary.outliers > 0.1 * summary.count:
        found.append(f"{summary.outliers} of {summary.count} samples are outliers: close other programs")
    if "gpu" not in machine and (machine["load"] or 0) > machine["cores"]:
        found.append(f"the load is {machine['load']} on {machine['cores']} cores: use fewer --threads")
    first, last = (each.get("sm_mhz") for each in seen)
    if first and last and abs(float(last) / float(first) - 1) > 0.05:
        found.append(f"the clock went from {first} to {last} MHz: fix it with nvidia-smi --lock-gpu-clocks")
    return tuple(found)


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """So many CPU threads for a while, kept to as many cores where the system can do that."""
    if count is None:
        yield
        return
    before = torch.get_num_threads()
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if cores:
        os.sched_setaffinity(0, sorted(cores)[:count])
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if cores:
            os.sched_setaffinity(0, cores)


@contextmanager
def out_of_memory(graph: Graph, setting: Setting, need: int) -> Iterator[None]:
    """Turn the device's refusal into an error that says what was needed."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        plain = isinstance(error, RuntimeError) and not isinstance(error, torch.OutOfMemoryError)
        if plain and "allocate memory" not in str(error):
            raise
        if setting.device.type == "cuda":
            torch.cuda.empty_cache()
        raise UnavailableError(
            f"{graph.name} at batch {setting.batch} does not fit on {setting.device}: it needs"
            f" {units.size(need)}, workspaces not counted\n  pass a smaller --batch; `cnncost memory"
            f" {graph.name} --fits SIZE` finds the largest"
        ) from None
