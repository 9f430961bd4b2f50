"""A runtime's arena: time across, address up, a box for every tensor."""

from __future__ import annotations

from cnncost import units
from cnncost.deployment.deploy import Deployment
from cnncost.plots import style, ticks
from cnncost.plots.drawing import Drawing


def draw(name: str, found: Deployment) -> Drawing:
    """A box per tensor, as wide as it is needed and as high as it is large; the liveness bound is dashed.

    Where a box is high and wide enough its tensor's name stands in it.
    """
    from matplotlib.patches import Rectangle

    with style.applied():
        figure = style.figure(9.0, 4.8)
        axes = figure.add_subplot()
        steps, high = len(found.steps), max(found.arena_bytes, 1)
        for index, tensor in enumerate(found.tensors):
            wide = tensor.last - tensor.first + 1
            axes.add_patch(
                Rectangle(
                    (tensor.first - 0.5, tensor.offset),
                    wide,
                    tensor.bytes,
                    facecolor=style.COLOURS[index % len(style.COLOURS)],
                    alpha=0.6,
                    edgecolor="white",
                    linewidth=0.6,
                )
            )
            room = wide / (steps + 1) * 125  # letters of 6 points that a box has room for
            if tensor.bytes > high / 25 and len(tensor.name) < room:
                axes.text(
                    tensor.first - 0.5 + wide / 2,
                    tensor.offset + tensor.bytes / 2,
                    tensor.name,
                    ha="center",
                    va="center",
                    fontsize=6,
                )
        axes.axhline(found.liveness_bytes, color=style.BLACK, linewidth=1, linestyle="--")
        axes.set_xlim(-0.5, steps + 0.5)
        unit = style.unit_of([high], units.BINARY)
        ticks.scaled(axes.yaxis, [0, high], unit, logarithmic=False)
        axes.set_ylim(0, 1.06 * high)
        axes.set_xlabel("step of the execution; 0: the caller hands in the input")
        axes.set_ylabel(unit.heading("address"))
        style.title(axes, f"The arena of {style.name(name)} ({found.runtime}, {found.dtype})")
        style.closing_line(
            figure,
            f"The arena has {found.arena_bytes:,} bytes. Dashed: what is needed at one step at the most,"
            f" {found.liveness_bytes:,}.",
        )
        style.settle(figure)
    return Drawing(
        figure,
        ("tensor", "offset", "bytes", "first", "last"),
        tuple([tuple(tensor) for tensor in found.tensors]),
    )
