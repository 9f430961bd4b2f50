"""Accuracy against cost, as Canziani et al. (2017) drew it: bubbles as large as the parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cnncost.devices import Device, device
from cnncost.errors import UsageError, known_word
from cnncost.graph import Graph
from cnncost.measure.files import Recorded
from cnncost.plots import labels, style, ticks
from cnncost.plots.drawing import Added, Drawing
from cnncost.plots.points import ACCURACIES, ADDED, COSTS, Point, accuracy_points, pareto, telling
from cnncost.predict import setting_of
from cnncost.request import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST = 900.0
"""Area of the largest bubble in square points."""
MOST_NAMES = 40
"""With more points, only the telling ones are named."""


def draw(
    graphs: Sequence[Graph],
    run: Run,
    *,
    x: str | None = None,
    y: str | None = None,
    measured: Sequence[Recorded] = (),
    add: Sequence[Added] = (),
) -> Drawing:
    """Top-1 or top-5 accuracy (`y`) against macs, params, activations, peak or latency (`x`).

    Without graphs, all of the zoo that has an accuracy.
    """
    x = known_word("unknown --x", x or "macs", COSTS)
    y = known_word("unknown --y", y or "top1", ACCURACIES)
    on = _device(run, x, measured)
    points, notes = accuracy_points(graphs, x, y, run, measured, add, on)
    if not points:
        raise UsageError("\n  ".join(["nothing to draw", *notes]))
    title, kinds, meaning = COSTS[x]
    if on is not None:
        title, meaning = _of_time(points[0])
    unit = style.unit_of([point.cost for point in points], kinds)
    figure = style.figure(*((8.0, 5.6) if len(points) <= 40 else (11.0, 8.0)), below=3)
    axes = figure.add_subplot()
    looks = style.looks(point.family for point in points if not point.added)
    looks[ADDED] = style.Look(style.BLACK, "*")
    area = _areas(points)
    _bubbles(axes, points, looks, area)
    front = pareto([p for p in points if p.comparable] or [p for p in points if not p.added] or points)
    axes.plot(
        [p.cost for p in front], [p.accuracy for p in front], color=style.GREY, linestyle="--", zorder=2
    )
    ticks.scaled(axes.xaxis, [point.cost for point in points], unit)
    axes.margins(0.1)
    axes.set_xlabel(unit.heading(title) + _whose(x, run, measured, on))
    published = "" if style.narrow() else " on ImageNet, as published"
    axes.set_ylabel(f"top-{y[-1]} accuracy{published} (%)")
    style.title(axes, f"Accuracy against {title}")
    _legend(axes, looks, points, area)
    counting = style.settings_line(run.batch, run.dtype, run.mode)
    setting = "" if x == "params" or (x == "latency" and on is None) else f"; {counting}"
    some = " Named: the front, and of each family the cheapest and the best."
    style.closing_line(
        figure,
        f"{meaning[0].upper()}{meaning[1:]}{setting}. Accuracies are those that the specs cite."
        + ("" if len(points) <= MOST_NAMES else some),
    )
    on_front = {point.model for point in front}
    notes += _names(axes, points, front, area)
    columns = ("model", "family", x, y, "params", "on_front", "protocol", "source")
    rows = tuple(
        (p.model, p.family, p.cost, p.accuracy, p.params, int(p.model in on_front), p.protocol, p.source)
        for p in points
    )
    return Drawing(figure, columns, rows, tuple(notes))


def _device(run: Run, x: str, measured: Sequence[Recorded]) -> Device | None:
    """The device that latency is predicted for. Raises UsageError if `x` is none, or measured latency."""
    if run.on is not None and x != "latency":
        raise UsageError(f"--on {run.on} is of a latency, but --x is {x}\n  pass --x latency")
    if run.on is not None and measured:
        raise UsageError(
            f"--on {run.on} and --measured at once: --on predicts, --measured shows what was timed\n"
            "  pass one of them"
        )
    run.check_predicting()
    return None if run.on is None else device(run.on)


def _bubbles(
    axes: Axes, points: Sequence[Point], looks: dict[str, style.Look], area: Callable[[int], float]
) -> None:
    """A bubble per model, small ones above large ones; hollow where accuracies cannot be compared."""
    for point in sorted(points, key=lambda point: -point.params):
        look = looks[point.family]
        axes.scatter(
            point.cost,
            point.accuracy,
            s=max(area(point.params), 60.0) if point.added else area(point.params),
            marker=look.marker,
            zorder=4 if point.added else 3,
            alpha=0.75,
            facecolors=look.colour if point.comparable or point.added else "none",
            edgecolors=look.colour,
            linewidths=1.2,
            label=point.family,
        )


def _names(
    axes: Axes, points: Sequence[Point], front: Sequence[Point], area: Callable[[int], float]
) -> list[str]:
    """Write names beside bubbles, as far as there is room: the caller's first, then the front's. The notes
    say which are left out.
    """
    on_front = {point.model for point in front}
    named = points if len(points) <= MOST_NAMES else telling(points, on_front)
    wanted = sorted(named, key=lambda p: (not p.added, p.model not in on_front, -p.accuracy))
    others = [point for point in points if point not in wanted]
    left_out = labels.place(
        axes,
        [
            labels.Label(name, point.cost, point.accuracy, math.sqrt(area(point.params) / math.pi))
            for name, point in [*((p.name, p) for p in wanted), *(("", p) for p in others)]
        ],
        lines=[[(p.cost, p.accuracy) for p in front]],
    )
    notes = []
    if len(named) < len(points):
        notes.append("named are the front and of each family the cheapest and the best; --data has all")
    if left_out:
        notes.append(f"no room for the names of {', '.join(left_out)}; --data has them all")
    return notes


def _of_time(point: Point) -> tuple[str, str]:
    """What the time of a device that is not at hand is called, and means."""
    if point.calibrated:
        return "predicted latency", "latency is predicted by a calibrated profile, not measured"
    return (
        "least possible latency",
        "latency is the least that the data sheet allows, neither measured nor calibrated",
    )


def _whose(x: str, run: Run, measured: Sequence[Recorded], on: Device | None) -> str:
    """What the quantity across belongs to."""
    if x == "params":
        return ""
    if on is not None:
        return f": {on.name}, {setting_of(on, **run.predicting)}"
    if x == "latency":
        return f": {measured[0].setting.text()}"
    return " per image" if run.batch == 1 else f" of a batch of {run.batch}"


def _areas(points: Sequence[Point]) -> Callable[[int], float]:
    """Parameters -> area of a bubble in square points: 5 for a million, less if the largest gets too large.

    A narrow sheet has smaller bubbles.
    """
    shrunk = 0.25 if style.narrow() else 1.0
    per_million = shrunk * min(5.0, LARGEST / (max(point.params for point in points) / 1e6))
    return lambda params: max(params / 1e6 * per_million, 3.0)


def _legend(
    axes: Axes, looks: dict[str, style.Look], points: Sequence[Point], area: Callable[[int], float]
) -> None:
    """Families (their names suffice on a narrow sheet), the front, hollow marks, and what a size means."""
    from matplotlib.lines import Line2D

    def entry(label: str, look: style.Look, size: float = 40.0, **more: Any) -> Line2D:
        return Line2D(
            [],
            [],
            linestyle="",
            marker=look.marker,
            color=look.colour,
            ms=math.sqrt(size),
            label=label,
            **more,
        )

    grey = style.Look(style.GREY, "o")
    shown = {point.family for point in points}
    families = [
        entry(family, look)
        for family, look in looks.items()
        if family in shown and (family == ADDED or not style.narrow())
    ]
    hollow = [point for point in points if not point.comparable and not point.added]
    front = "Pareto front" + (" of the filled" if hollow else "")
    families.append(Line2D([], [], color=style.GREY, linestyle="--", label=front))
    if hollow:
        families.append(entry("several crops, or\nextra data or training", grey, mfc="none"))
    sizes = [entry(f"{size} M parameters", grey, area(size * 10**6), alpha=0.5) for size in (5, 25, 100)]
    beside: dict[str, Any] = {"borderaxespad": 0, "fontsize": style.points(7)}
    if style.narrow():
        style.legend_right(axes, handles=[*families, *sizes], columnspacing=1.2)
        return
    first = axes.legend(
        handles=families,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        labelspacing=0.6,
        ncols=1 if len(families) <= 20 else 2,
        **beside,
    )
    axes.add_artist(first)
    first.set_clip_on(False)  # or the layout would overlook it
    axes.legend(
        handles=sizes,
        loc="lower left",
        bbox_to_anchor=(1.01, 0.0),
        labelspacing=1.8,
        handletextpad=1.6,
        handlelength=2.5,
        **beside,
    )
