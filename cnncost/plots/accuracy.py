"""Accuracy against cost, as Canziani et al. (2017) drew it: bubbles as large as the parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cnncost import units
from cnncost.analysis import analyze
from cnncost.analysis.published import resolution
from cnncost.devices import Device, device
from cnncost.errors import UsageError, known_word
from cnncost.graph import Graph
from cnncost.language import load, zoo
from cnncost.measure.files import Recorded, latencies
from cnncost.plots import labels, style, ticks
from cnncost.plots.drawing import Added, Drawing
from cnncost.predict import predict, setting_of
from cnncost.request import Run
from cnncost.tables.unknown import at_least, estimate

COSTS = {
    "macs": ("MACs", units.COUNTS, "1 MAC = 1 multiply-add of a convolution or matrix product"),
    "params": ("parameters", units.COUNTS, "parameters are all learnable values"),
    "activations": ("activations", units.BINARY, "activations are all new output tensors"),
    "peak": (
        "peak memory",
        units.BINARY,
        "peak memory is what is alive at once, input included, weights not",
    ),
    "latency": ("measured latency", (units.Unit("ms", 1),), "latency is the median measured"),
}
LARGEST = 900.0
"""Area of the largest bubble in square points."""
ACCURACIES = ("top1", "top5")
MOST_NAMES = 40
"""With more points, only the telling ones are named."""
ADDED = "added"
"""The family, in the legend and the data, of models that the caller placed."""


class Point(NamedTuple):
    """One model in the picture."""

    model: str
    family: str
    cost: float
    accuracy: float  #: percent
    params: int
    protocol: str
    source: str
    estimated: tuple[str, ...] = ()  #: operators that make the cost an estimate
    calibrated: bool = False  #: of a predicted latency

    @property
    def name(self) -> str:
        """As it is written beside the point."""
        return at_least(style.name(self.model), 0, self.estimated)

    @property
    def added(self) -> bool:
        """Placed by the caller, by an accuracy of their own."""
        return self.family == ADDED

    @property
    def comparable(self) -> bool:
        """One crop of the image and no training data or recipe of a later time."""
        return _rank(self.protocol) == 0


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
    if run.on is not None and x != "latency":
        raise UsageError(f"--on {run.on} is of a latency, but --x is {x}\n  pass --x latency")
    if run.on is not None and measured:
        raise UsageError(
            f"--on {run.on} and --measured at once: --on predicts, --measured shows what was timed\n"
            "  pass one of them"
        )
    run.check_predicting()
    on = None if run.on is None else device(run.on)
    points, notes = _points(graphs, x, y, run, measured, add, on)
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
    front = pareto([p for p in points if p.comparable] or [p for p in points if not p.added] or points)
    axes.plot(
        [p.cost for p in front], [p.accuracy for p in front], color=style.GREY, linestyle="--", zorder=2
    )
    ticks.scaled(axes.xaxis, [point.cost for point in points], unit)
    axes.margins(0.1)
    axes.set_xlabel(style.with_unit(title, unit) + _whose(x, run, measured, on))
    published = "" if style.narrow() else " on ImageNet, as published"
    axes.set_ylabel(f"top-{y[-1]} accuracy{published} (%)")
    style.title(axes, f"Accuracy against {title}")
    _legend(axes, looks, points, area)
    counting = style.settings_line(run.batch, run.dtype, run.mode)
    setting = "" if x == "params" or (x == "latency" and on is None) else f"; {counting}"
    style.closing_line(
        figure,
        f"{meaning[0].upper()}{meaning[1:]}{setting}. Accuracies are those that the specs cite."
        + (
            ""
            if len(points) <= MOST_NAMES
            else " Named: the front, and of each family the cheapest and the best."
        ),
    )
    on_front = {point.model for point in front}
    named = points if len(points) <= MOST_NAMES else _telling(points, on_front)
    wanted = sorted(named, key=lambda p: (not p.added, p.model not in on_front, -p.accuracy))
    left_out = labels.place(
        axes,
        [labels.Label(p.name, p.cost, p.accuracy, math.sqrt(area(p.params) / math.pi)) for p in wanted]
        + [
            labels.Label("", p.cost, p.accuracy, math.sqrt(area(p.params) / math.pi))
            for p in points
            if p not in wanted
        ],
        lines=[[(p.cost, p.accuracy) for p in front]],
    )
    if len(named) < len(points):
        notes.append("named are the front and of each family the cheapest and the best; --data has all")
    if left_out:
        notes.append(f"no room for the names of {', '.join(left_out)}; --data has them all")
    columns = ("model", "family", x, y, "params", "on_front", "protocol", "source")
    rows = tuple(
        (p.model, p.family, p.cost, p.accuracy, p.params, int(p.model in on_front), p.protocol, p.source)
        for p in points
    )
    return Drawing(figure, columns, rows, tuple(notes))


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


def _telling(points: Sequence[Point], on_front: set[str]) -> list[Point]:
    """Those that are named where there is no room for all: the front, each family's cheapest and best."""
    kept = set(on_front) | {point.model for point in points if point.added}
    for family in {point.family for point in points}:
        mine = [point for point in points if point.family == family]
        kept.add(min(mine, key=lambda point: point.cost).model)
        kept.add(max(mine, key=lambda point: point.accuracy).model)
    return [point for point in points if point.model in kept]


