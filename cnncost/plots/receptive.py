"""Receptive field against depth: how far the deepest path of weighted layers sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnncost import units
from cnncost.analysis.receptive import rank_of, receptive_fields
from cnncost.errors import UsageError
from cnncost.graph import Graph
from cnncost.plots import style, ticks
from cnncost.plots.drawing import Drawing
from cnncost.request import Run

WEIGHTED = frozenset({"conv", "conv_transpose"})
"""Operators that make a network deeper, as papers count; linear layers see everything anyway."""


class Depth(NamedTuple):
    """The largest receptive field (height, in input pixels) among the outputs at a depth."""

    depth: int
    size: float
    node: str


def draw(graphs: Sequence[Graph], run: Run) -> Drawing:
    """A curve per model over the number of convolutions on the longest path so far."""
    curves = {graph.name: depths(graph.without_heads()) for graph in graphs}
    for name, curve in curves.items():
        if len(curve) < 2:
            raise UsageError(f"{name} has no convolution, so no receptive field that grows")
    figure = style.figure(7.5, 4.8, below=len(curves) + 2)
    axes = figure.add_subplot()
    for graph, (name, look) in zip(graphs, style.curves(curves).items(), strict=True):
        curve = curves[name]
        axes.plot(
            [point.depth for point in curve],
            [point.size for point in curve],
            color=look.colour,
            marker=look.marker,
            markersize=4,
            markevery=max(1, len(curve) // 25),
            linewidth=1.2,
            label=f"{style.name(name)} ({units.shape(graph.input_shape[1:])})",
        )
    ticks.scaled(axes.yaxis, [point.size for curve in curves.values() for point in curve], units.ONE)
    for index, height in enumerate(sorted({graph.input_shape[1] for graph in graphs})):
        label = None if index else "input height"
        axes.axhline(height, color=style.GREY, linestyle=":", linewidth=1, zorder=1, label=label)
    axes.set_xlim(left=-0.5)
    axes.set_xlabel("convolutions on the longest path")
    axes.set_ylabel("receptive field (input pixels)")
    style.title(axes, "Receptive field against depth")
    style.legend_right(axes, title="model (input)", title_fontsize=style.points(8), ncols=1)
    style.closing_line(
        figure,
        "Receptive field along a path: r' = r + (K - 1) j, j' = j S; where branches meet, the largest. "
        "Drawn until the map ends: global pooling and linear layers see all of it.",
    )
    rows = tuple((name, *point) for name, curve in curves.items() for point in curve)
    return Drawing(figure, ("model", "depth", "receptive_field", "node"), rows)


def depths(graph: Graph) -> list[Depth]:
    """For every depth the node with maps that sees farthest, as long as windows widen the field."""
    fields = receptive_fields(graph)
    depth = [0]
    found = {0: Depth(0, 1, "input")}
    whole = [False]
    for node in graph.nodes[1:]:
        if node.op.kin == "input":  # fields are in the first input
            depth.append(0)
            whole.append(True)
            continue
        here = max(depth[index] for index in node.reads) + (node.op.name in WEIGHTED)
        depth.append(here)
        shapes = graph.input_shapes(node)
        ends = rank_of(node.shape) != rank_of(graph.nodes[0].shape) or node.op.receptive(*shapes) is None
        whole.append(ends or any(whole[index] for index in node.reads))
        size = float(fields[node.index].size[0])
        if not whole[-1] and (here not in found or size > found[here].size):
            found[here] = Depth(here, size, node.name)
    return [found[key] for key in sorted(found)]
