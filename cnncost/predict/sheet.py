"""Without a profile: the least time that a data sheet allows, as the roofline model has it.

Every layer takes at least its arithmetic at the peak and its memory traffic at the bandwidth, whichever is
longer (Williams, Waterman and Patterson 2009, `analysis/roofline.py`); nothing stays in a cache between
layers. Real times are longer, often several times; of small batches, whose kernels take less than launching
them, many times.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnncost.analysis.backward import backward_macs
from cnncost.analysis.grouping import groups
from cnncost.analysis.roofline import Bound, loads, roofline
from cnncost.devices import Device
from cnncost.execution.kinds import kind_of
from cnncost.execution.plan import Plan, plan
from cnncost.graph import Graph, Node, at_batch
from cnncost.predict.predict import Prediction, Timed
from cnncost.predict.widening import time_missing
from cnncost.request import Run

LAUNCHING = 1e-5
"""Seconds that it takes to launch a kernel, about: 4 to 6 us in a CUDA graph, 25 to 38 us one by one on the
H100 of reports/h100-sxm/.
"""


def bound(graph: Graph, device: Device, *, batch: int, dtype: str, mode: str, tf32: bool) -> Prediction:
    """The least time of a graph on a device, a row per layer. UsageError where no such peak is stated."""
    graph = graph.untyped  # all of it runs in one type
    under = roofline(loads(graph, Run(batch, dtype, mode)), device, dtype, tf32)
    running = plan(graph, batch=batch, dtype=dtype)
    parts = [(each.moving_seconds, each.computing_seconds) for each in under]
    if mode == "train":
        parts = [
            (before[0] + after[0], before[1] + after[1])
            for before, after in zip(parts, backwards(graph, batch, under), strict=True)
        ]
    found = [max(moving, computing) for moving, computing in parts]
    total = sum(found)
    rows = [
        _timed(each, seconds, moving > computing, group.nodes, running, total)
        for each, seconds, (moving, computing), group in zip(
            under, found, parts, groups(graph, "layer"), strict=True
        )
    ]
    moving = sum(
        [seconds for seconds, (moving, computing) in zip(found, parts, strict=True) if moving > computing]
    )
    warnings = [f"{device.key} is a data sheet: this is a lower bound, nothing was calibrated"]
    if device.bandwidth is None:
        warnings.append(f"{device.name} states no bandwidth: the bound is of arithmetic alone")
    if tf32 and dtype == "float32" and device.tf32_convolutions:
        warnings.append("convolutions run in TF32, as PyTorch has it unless told otherwise (--no-tf32)")
    kernels = sum([kernel.kind != "view" for kernel in running.kernels])
    if total < LAUNCHING * kernels and device.flash_bytes is None:
        warnings.append(
            "its kernels have less time than launching one takes: real times are many times longer"
            " (25 networks on an H100 at batch 1: 130 times, the median)"
        )
    if mode == "train":
        warnings.append("the bound is of forward and backward pass; the optimizer's update comes on top")
    warnings += time_missing(graph)
    return Prediction(
        device=device.key,
        setting=", ".join((dtype, mode)),
        mode=mode,
        batch=batch,
        latency_ms=1e3 * total,
        low_ms=1e3 * total,
        high_ms=None,
        calibrated=False,
        bound="traffic" if moving > total / 2 else "arithmetic",
        rows=tuple(rows),
        warnings=tuple(warnings),
    )


def backwards(graph: Graph, batch: int, under: Sequence[Bound]) -> list[tuple[float, float]]:
    """(seconds of traffic, of arithmetic) that the backward pass of every row takes at the least.

    The products of the backward pass run at the rate of the forward ones. As many bytes are moved at least:
    the gradients of a row's output come in and those of its input go out, as do its weights and theirs; a
    row that makes no gradient moves nothing.
    """
    macs = dict(zip([node.index for node in graph.nodes[1:]], backward_macs(graph, batch), strict=True))
    shapes = at_batch(graph, batch)
    found = []
    for each, group in zip(under, groups(graph, "layer"), strict=True):
        forward = sum(
            [node.op.macs(shapes[node.index], *[shapes[at] for at in node.inputs]) for node in group.nodes]
        )
        again = sum([macs.get(node.index, 0) for node in group.nodes])
        share = again / forward if forward else 0.0
        found.append((each.moving_seconds * bool(again), each.computing_seconds * share))
    return found


def _timed(
    bound: Bound, seconds: float, moves: bool, nodes: list[Node], running: Plan, total: float
) -> Timed:
    kinds = [kind_of(running.call(running.places[node.index]), stem=0 in node.reads) for node in nodes]
    return Timed(
        name=bound.row.name,
        kind=next((kind for kind in kinds if kind != "view"), "view"),
        nodes=tuple([node.index for node in nodes]),
        latency_ms=1e3 * seconds,
        low_ms=1e3 * seconds,
        high_ms=None,
        share=seconds / total if total else 0.0,
        bound="traffic" if moves else "arithmetic",
        calibrated=False,
    )
