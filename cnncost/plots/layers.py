"""The lecture's three bars: memory, parameters and operations of every layer, block or stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cnncost import units
from cnncost.analysis import analyze
from cnncost.analysis.conventions import Convention, convention
from cnncost.analysis.grouping import LEVELS, groups
from cnncost.errors import UsageError
from cnncost.graph import Graph
from cnncost.ops import REGISTRY
from cnncost.plots import style, ticks
from cnncost.plots.drawing import Drawing
from cnncost.report import Counted, Report
from cnncost.request import Run
from cnncost.tables.unknown import at_least

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

QUANTITIES = ("memory_bytes", "params", "ops")
MOST_ROWS = 60
"""More bars than that under each other are a ladder, not a picture."""


class Bars(NamedTuple):
    """A model's rows at a readable level, and of what kinds of operators each of them is."""

    report: Report
    parts: dict[str, dict[str, Counted]]  #: what a convention counts, by row and kind


def draw(graphs: Sequence[Graph], run: Run, *, by: str | None = None) -> Drawing:
    """Three bar charts per model, one bar per row of its table, in the colours of the kinds of its operators.

    They stand side by side, on a narrow sheet below each other.
    """
    models = [readable(graph, run, by) for graph in graphs]
    rules = convention(run.convention)
    across = 1 if style.narrow() else len(QUANTITIES)
    row = 0.16 * style.points(7) / 7
    heights = [row * len(bars.report.rows) + 0.9 for bars in models for _ in range(len(QUANTITIES) // across)]
    figure = style.figure(9.5, sum(heights) + 0.6, rows=True)
    grid = figure.add_gridspec(len(heights), across, height_ratios=heights)
    for index, bars in enumerate(models):
        first: Axes | None = None
        for column, quantity in enumerate(QUANTITIES):
            place = index * len(QUANTITIES) + column
            axes = figure.add_subplot(grid[place // across, place % across], sharey=first)
            _bars(axes, bars, quantity, rules)
            if first is None or across == 1:
                names = [style.as_words(each.name) for each in bars.report.rows]
                axes.set_yticks(range(len(names)), names, fontsize=style.points(7))
                axes.set_ylim(len(names) - 0.4, -0.6)
            else:
                axes.tick_params(labelleft=False)
            if first is None:
                first = axes
                shape = units.shape(bars.report.input_shape)
                style.title(axes, f"{style.name(bars.report.name)}, input {shape}")
    _legend(figure, models)
    line = style.settings_line(run.batch, run.dtype, run.mode)
    style.closing_line(figure, f"Convention {rules.name}: {rules.statement} {line[0].upper()}{line[1:]}.")
    rows = tuple(
        (bars.report.name, row.name, row.op, *(getattr(row.counted, quantity) for quantity in QUANTITIES))
        for bars in models
        for row in bars.report.rows
    )
    return Drawing(figure, ("model", "row", "op", *QUANTITIES), rows)


def readable(graph: Graph, run: Run, by: str | None = None) -> Bars:
    """The rows at the level asked for, else at the finest that has not too many of them."""
    levels = (by,) if by else ("layer", "block", "stage")
    for level in levels:
        report = analyze(graph, by=level, **run.counting)
        if len(report.rows) <= MOST_ROWS:
            return Bars(report, _parts(graph, level, analyze(graph, by="op", **run.counting)))
    coarser = {"op": "layer, block or stage", "layer": "block or --by stage", "block": "stage"}.get(level)
    raise UsageError(
        f"{graph.name} has {len(report.rows)} rows by {level}, too many to read\n  at most {MOST_ROWS}: "
        + (f"try --by {coarser}" if coarser else "cnncost report draws any number, each leads to its row")
    )


def _parts(graph: Graph, level: str, ops: Report) -> dict[str, dict[str, Counted]]:
    """What is counted of every row at a level, by kind of operator."""
    counted = {row.name: (kin(row.op), row.counted) for row in ops.rows}
    found: dict[str, dict[str, Counted]] = {}
    for group in groups(graph, level):
        parts = found.setdefault(group.name, {})
        for node in group.nodes:
            if node.name in counted:  # in eval, training heads are not
                kind, part = counted[node.name]
                parts[kind] = Counted(*map(sum, zip(parts.get(kind, Counted(0, 0, 0)), part, strict=True)))
    return found


def kin(op: str) -> str:
    """The kind of a row's operator, as the colours tell them apart."""
    found = "block" if op in LEVELS else REGISTRY[op].kin if op in REGISTRY else "other"
    return found if found in style.KIN_COLOURS else "other"


def _bars(axes: Axes, bars: Bars, quantity: str, rules: Convention) -> None:
    report = bars.report
    key = {"memory_bytes": "memory", "params": "params", "ops": "ops"}[quantity]
    values = [getattr(row.counted, quantity) for row in report.rows]
    total = getattr(report.totals.counted, quantity)
    unit = getattr(rules, f"{key}_unit")
    unit = unit if rules.decimals is not None else units.of_column([total], unit)
    left = [0.0] * len(values)
    for kind, colour in style.KIN_COLOURS.items():
        parts = [
            float(getattr(bars.parts[row.name].get(kind, Counted(0, 0, 0)), quantity)) for row in report.rows
        ]
        axes.barh(range(len(parts)), parts, left=left, height=0.75, color=colour)
        left = [before + part for before, part in zip(left, parts, strict=True)]
    marks = [(row.unknown, row.untested) if key == "ops" else (0, ()) for row in report.rows]
    for place, (value, mark) in enumerate(zip(values, marks, strict=True)):
        if value or any(mark):
            text = f" {at_least(unit.legible(value), *mark)}"
            axes.text(value, place, text, va="center", fontsize=style.points(6), gid="label")
    axes.set_xlim(0, 1.28 * max([*values, 1]))
    ticks.scaled(axes.xaxis, [0, 1], unit, logarithmic=False)
    axes.grid(False, axis="y")
    name = rules.ops_name if key == "ops" else key
    whole = at_least(unit.format(total), *((report.unknown, report.untested) if key == "ops" else (0, ())))
    axes.set_xlabel(f"{unit.heading(name)}, total {whole}")


def _legend(figure: Figure, models: Sequence[Bars]) -> None:
    from matplotlib.patches import Patch

    kinds = {
        kind
        for bars in models
        for parts in bars.parts.values()
        for kind, counted in parts.items()
        if any(counted)
    }
    if len(kinds) > 1:
        handles = [
            Patch(color=colour, label=name) for name, colour in style.KIN_COLOURS.items() if name in kinds
        ]
        figure.legend(
            handles=handles,
            loc="outside upper right",
            ncols=2 if style.narrow() else len(handles),
            fontsize=style.points(7),
        )
