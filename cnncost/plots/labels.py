"""Names beside points such that no two names overlap: greedy, the most important first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Rectangle(NamedTuple):
    """A rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: Rectangle) -> bool:
        """Whether the two have an area in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def within(self, other: Rectangle) -> bool:
        """Whether the other holds all of it."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.bottom <= self.bottom
            and self.top <= other.top
        )


class Label(NamedTuple):
    """A name for a point of the data; `radius` is its marker's, in points. "" only keeps names off."""

    text: str
    x: float
    y: float
    radius: float = 3.0
    colour: str = "#000000"


class Section(NamedTuple):
    """A part of the axis across that has a name."""

    text: str
    start: float
    end: float


Polyline = Sequence[tuple[float, float]]
"""Corners of a line that names must stay off, in data."""
DIRECTIONS = tuple(math.radians(angle) for angle in (0, 180, 90, 270, 45, 135, 315, 225))
DISTANCES = (2.0, 6.0, 11.0, 17.0, 24.0, 32.0, 42.0)
"""Tried gaps between marker and name, in points."""


def place(
    axes: Axes, labels: Sequence[Label], *, lines: Sequence[Polyline] = (), size: float = 7.0
) -> list[str]:
    """Write the labels; returns the texts for which there was no room.

    Labels are placed in the order given, each at the nearest free place around its point, inside
    the axes, off other texts, markers and `lines`, with a thin line if it stands apart. Limits and
    layout of the figure must be final: the layout engine is switched off afterwards.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    size = style.points(size)
    style.settle(figure)
    pixels = figure.dpi / 72
    inside = Rectangle(*axes.get_window_extent().extents)
    points = [axes.transData.transform((label.x, label.y)) for label in labels]
    markers = [
        Rectangle(x - r, y - r, x + r, y + r)
        for (x, y), r in zip(points, (label.radius * pixels * 0.8 for label in labels), strict=True)
    ]
    fixed = [Rectangle(*text.get_window_extent().extents) for text in axes.texts]
    legend = axes.get_legend()
    if legend is not None:
        fixed.append(Rectangle(*legend.get_window_extent().extents))
    on_lines = [box for line in lines for box in _along(axes.transData.transform(line), 2 * pixels)]
    taken: list[Rectangle] = []
    left_out = []
    for label, (x, y) in zip(labels, points, strict=True):
        if not label.text:
            continue
        width, height = _size(axes, label.text, size)
        half = width / 2 + pixels, height / 2
        found = _free(x, y, half, label.radius, pixels, inside, [*taken, *fixed, *markers, *on_lines])
        if found is None:
            left_out.append(label.text)
            continue
        box, gap = found
        taken.append(box)
        across, up = (box.left + box.right) / 2 - x, (box.bottom + box.top) / 2 - y
        line = {"arrowstyle": "-", "linewidth": 0.4, "color": "#888888", "shrinkA": 0, "shrinkB": 0}
        axes.annotate(
            label.text,
            (label.x, label.y),
            xytext=(across / pixels, up / pixels),
            textcoords="offset points",
            fontsize=size,
            color=label.colour,
            ha="center",
            va="center",
            zorder=5,
            arrowprops=line if gap > DISTANCES[1] else None,
            gid="label",
        ).set_in_layout(False)
    return left_out


def along(axes: Axes, runs: Sequence[Section], *, size: float = 7.0) -> None:
    """Write the names of parts of the axis across below it, where each begins, with a tick.

    The longest part is first, and no name stands over another. The layout of the figure must be final.
    """
    size = style.points(size)
    window = axes.get_window_extent()
    pixels = axes.figure.dpi / 72
    taken: list[tuple[float, float]] = []
    starts = []
    for run in sorted(runs, key=lambda run: run.start - run.end):
        left = axes.transData.transform((run.start, 0))[0]
        right = left + _size(axes, run.text, size)[0] + 4 * pixels
        if (
            not run.text
            or right > window.x1 + 4 * pixels
            or any(left < end and start < right for start, end in taken)
        ):
            continue
        taken.append((left, right))
        starts.append(run.start)
        axes.annotate(
            run.text,
            (run.start, 0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -5),
            textcoords="offset points",
            fontsize=size,
            ha="left",
            va="top",
            gid="label",
        ).set_in_layout(False)
    axes.set_xticks(starts, [""] * len(starts))


def _along(corners: Iterable[Any], step: float) -> list[Rectangle]:
    """Small boxes along a polyline in pixels."""
    boxes = []
    for (x0, y0), (x1, y1) in pairwise(corners):
        count = max(1, math.ceil(math.hypot(x1 - x0, y1 - y0) / step))
        for index in range(count + 1):
            x, y = x0 + (x1 - x0) * index / count, y0 + (y1 - y0) * index / count
            boxes.append(Rectangle(x - 1, y - 1, x + 1, y + 1))
    return boxes


def _size(axes: Axes, text: str, size: float) -> tuple[float, float]:
    """Width and height of a text in pixels."""
    written = axes.text(0, 0, text, fontsize=size)
    extent = written.get_window_extent()
    written.remove()
    return extent.width, extent.height


def _free(
    x: float,
    y: float,
    half: tuple[float, float],
    radius: float,
    pixels: float,
    inside: Rectangle,
    obstacles: Sequence[Rectangle],
) -> tuple[Rectangle, float] | None:
    """The nearest free box for a label around a point, and its gap in points."""
    for gap in DISTANCES:
        reach = (radius + gap) * pixels
        for angle in DIRECTIONS:
            across, up = math.cos(angle), math.sin(angle)
            middle_x, middle_y = x + across * (reach + half[0]), y + up * (reach + half[1])
            box = Rectangle(middle_x - half[0], middle_y - half[1], middle_x + half[0], middle_y + half[1])
            if box.within(inside) and not any(box.overlaps(other) for other in obstacles):
                return box, gap
    return None
