"""Report -> the lecture's table: a row per layer, totals, shares, the convention below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cnncost import units
from cnncost.analysis.conventions import Convention, convention
from cnncost.errors import UsageError, did_you_mean
from cnncost.report import Counted, Report, Row
from cnncost.tables.grid import Cell, Column, Grid, text


class LayerColumn(NamedTuple):
    """A column of the layer table: its heading, a row's cell, the total's cell."""

    column: Column
    cell: Callable[[Row, Report], Cell]
    total: Callable[[Report], Cell]


def _none(report: Report) -> Cell:
    return text("")


def _pair(sizes: tuple[int, int] | None) -> Cell:
    if sizes is None:
        return text("")
    return text(str(sizes[0]) if sizes[0] == sizes[1] else units.shape(sizes))


def _padding(row: Row) -> Cell:
    padding = row.padding
    if padding is None or isinstance(padding, str):
        return text(padding or "")
    top, bottom, left, right = padding
    if top == bottom and left == right:
        return _pair((top, left))
    return text(",".join(map(str, padding)))


def _counted(key: str, field: str) -> LayerColumn:
    """A column of what the convention counts, in the convention's unit and rounding."""

    def cell(counted: Counted, report: Report) -> Cell:
        rules, value = convention(report.convention), getattr(counted, field)
        return Cell(getattr(rules, f"{key}_unit").format(value, rules.decimals), value)

    return LayerColumn(
        Column(key, key),
        lambda row, report: cell(row.counted, report),
        lambda report: cell(report.totals.counted, report),
    )


def _share(key: str, field: str) -> LayerColumn:
    def cell(row: Row, report: Report) -> Cell:
        part, whole = getattr(row.counted, field), getattr(report.totals.counted, field)
        return Cell(units.share(part, whole) if part else "", part / whole if whole else None)

    return LayerColumn(Column(key, "%"), cell, lambda report: Cell("100%", 1.0))


def _quantity(key: str, heading: str, unit: units.Unit) -> LayerColumn:
    return LayerColumn(
        Column(key, heading),
        lambda row, report: Cell(unit.format(getattr(row, key)), getattr(row, key)),
        lambda report: Cell(unit.format(getattr(report.totals, key)), getattr(report.totals, key)),
    )


def _shapes(shapes: Sequence[tuple[int, ...]]) -> Cell:
    shown = [units.shape(shape) for shape in shapes]
    if len(set(shown)) == 1 and len(shown) > 1:
        return text(f"{len(shown)} of {shown[0]}")
    return text(", ".join(shown[:3]) + (f", ... {len(shown)}" if len(shown) > 3 else ""))


COLUMNS: dict[str, LayerColumn] = {
    column.column.key: column
    for column in (
        LayerColumn(
            Column("name", "layer", False), lambda row, report: text(row.name), lambda report: text("total")
        ),
        LayerColumn(Column("op", "operator", False), lambda row, report: text(row.op), _none),
        LayerColumn(Column("input", "input", False), lambda row, report: _shapes(row.input_shapes), _none),
        LayerColumn(
            Column("output", "output", False), lambda row, report: text(units.shape(row.output_shape)), _none
        ),
        LayerColumn(Column("kernel", "kernel"), lambda row, report: _pair(row.kernel), _none),
        LayerColumn(Column("stride", "stride"), lambda row, report: _pair(row.stride), _none),
        LayerColumn(Column("padding", "pad"), lambda row, report: _padding(row), _none),
        _counted("memory", "memory_bytes"),
        _share("memory_share", "memory_bytes"),
        _counted("params", "params"),
        _share("params_share", "params"),
        _counted("ops", "ops"),
        _share("ops_share", "ops"),
        _quantity("macs", "MACs (M)", units.MILLION),
        _quantity("flops", "FLOPs (M)", units.MILLION),
        _quantity("buffers", "buffers (k)", units.THOUSAND),
        _quantity("activation_elements", "elements (k)", units.THOUSAND),
        _quantity("activation_bytes", "activations (KiB)", units.KIB),
        LayerColumn(
            Column("receptive_field", "receptive field"),
            lambda row, report: _pair(row.receptive_field),
            _none,
        ),
        LayerColumn(
            Column("jump", "jump"),
            lambda row, report: text(
                "" if row.jump is None else "x".join(f"{j:g}" for j in dict.fromkeys(row.jump))
            ),
            _none,
        ),
    )
}
DEFAULT = (
    "name", "input", "output", "kernel", "stride", "padding",
    "memory", "params", "params_share", "ops", "ops_share",
)  # fmt: skip


def layer_grid(
    report: Report, columns: Sequence[str] = DEFAULT, *, caption: str = "", label: str = ""
) -> Grid:
    """The table of a report. Raises UsageError for an unknown column."""
    for key in columns:
        if key not in COLUMNS:
            cure = did_you_mean(key, COLUMNS)
            raise UsageError(
                f"unknown column {key!r}"
                + (f": {cure}" if cure else "")
                + f"\n  columns: {', '.join(COLUMNS)}"
            )
    chosen = [COLUMNS[key] for key in columns]
    rules = convention(report.convention)
    heads = tuple(_heading(item.column, rules) for item in chosen)
    title = "  ".join(
        (
            report.name,
            f"input {units.shape(report.input_shape)}",
            f"batch {report.batch}",
            report.dtype,
            report.mode,
        )
    )
    return Grid(
        columns=heads,
        rows=tuple(tuple(item.cell(row, report) for item in chosen) for row in report.rows),
        title=title,
        total=tuple(item.total(report) for item in chosen),
        notes=(summary(report), f"Convention {rules.name}: {rules.statement}"),
        caption=caption or f"{report.name} at {units.shape(report.input_shape)}.",
        label=label or report.name,
    )


def summary(report: Report) -> str:
    """One line of totals that a table of layers cannot carry."""
    totals = report.totals
    return (
        f"{totals.params:,} params ({units.size(totals.weight_bytes)} of weights and buffers), "
        f"{totals.macs:,} MACs, {totals.flops:,} FLOPs, peak memory {units.size(totals.peak_bytes)} without weights"
    )


def _heading(column: Column, rules: Convention) -> Column:
    """The column with its unit, and operations under the convention's name for them."""
    if column.key not in ("memory", "params", "ops"):
        return column
    name = rules.ops_name if column.key == "ops" else column.heading
    symbol = getattr(rules, f"{column.key}_unit").symbol
    return column._replace(heading=f"{name} ({symbol})" if symbol else name)
