"""Models as points: a cost across, a published accuracy up; what `accuracy` draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cnncost import units
from cnncost.analysis import analyze
from cnncost.analysis.published import headline, protocol_rank
from cnncost.devices import Device
from cnncost.graph import Graph
from cnncost.language import load, zoo
from cnncost.measure.files import Recorded, latencies
from cnncost.plots import style
from cnncost.plots.drawing import Added
from cnncost.predict import predict
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
TOTALS = {"activations": "activation_bytes", "peak": "peak_bytes"}
"""Costs that a report has under another name."""
ACCURACIES = ("top1", "top5")
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
        return protocol_rank(self.protocol) == 0


def accuracy_points(
    graphs: Sequence[Graph],
    x: str,
    y: str,
    run: Run,
    measured: Sequence[Recorded],
    add: Sequence[Added],
    on: Device | None,
) -> tuple[list[Point], list[str]]:
    """The models that have both, and notes on those that do not; without graphs all of the zoo.

    Costs are of the run's batch, a latency in ms: predicted for the device `on`, else as it was measured.
    """
    if not graphs:
        graphs = [graph for graph in map(load, zoo.names()) if _accuracy(graph, y)]
    stated = {id(added.graph): added.accuracy for added in add}
    graphs = [*graphs, *(added.graph for added in add)]
    times = latencies(measured) if x == "latency" else {}
    points, without, unmeasured = [], [], []
    for graph in graphs:
        accuracy = _accuracy(graph, y)
        if id(graph) in stated:
            accuracy = stated[id(graph)], {"protocol": "as the caller states", "source": ADDED}
        if accuracy is None:
            changed = graph.model is not None and (graph.model.input or graph.model.set)
            without.append(f"{graph.name} as it is asked for" if changed else graph.name)
            continue
        if x == "latency" and on is None and graph.name not in times:
            unmeasured.append(graph.name)
            continue
        report = analyze(graph, **run.counting)
        calibrated = False
        if on is not None:
            whole = predict(graph, on, **run.predicting)
            cost, calibrated = whole.latency_ms, whole.calibrated
        elif x == "latency":
            cost = 1e3 * times[graph.name].seconds
        else:
            cost = getattr(report.totals, TOTALS.get(x, x))
        percent, fact = accuracy
        family = ADDED if id(graph) in stated else str(graph.facts.get("family", graph.name))
        protocol, source = str(fact.get("protocol", "")), str(fact.get("source", ""))
        doubted = report.estimated if x == "peak" else ()
        points.append(
            Point(
                graph.name, family, cost, percent, report.totals.params, protocol, source, doubted, calibrated
            )
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


def _accuracy(graph: Graph, y: str) -> tuple[float, Mapping[str, Any]] | None:
    """A spec's accuracy at its input, and its fact."""
    return headline(graph.facts, graph.input_shape, y)


def pareto(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats in accuracy at the same cost or less, cheapest first."""
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point.cost, -point.accuracy)):
        if not front or point.accuracy > front[-1].accuracy:
            front.append(point)
    return front


def telling(points: Sequence[Point], on_front: set[str]) -> list[Point]:
    """Those that are named where there is no room for all: the front, each family's cheapest and best."""
    kept = set(on_front) | {point.model for point in points if point.added}
    for family in {point.family for point in points}:
        mine = [point for point in points if point.family == family]
        kept.add(min(mine, key=lambda point: point.cost).model)
        kept.add(max(mine, key=lambda point: point.accuracy).model)
    return [point for point in points if point.model in kept]
