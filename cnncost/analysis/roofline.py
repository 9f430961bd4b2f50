"""The roofline of a model: arithmetic intensity, and the rate a device can reach at it.

Williams, Waterman and Patterson (2009): a layer with I operations per byte of memory traffic runs
at most at min(peak, I * bandwidth). Traffic is the least there can be: every input of a row is read
once, its weights and buffers once, its output written once; what lies between the operators of a
row (activation, normalisation) stays on the chip.

A convolution of float32 stands under the roof of TF32 where PyTorch runs it so, a matrix product does not: a
row that holds both takes at least the sum of their times. What shares a layer's row shares its roof.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnncost.analysis.cost import analyze
from cnncost.analysis.grouping import Group, groups
from cnncost.devices import Device
from cnncost.graph import Graph
from cnncost.report import Row
from cnncost.request import Run

CUDNN = ("convolution", "recurrent")
"""Kins of operators that cuDNN runs, whose TF32 is on by default."""


class Load(NamedTuple):
    """A row, and how much of its arithmetic is of convolutions."""

    row: Row
    convolution_flops: int


class Bound(NamedTuple):
    """A row under a roof."""

    row: Row
    traffic: int  #: bytes, of the whole batch
    intensity: float  #: FLOPs per byte
    peak: float  #: FLOP/s that the arithmetic of the row reaches at most
    rate: float  #: FLOP/s that the roof allows
    moving_seconds: float  #: the least time that its traffic takes
    computing_seconds: float  #: the least that its arithmetic takes

    @property
    def seconds(self) -> float:
        """The least time it can take."""
        return max(self.moving_seconds, self.computing_seconds)

    @property
    def memory_bound(self) -> bool:
        """Whether the bandwidth limits it, not the arithmetic."""
        return self.moving_seconds > self.computing_seconds


def loads(graph: Graph, run: Run = Run(), by: str = "layer") -> list[Load]:
    """The rows of a graph, each with the FLOPs under a convolution's roof. Raises as `analyze` does."""
    report = analyze(graph, by=by, **run.counting)
    if run.mode == "eval":
        graph = graph.without_heads()
    flops = {row.name: row.flops for row in analyze(graph, by="op", **run.counting).rows}
    return [
        Load(row, sum(flops[name] for name in _with_convolutions(group)))
        for row, group in zip(report.rows, groups(graph, by), strict=True)
    ]


def _with_convolutions(group: Group) -> list[str]:
    """The operators of a row that are convolutions, or belong to the layer of one."""
    found: dict[int, str] = {}
    for node in group.nodes:
        if node.op.kin in CUDNN or (node.op.shares_row and node.inputs[0] in found):
            found[node.index] = node.name
    return list(found.values())


def roofline(rows: Sequence[Load], device: Device, dtype: str, tf32: bool = True) -> list[Bound]:
    """Every row under the roof of a device; without a bandwidth the arithmetic alone bounds it.

    Raises UsageError if its data sheet gives no peak for the dtype.
    """
    plain, convolution = device.peak(dtype), device.convolution_peak(dtype, tf32)
    return [_bound(load, plain, convolution, device.bandwidth) for load in rows]


def _bound(load: Load, plain: float, convolution: float, bandwidth: float | None) -> Bound:
    row, flops = load.row, load.row.flops
    computing = load.convolution_flops / convolution + (flops - load.convolution_flops) / plain
    nothing_made = not row.flops and not row.activation_elements  # a view moves nothing
    moving = row.traffic_bytes / bandwidth if bandwidth and not nothing_made else 0.0
    seconds = max(moving, computing)
    peak = flops / computing if flops else plain
    rate = min(peak, flops / seconds) if seconds else peak
    return Bound(row, row.traffic_bytes, flops / row.traffic_bytes, peak, rate, moving, computing)
