"""Without a profile: the least time that a data sheet allows, as the roofline model has it.

Every layer takes at least its arithmetic at the peak and its memory traffic at the bandwidth, whichever is
longer (Williams, Waterman and Patterson 2009, `analysis/roofline.py`); nothing stays in a cache between
layers. Real times are longer, often several times.
"""

from __future__ import annotations

from cnncost.analysis.grouping import groups
from cnncost.analysis.roofline import Bound, loads, roofline
from cnncost.devices import Device
from cnncost.execution.kinds import kind_of
from cnncost.execution.plan import Plan, plan
from cnncost.graph import Graph, Node
from cnncost.predict.predict import Prediction, Timed
from cnncost.request import Run


def bound(graph: Graph, device: Device, *, batch: int, dtype: str, mode: str, tf32: bool) -> Prediction:
    """The least time of a graph on a device, a row per layer. UsageError where no such peak is stated."""
    graph = graph.untyped  # all of it runs in one type
    under = roofline(loads(graph, Run(batch, dtype, mode)), device, dtype, tf32)
    running = plan(graph, batch=batch, dtype=dtype)
    total = sum([each.seconds for each in under])
    rows = [
        _timed(each, group.nodes, running, total)
        for each, group in zip(under, groups(graph, "layer"), strict=True)
    ]
    moving = sum([each.seconds for each in under if each.memory_bound])
    warnings = [f"{device.key} is a data sheet: this is a lower bound, nothing was calibrated"]
    if device.bandwidth is None:
        warnings.append(f"{device.name} states no bandwidth: the bound is of arithmetic alone")
    if mode == "train":
        warnings.append("the bound is of the forward pass alone; a training step takes longer")
    if graph.unknown:
        warnings.append(f"{graph.unknown} operators are unknown: their time is missing")
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


def _timed(bound: Bound, nodes: list[Node], running: Plan, total: float) -> Timed:
    kinds = [kind_of(running.call(running.places[node.index]), stem=0 in node.reads) for node in nodes]
    return Timed(
        name=bound.row.name,
        kind=next((kind for kind in kinds if kind != "view"), "view"),
        nodes=tuple([node.index for node in nodes]),
        latency_ms=1e3 * bound.seconds,
        low_ms=1e3 * bound.seconds,
        high_ms=None,
        share=bound.seconds / total if total else 0.0,
        bound="traffic" if bound.memory_bound else "arithmetic",
        calibrated=False,
    )
