"""Live bytes over the execution order: a forward pass in inference, and a training step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncost import units
from cnncost.execution.memory import timeline
from cnncost.execution.plan import plan
from cnncost.execution.training import Instant, refused, training_timeline
from cnncost.graph import Graph
from cnncost.plots import labels, style, ticks
from cnncost.plots.drawing import Drawing
from cnncost.request import Run
from cnncost.tables.unknown import at_least, estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"inference": style.BLUE, "forward": style.GREEN, "backward": style.ORANGE}


def draw(graphs: Sequence[Graph], run: Run) -> Drawing:
    """Two panels per model, inference and training, a step per operator; the peak is named."""
    across = 1 if style.narrow() else 2
    down = 2 * len(graphs) // across
    figure = style.figure(9.5, 2.6 * down + 0.6, rows=True)
    panels = figure.subplots(down, across, squeeze=False).reshape(len(graphs), 2)
    rows: list[tuple[str, str, str, int]] = []
    notes: list[str] = []
    marks: list[tuple[Axes, list[labels.Label], list[labels.Polyline], list[labels.Section]]] = []
    for (left, right), graph in zip(panels, graphs, strict=True):
        line = timeline(plan(graph.without_heads(), batch=run.batch, dtype=run.dtype))
        inference = [Instant("inference", moment.node, moment.alive) for moment in line.moments]
        trains = not refused(graph, run.batch)
        step = plan(graph, batch=run.batch, dtype=run.dtype, training=True)
        training = training_timeline(step) if trains else []
        estimated = tuple(dict.fromkeys((*line.estimated, *(step.estimated if trains else ()))))
        notes += estimate(graph.name, estimated)
        for axes, title, instants in ((left, "inference", inference), (right, "training step", training)):
            title = f"{style.name(graph.name)}, {title}"
            if instants:
                marks.append(_panel(axes, title, instants, estimated))
            else:
                notes.append(f"{graph.name}: PyTorch refuses to train it at batch {run.batch}.")
                _refused(axes, title, run.batch)
            rows += [(graph.name, *instant) for instant in instants]
    style.closing_line(
        figure,
        "Alive while an operator runs: the input, all tensors still needed, and PyTorch's temporaries; "
        "training: also what is saved for the backward pass and all gradients. Weights and optimizer state "
        "not included. Batch "
        f"{run.batch}, {run.dtype}.",
    )
    style.settle(figure)
    for axes, names, lines, blocks in marks:
        labels.place(axes, names, lines=lines)
        labels.along(axes, blocks)
    return Drawing(figure, ("model", "phase", "node", "alive_bytes"), tuple(rows), notes=tuple(notes))


def _refused(axes: Axes, title: str, batch: int) -> None:
    """The panel of a step that there is not."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, f"PyTorch refuses batch {batch}", ha="center", va="center", transform=axes.transAxes)
    style.title(axes, title)


def _panel(
    axes: Axes, title: str, instants: Sequence[Instant], estimated: Sequence[str]
) -> tuple[Axes, list[labels.Label], list[labels.Polyline], list[labels.Section]]:
    """Draw a panel; returns what is to be named in it, what names must stay off, and the blocks along it."""
    alive = [instant.alive for instant in instants]
    most = max(alive)
    start = 0
    corners: list[tuple[float, float]] = []
    phases = list(dict.fromkeys(instant.phase for instant in instants))
    for phase in phases:
        values = [instant.alive for instant in instants if instant.phase == phase]
        edges = list(range(start, start + len(values) + 1))
        axes.stairs(values, edges, fill=True, color=COLOURS[phase], alpha=0.85, label=phase)
        corners += [
            point
            for x, y in enumerate(values, start)
            for point in ((float(x), float(y)), (x + 1.0, float(y)))
        ]
        start += len(values)
    axes.set_xlim(0, start)
    axes.set_ylim(0, 1.3 * most)
    unit = units.fitting(most, units.BINARY)
    ticks.scaled(axes.yaxis, [0, most], unit, logarithmic=False)
    axes.set_ylabel(unit.heading("alive"))
    axes.set_xticks([0], [""])  # where the names of blocks come, which are lower by a line
    axes.set_xlabel("operators in order of execution, by block", labelpad=1.4 * style.points(7))
    style.title(axes, title)
    if len(phases) > 1:
        axes.legend(loc="upper right", ncols=2)
    where = alive.index(most)
    node = instants[where].node or "the outputs"
    size = at_least(units.size(most), 0, estimated)
    peak = labels.Label(f"peak {size} at {node}", where + 0.5, most, radius=1.0)
    return axes, [peak], [corners], _blocks(instants)


def _blocks(instants: Sequence[Instant]) -> list[labels.Section]:
    """The outermost blocks that are passed, one after the other; an operator in none is one itself."""
    found: list[labels.Section] = []
    for at, instant in enumerate(instants):
        name = instant.node.partition(".")[0]
        if found and found[-1].text == name:
            found[-1] = found[-1]._replace(end=at + 1)
        else:
            found.append(labels.Section(name, at, at + 1))
    return found
