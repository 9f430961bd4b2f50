"""Peak bytes of a run on a device: what the analysis predicts, and what was measured.

On CUDA the caching allocator counts; what libraries and kernels take beside the tensors is stated
apart. The CPU's allocator keeps no count, so there it is the live storages of a traced run.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import NamedTuple

import torch

from cnncost.execution.memory import in_blocks, liveness_bytes, weight_bytes
from cnncost.execution.plan import plan
from cnncost.execution.training import training_memory
from cnncost.graph import Graph
from cnncost.measure.runner import Runner
from cnncost.measure.setting import Setting
from cnncost.measure.trace import LiveStorages, states

BLOCK = 512
"""Bytes that CUDA's caching allocator rounds a tensor up to."""


@dataclass(frozen=True)
class Memory:
    """Peak bytes of a run, weights included, measured and predicted."""

    method: str  #: who counted
    predicted: int  #: tensors, in blocks as the device's allocator hands them out
    peak: int  #: measured
    requested: int | None = None  #: CUDA: of the peak what was asked for; the rest is rounding and slack
    kernels: int | None = None  #: CUDA: how much of it kernels (cuDNN) took beside the tensors
    workspaces: int | None = None  #: CUDA: what libraries (cuBLAS) took and keep; not part of the peak
    reserved: int | None = None  #: CUDA: all that the process has taken from the device
    estimated: tuple[str, ...] = ()  #: operators that make the prediction an estimate

    @property
    def error(self) -> float:
        """(predicted - measured) / measured, as a share."""
        return (self.predicted - self.peak) / self.peak


class Need(NamedTuple):
    """What the analysis predicts that a run takes."""

    bytes: int  #: at the peak, weights included; on CUDA in whole blocks
    estimated: tuple[str, ...] = ()  #: operators that make it an estimate


def predicted(graph: Graph, setting: Setting) -> Need:
    """Peak bytes of a run that the analysis predicts."""
    block = BLOCK if setting.device.type == "cuda" else 1
    if setting.mode == "train":
        step = training_memory(
            graph, batch=setting.batch, dtype=setting.dtype, together=block > 1, round_to=block,
            device="cpu" if setting.device.type == "cpu" else "cuda",
        )  # fmt: skip
        return Need(step.peak, step.estimated)
    running = plan(graph, batch=setting.batch, dtype=setting.dtype)
    return Need(weight_bytes(running, block) + liveness_bytes(running, block), running.estimated)


def occupied(device: torch.device) -> int:
    """Bytes that the process has on a CUDA device already; 0 elsewhere."""
    if device.type != "cuda":
        return 0
    gc.collect()
    torch.cuda.synchronize(device)
    torch.cuda.empty_cache()
    return torch.cuda.memory_allocated(device)


def measured(runner: Runner, setting: Setting, need: Need, before: int) -> Memory | None:
    """Peak bytes of one run, `before` of which were occupied before there was a runner.

    None of a compiled model on the CPU, which no trace sees, and of a CUDA graph, whose memory was
    taken when it was captured and stays.
    """
    if setting.graph or (setting.compile and setting.device.type == "cpu"):
        return None
    if setting.device.type == "cuda":
        return by_the_allocator(runner, setting, need, before)
    peak = traced(runner).peak + sum(sizes(runner))
    return Memory("live storages of a traced run", need.bytes, peak, estimated=need.estimated)


def by_the_allocator(runner: Runner, setting: Setting, need: Need, before: int) -> Memory:
    """What CUDA's caching allocator says of one run, and what a second, traced run does not see of it.

    No trace sees what a compiled network makes, so of that the kernels' share stays unknown.
    """
    device = setting.device
    kept = sum(in_blocks(value.nbytes, BLOCK) for value in [*states(runner.twin), *runner.given])
    resting = torch.cuda.memory_stats(device)
    torch.cuda.reset_peak_memory_stats(device)
    runner.run()
    torch.cuda.synchronize(device)
    running = torch.cuda.memory_stats(device)
    reserved = torch.cuda.max_memory_reserved(device)
    added, asked = (
        running[f"{what}.all.peak"] - resting[f"{what}.all.current"]
        for what in ("allocated_bytes", "requested_bytes")
    )
    own = [*sizes(runner), runner.given_bytes]
    return Memory(
        "the caching allocator",
        need.bytes,
        sum(in_blocks(size, BLOCK) for size in own) + added,
        requested=sum(own) + asked,
        kernels=None if setting.compile else max(asked - (traced(runner).peak - runner.given_bytes), 0),
        workspaces=max(resting["allocated_bytes.all.current"] - before - kept, 0),
        reserved=reserved,
        estimated=need.estimated,
    )


def sizes(runner: Runner) -> list[int]:
    """Bytes of weights and buffers; the count of batches that batch norm keeps is none of the analysis."""
    return [value.nbytes for value in states(runner.twin) if value.is_floating_point()]


def traced(runner: Runner) -> LiveStorages:
    """The live storages of one run, the input among them, weights not."""
    live = LiveStorages(runner.given[0].device, runner.given, states(runner.twin))
    with live:
        runner.run()
    return live
