"""Where memory, parameters and operations go: shares by kind of layer, model beside model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cnncost import units
from cnncost.analysis import analyze
from cnncost.analysis.conventions import Convention, convention
from cnncost.graph import Graph
from cnncost.plots import style
from cnncost.plots.drawing import Drawing
from cnncost.plots.layers import QUANTITIES, kin
from cnncost.report import Report
from cnncost.request import Run
from cnncost.tables.unknown import at_least

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = [name for name in style.KIN_COLOURS if name != "block"]
READABLE = 0.07
"""A share with less of the bar than that has no room for its number."""


def draw(graphs: Sequence[Graph], run: Run) -> Drawing:
    """Three panels of stacked bars, one bar per model, one colour per kind of layer."""
    rules = convention(run.convention)
    reports = [analyze(graph, by="op", **run.counting) for graph in graphs]
    down, across = (3, 1) if style.narrow() else (1, 3)
    figure = style.figure(9.5, (0.32 * len(reports) + 0.8) * down + 0.7, rows=True)
    panels = figure.subplots(down, across, sharey=True)
    rows = []
    for axes, quantity in zip(panels, QUANTITIES, strict=True):
        for place, report in enumerate(reports):
            parts = _parts(report, quantity)
            rows += [(report.name, quantity, kind, value) for kind, value in parts.items()]
            _bar(axes, place, parts)
            total = _total(report, quantity, rules)
            axes.text(1.02, place, total, va="center", fontsize=style.points(7), gid="label")
        axes.set_xlim(0, 1.3 if style.narrow() else 1.18)
        axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
        axes.grid(False)
        name, unit = _named(quantity, rules)
        axes.set_title(f"{name}, total in {unit.symbol}" if unit.symbol else f"{name}, with totals")
    panels[0].set_yticks(
        range(len(reports)), [style.name(report.name) for report in reports], fontsize=style.points(8)
    )
    panels[0].set_ylim(len(reports) - 0.5, -0.5)
    seen = {name for _, _, name, value in rows if value}
    handles, names = panels[0].get_legend_handles_labels()
    entries = {name: handle for handle, name in zip(handles, names, strict=True) if name in seen}
    figure.legend(
        entries.values(), entries, loc="outside upper center", ncols=3 if style.narrow() else len(entries)
    )
    line = style.settings_line(run.batch, run.dtype, run.mode)
    style.closing_line(figure, f"Convention {rules.name}: {rules.statement} {line[0].upper()}{line[1:]}.")
    return Drawing(figure, ("model", "quantity", "kind", "value"), tuple(rows))


def _parts(report: Report, quantity: str) -> dict[str, int]:
    """A quantity of a model by the kind of layer."""
    parts = dict.fromkeys(KINDS, 0)
    for row in report.rows:
        parts[kin(row.op)] += getattr(row.counted, quantity)
    total: int = getattr(report.totals.counted, quantity)
    parts["other"] += total - sum(parts.values())  # the input, where it counts as memory
    return parts


def _bar(axes: Axes, place: int, parts: Mapping[str, int]) -> None:
    """The parts of a whole beside each other, with their shares where there is room."""
    total, left = sum(parts.values()), 0.0
    small = style.points(6.5)
    for name, value in parts.items():
        share = value / total if total else 0.0
        axes.barh(place, share, left=left, height=0.72, color=style.KIN_COLOURS[name], label=name)
        if share >= READABLE * (1 if small == 6.5 else 2):
            axes.text(
                left + share / 2, place, f"{share:.0%}", ha="center", va="center", fontsize=small,
                color=_ink(name), gid="label",
            )  # fmt: skip
        left += share


def _named(quantity: str, rules: Convention) -> tuple[str, units.Unit]:
    """What a convention calls a quantity, and the unit that it gives it in."""
    return {
        "memory_bytes": ("memory", rules.memory_unit),
        "params": ("params", rules.params_unit),
        "ops": (rules.ops_name, rules.ops_unit),
    }[quantity]


def _total(report: Report, quantity: str, rules: Convention) -> str:
    """The whole of a bar: at least so much, where operators are not counted."""
    text = _named(quantity, rules)[1].format(getattr(report.totals.counted, quantity))
    return at_least(text, report.unknown, report.untested) if quantity == "ops" else text


def _ink(name: str) -> str:
    """A colour of text that stands out on a part's colour."""
    return "white" if name in ("convolution", "other", "pooling", "activation") else "black"
