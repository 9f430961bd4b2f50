"""How a cost grows with the resolution or the batch."""

from __future__ import annotations

from collections.abc import Sequence

from cnncost import units
from cnncost.analysis.sweep import sweep
from cnncost.dtypes import element_bytes
from cnncost.errors import UsageError, known_word
from cnncost.graph import Graph
from cnncost.ops.sizes import AXES, axes_of
from cnncost.plots import style, ticks
from cnncost.plots.drawing import Drawing
from cnncost.request import Run

SIZES = ("resolution", "batch")
COSTS = {
    "macs": ("MACs", units.COUNTS),
    "flops": ("FLOPs", units.COUNTS),
    "activations": ("activations", units.BINARY),
}
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def draw(
    graphs: Sequence[Graph],
    run: Run,
    *,
    x: str | None = None,
    y: str | None = None,
    values: Sequence[int] | None = None,
) -> Drawing:
    """A curve per model: macs, flops or activations (`y`) over resolution or batch (`x`)."""
    x = known_word("unknown --x", x or "resolution", SIZES)
    y = known_word("unknown --y", y or "macs", COSTS)
    title, kinds = COSTS[y]
    points = {graph.name: _curve(graph, run, x, y, values) for graph in graphs}
    every = [cost for _, costs in points.values() for cost in costs]
    unit = style.unit_of(every, kinds)
    figure = style.figure(7.0, 4.5, below=(len(points) + 1) // 2)
    axes = figure.add_subplot()
    for (name, (across, costs)), look in zip(points.items(), style.curves(points).values(), strict=True):
        few = len(across) <= 40
        axes.plot(
            across,
            costs,
            color=look.colour,
            marker=look.marker if few else None,
            markersize=4,
            linewidth=1.4,
            label=style.name(name),
        )
    ticks.scaled(axes.yaxis, every, unit)
    ticks.at(axes.xaxis, sorted({value for across, _ in points.values() for value in across}))
    batch = " of a batch" if x == "batch" else f", batch {run.batch}"
    swept = dict.fromkeys(AXES[resolution_of(graph)] for graph in graphs) if x == "resolution" else ()
    words = ", ".join("height = width (pixels)" if name == "height" else name for name in swept)
    axes.set_xlabel(f"input {words}" if swept else "batch (images)")
    axes.set_ylabel(unit.heading(title) + batch)
    style.title(axes, f"{title[0].upper()}{title[1:]} against {x}")
    style.legend_right(axes)
    note = {
        "macs": "1 MAC = 1 multiply-add of a convolution or matrix product.",
        "flops": "FLOPs = 2 MACs and all other arithmetic.",
        "activations": f"Activations are the outputs of all layers that make a new tensor; {run.dtype}.",
    }[y]
    style.closing_line(
        figure, f"{note} Layers keep their arguments; a linear layer grows with the map before it."
    )
    rows = tuple(
        (name, value, cost)
        for name, (across, costs) in points.items()
        for value, cost in zip(across, costs, strict=True)
    )
    return Drawing(figure, ("model", x, y), rows)


def _curve(
    graph: Graph, run: Run, x: str, y: str, values: Sequence[int] | None
) -> tuple[list[int], list[int]]:
    """The sizes of a sweep and what the graph costs at each; activations in bytes."""
    import numpy as np

    if x == "batch":
        across = list(values or BATCHES)
        totals = sweep(graph, batch=np.array(across))
    else:
        letter = resolution_of(graph)
        own = dict(zip(axes_of(graph.nodes[0].shape), graph.nodes[0].shape, strict=False))
        across = list(values or resolutions(own[letter]))
        totals = sweep(graph, batch=run.batch, **{AXES[letter]: np.array(across)})
    counted = {
        "macs": totals.macs,
        "flops": totals.flops,
        "activations": totals.activation_elements * element_bytes(run.dtype),
    }[y]
    return across, [int(cost) for cost in counted]


def resolution_of(graph: Graph) -> str:
    """The letter of the axis whose size is a network's resolution: the height, which the width follows, else
    the width of a sound or the length of a sequence. Raises UsageError for a vector."""
    axes = axes_of(graph.nodes[0].shape)
    for letter in "HWL":
        if letter in axes:
            return letter
    raise UsageError(f"{graph.name} takes a vector, which has no resolution to sweep")


def resolutions(height: int) -> list[int]:
    """From half to twice an input's height in multiples of 32; small inputs once to twice in steps of 4."""
    if height < 64:
        return list(range(height, 2 * height + 1, 4))
    return list(range(-(-height // 64) * 32, 2 * height + 1, 32))