def pareto(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats in accuracy at the same cost or less, cheapest first."""
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point.cost, -point.accuracy)):
        if not front or point.accuracy > front[-1].accuracy:
            front.append(point)
    return front


def published_accuracy(graph: Graph, y: str) -> tuple[float, dict[str, Any]] | None:
    """A spec's accuracy on ImageNet at its input, in percent, and its fact; one crop comes first."""
    found = []
    for fact in graph.facts.get("published", ()):
        if "imagenet" not in str(fact.get("dataset", "ImageNet")).lower():
            continue
        if resolution(fact) not in (None, graph.input_shape[-1]):
            continue  # its cost would be that of another input
        if isinstance(fact.get(y), (int, float)):
            found.append((float(fact[y]), fact))
        elif isinstance(fact.get(f"{y}_error"), (int, float)):
            found.append((round(100 - float(fact[f"{y}_error"]), 4), fact))
    return min(found, key=lambda item: _rank(str(item[1].get("protocol", ""))), default=None)


def _rank(protocol: str) -> int:
    if not protocol.startswith("single"):
        return 2
    return 1 if "," in protocol else 0


def _points(
    graphs: Sequence[Graph],
    x: str,
    y: str,
    run: Run,
    measured: Sequence[Recorded],
    add: Sequence[Added],
    on: Device | None,
) -> tuple[list[Point], list[str]]:
    if not graphs:
        graphs = [graph for graph in map(load, zoo.names()) if published_accuracy(graph, y)]
    stated = {id(added.graph): added.accuracy for added in add}
    graphs = [*graphs, *(added.graph for added in add)]
    times = latencies(measured) if x == "latency" else {}
    points, without, unmeasured = [], [], []
    for graph in graphs:
        accuracy = published_accuracy(graph, y)
        if id(graph) in stated:
            accuracy = stated[id(graph)], {"protocol": "as the caller states", "source": ADDED}
        if accuracy is None:
            without.append(graph.name)
            continue
        if x == "latency" and on is None and graph.name not in times:
            unmeasured.append(graph.name)
            continue
        report = analyze(graph, **run.counting)
        totals = report.totals
        cost = {
            "macs": totals.macs,
            "params": totals.params,
            "activations": totals.activation_bytes,
            "peak": totals.peak_bytes,
            "latency": 1e3 * times[graph.name].seconds if x == "latency" and on is None else 0.0,
        }[x]
        calibrated = False
        if on is not None:
            whole = predict(graph, on, **run.predicting)
            cost, calibrated = whole.latency_ms, whole.calibrated
        percent, fact = accuracy
        family = ADDED if id(graph) in stated else str(graph.facts.get("family", graph.name))
        protocol, source = str(fact.get("protocol", "")), str(fact.get("source", ""))
        doubted = report.estimated if x == "peak" else ()
        points.append(
            Point(graph.name, family, cost, percent, totals.params, protocol, source, doubted, calibrated)
        )
    notes = [note for point in points for note in estimate(point.model, point.estimated)]
    if without:
        notes.append(f"no top-{y[-1]} accuracy on ImageNet is published for {', '.join(without)}")
    if unmeasured:
        notes.append(
            f"no measured file names {', '.join(unmeasured)}\n"
            "  pass it with --measured run.json, or predict for a device: --on rtx-4090"
        )
    return points, notes


def _areas(points: Sequence[Point]) -> Callable[[int], float]:
    """Parameters -> area of a bubble in square points: 5 for a million, less if the largest gets too large.

    A narrow sheet has smaller bubbles.
    """
    shrunk = 0.25 if style.narrow() else 1.0
    per_million = shrunk * min(5.0, LARGEST / (max(point.params for point in points) / 1e6))
    return lambda params: max(params / 1e6 * per_million, 3.0)


def _legend(
    axes: Any, looks: dict[str, style.Look], points: Sequence[Point], area: Callable[[int], float]
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
