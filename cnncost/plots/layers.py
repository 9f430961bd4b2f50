"""The lecture's three bars: memory, parameters and operations of every layer, block or stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnncost import units
from cnncost.analysis import analyze
from cnncost.analysis.conventions import Convention, convention
from cnncost.analysis.grouping import LEVELS
from cnncost.errors import UsageError
from cnncost.graph import Graph
from cnncost.ops import REGISTRY
from cnncost.plots import style, ticks
from cnncost.plots.drawing import Choices, Drawing
from cnncost.report import Report
from cnncost.tables.unknown import at_least

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUANTITIES = ("memory_bytes", "params", "ops")
MOST_ROWS = 60
"""More bars than that under each other are a ladder, not a picture."""


def draw(graphs: Sequence[Graph], choices: Choices) -> Drawing:
    """A row of three bar charts per model, one bar per row of its table."""
    reports = [readable(graph, choices) for graph in graphs]
    rules = convention(choices.convention)
    heights = [0.16 * len(report.rows) + 0.9 for report in reports]
    figure = style.figure(9.5, sum(heights) + 0.6)
    grid = figure.add_gridspec(len(reports), 3, height_ratios=heights)
    for index, report in enumerate(reports):
        first: Axes | None = None
        for column, quantity in enumerate(QUANTITIES):
            axes = figure.add_subplot(grid[index, column], sharey=first)
            _bars(axes, report, quantity, rules)
            if first is None:
                first = axes
                axes.set_yticks(range(len(report.rows)), [row.name for row in report.rows], fontsize=7)
                axes.set_ylim(len(report.rows) - 0.4, -0.6)
                axes.set_title(f"{report.name}, input {units.shape(report.input_shape)}")
            else:
                axes.tick_params(labelleft=False)
    _legend(figure, reports)
    line = style.settings_line(choices.batch, choices.dtype, choices.mode)
    style.closing_line(figure, f"Convention {rules.name}: {rules.statement} {line[0].upper()}{line[1:]}.")
    rows = tuple(
        (report.name, row.name, row.op, *(getattr(row.counted, quantity) for quantity in QUANTITIES))
        for report in reports
        for row in report.rows
    )
    return Drawing(figure, ("model", "row", "op", *QUANTITIES), rows)


def readable(graph: Graph, choices: Choices) -> Report:
    """The report at the level asked for, else at the finest that has not too many rows."""
    levels = (choices.by,) if choices.by else ("layer", "block", "stage")
    for level in levels:
        report = analyze(
            graph,
            batch=choices.batch,
            dtype=choices.dtype,
            mode=choices.mode,
            by=level,
            convention=choices.convention,
        )
        if len(report.rows) <= MOST_ROWS:
            return report
    raise UsageError(
        f"{graph.name} has {len(report.rows)} rows by {level}, too many to read\n  at most {MOST_ROWS}: "
        "try --by block or --by stage"
    )


def kin(op: str) -> str:
    """The kind of a row's operator, as the colours tell them apart."""
    found = "block" if op in LEVELS else REGISTRY[op].kin if op in REGISTRY else "other"
    return found if found in style.KIN_COLOURS else "other"


def _bars(axes: Axes, report: Report, quantity: str, rules: Convention) -> None:
    key = {"memory_bytes": "memory", "params": "params", "ops": "ops"}[quantity]
    unit = getattr(rules, f"{key}_unit")
    values = [getattr(row.counted, quantity) for row in report.rows]
    total = getattr(report.totals.counted, quantity)
    places = range(len(values))
    axes.barh(
        places,
        [float(value) for value in values],
        height=0.75,
        color=[style.KIN_COLOURS[kin(row.op)] for row in report.rows],
    )
    marks = [(row.unknown, row.untested) if key == "ops" else (0, ()) for row in report.rows]
    for place, value, mark in zip(places, values, marks, strict=True):
        if value or any(mark):
            text = f" {at_least(unit.format(value), *mark)}"
            axes.text(value, place, text, va="center", fontsize=6, gid="label")
    axes.set_xlim(0, 1.28 * max([*values, 1]))
    ticks.scaled(axes.xaxis, [0, 1], unit, logarithmic=False)
    axes.grid(False, axis="y")
    name = rules.ops_name if key == "ops" else key
    whole = at_least(unit.format(total), *((report.unknown, report.untested) if key == "ops" else (0, ())))
    axes.set_xlabel(f"{style.with_unit(name, unit)}, total {whole}")


def _legend(figure: Any, reports: Sequence[Report]) -> None:
    from matplotlib.patches import Patch

    kins = dict.fromkeys(kin(row.op) for report in reports for row in report.rows if any(row.counted))
    if len(kins) > 1:
        handles = [
            Patch(color=colour, label=name) for name, colour in style.KIN_COLOURS.items() if name in kins
        ]
        figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), fontsize=7)
