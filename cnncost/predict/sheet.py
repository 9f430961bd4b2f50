"""Without a profile: the least time that a data sheet allows, as the roofline model has it.

Every layer takes at least its arithmetic at the peak and its memory traffic at the bandwidth, whichever is
longer (Williams, Waterman and Patterson 2009); nothing stays in a cache between layers. Real times are
longer, often several times.
"""

from __future__ import annotations

from typing import Any

from cnncost.analysis.grouping import groups
from cnncost.execution.kinds import kind_of
from cnncost.execution.plan import plan
from cnncost.graph import Graph
from cnncost.predict.predict import Prediction, Timed

CONVOLUTIONS = ("stem", "1x1", "kxk", "depthwise", "grouped", "transposed")
"""Classes that PyTorch runs in TF32 by default, where the device has it; matrix products it does not."""


def bound(graph: Graph, device: Any, *, batch: int, dtype: str, mode: str, tf32: bool) -> Prediction:
    """The least time of a graph on a device, a row per layer. UsageError where no such peak is stated."""
    running = plan(graph, batch=batch, dtype=dtype, training=mode == "train")
    shapes = running.source_shapes
    plain = device.peak(dtype)
    fast = device.peaks.get("tf32", plain) if tf32 and dtype == "float32" else plain
    rows = []
    for group in groups(graph, "layer"):
        arithmetic = 0.0
        weights, kind = 0, "view"
        for node in group.nodes:
            inputs = tuple([shapes[index] for index in node.inputs])
            of_node = kind_of(running.call(running.places[node.index]), stem=0 in node.reads)
            kind = of_node if kind == "view" else kind
            arithmetic += node.op.flops(shapes[node.index], *inputs) / (
                fast if of_node in CONVOLUTIONS else plain
            )
            weights += node.op.params(*inputs) + node.op.buffers(*inputs)
        launched = kind != "view"
        traffic = running.traffic(group.nodes, weights) / device.bandwidth if launched else 0.0
        least = max(arithmetic, traffic)
        nodes = tuple([node.index for node in group.nodes])
        which = "arithmetic" if arithmetic >= traffic else "traffic"
        rows.append(Timed(group.name, kind, nodes, 1e3 * least, 1e3 * least, None, 0.0, which, False))
    total = sum([row.latency_ms for row in rows])
    rows = [row._replace(share=row.latency_ms / total if total else 0.0) for row in rows]
    spent = {
        name: sum([row.latency_ms for row in rows if row.bound == name]) for name in ("arithmetic", "traffic")
    }
    return Prediction(
        device=device.key,
        setting=", ".join((dtype, mode)),
        mode=mode,
        batch=batch,
        latency_ms=total,
        low_ms=total,
        high_ms=None,
        calibrated=False,
        bound=max(spent, key=lambda name: spent[name]),
        rows=tuple(rows),
        warnings=(f"{device.key} is a data sheet: this is a lower bound, nothing was calibrated",),
    )
