"""A comparison as a table: a row per quantity, a column per model, ratios to the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost import units
from cnncost.analysis.compare import Side
from cnncost.tables.grid import Cell, Column, Grid, Raw, text

if TYPE_CHECKING:
    from cnncost.measure.latency import Measurement


class Line(NamedTuple):
    """One quantity: its values, and how a reader sees one; `ratio` if ratios make sense."""

    key: str
    heading: str
    values: Sequence[Any]
    show: Callable[[Any], str]
    ratio: bool = True


def grid(
    sides: list[Side], batch: int, optimizer: str, measured: list[Measurement | None] | None = None
) -> Grid:
    """The comparison; with measurements (None: this one failed) also what was measured."""
    lines = analytic(sides, optimizer) + (timed(measured) if measured else [])
    columns = [Column("quantity", "quantity", False)]
    for place, one in enumerate(sides):
        columns.append(Column(one.name, one.name))
        if place:
            columns.append(Column(f"{one.name}_ratio", "ratio"))
    sources = [
        f"{one.name}: {one.published.get('protocol', 'protocol not stated')}; {one.published.get('source')}."
        for one in sides
        if one.published
    ]
    return Grid(
        tuple(columns),
        tuple(row(line) for line in lines),
        title=f"batch {batch}; ratios to {sides[0].name}",
        notes=(*sources, *measured_notes(measured or [])),
    )


def row(line: Line) -> tuple[Cell, ...]:
    """A quantity's cells: the values, and after the first each one's ratio to it."""
    cells = [text(line.heading)]
    first = line.values[0]
    for place, value in enumerate(line.values):
        raw: Raw = value if isinstance(value, (int, float, str)) else None
        cells.append(Cell("-" if value is None else line.show(value), raw))
        if place:
            known = (
                line.ratio and isinstance(value, (int, float)) and isinstance(first, (int, float)) and first
            )
            cells.append(Cell(f"{value / first:.3g}x", value / first) if known else Cell("", None))
    return tuple(cells)


def analytic(sides: list[Side], optimizer: str) -> list[Line]:
    """What the analysis says."""
    return [
        Line("params", "params", [one.params for one in sides], units.count),
        Line("macs", "MACs", [one.macs for one in sides], units.count),
        Line("flops", "FLOPs", [one.flops for one in sides], units.count),
        Line("weight_bytes", "weights", [one.weight_bytes for one in sides], units.size),
        Line("peak_bytes", "peak memory, weights apart", [one.peak_bytes for one in sides], units.size),
        Line(
            "training_bytes",
            f"training memory ({optimizer})",
            [one.training_bytes for one in sides],
            units.size,
        ),
        Line("receptive_field", "receptive field", [field(one) for one in sides], str, False),
        Line("accuracy", "accuracy", [accuracy(one) for one in sides], str, False),
    ]


def field(one: Side) -> str | None:
    """height x width in input pixels."""
    return "x".join(map(str, one.receptive_field)) if one.receptive_field else None


def accuracy(one: Side) -> str | None:
    """The published figure with its name: top-1 76.13%."""
    fact = one.published
    for key, name in (("top1", "top-1"), ("top1_error", "top-1 error"), ("miou", "mIoU"), ("error", "error")):
        if key in fact:
            data = fact.get("dataset")
            return f"{name} {fact[key]}%" + (f" ({data})" if data else "")
    return None


def timed(measured: list[Measurement | None]) -> list[Line]:
    """What was measured."""

    def each(value: Callable[[Measurement], Any]) -> list[Any]:
        return [None if one is None else value(one) for one in measured]

    return [
        Line("latency", "latency (median)", each(lambda one: one.statistics.median), units.duration),
        Line("images_per_second", "images/s", each(lambda one: one.images_per_second), "{:,.1f}".format),
        Line("flops_per_second", "FLOP/s", each(lambda one: one.flops_per_second), units.count),
        Line(
            "measured_bytes",
            "memory, weights included",
            each(lambda one: one.memory and one.memory.peak),
            units.size,
        ),
        Line(
            "predicted_bytes", "predicted", each(lambda one: one.memory and one.memory.predicted), units.size
        ),
        Line(
            "error",
            "error of the prediction",
            each(lambda one: one.memory and one.memory.error),
            "{:+.2%}".format,
            False,
        ),
    ]


def measured_notes(measured: list[Measurement | None]) -> tuple[str, ...]:
    """How it was measured."""
    if not any(measured):
        return ()
    from cnncost.tables.measure import notes, title

    found = [one for one in measured if one is not None]
    return (title(found[0]), *notes(found))


def document(
    sides: list[Side],
    batch: int,
    optimizer: str,
    version: str,
    measured: list[Measurement | None] | None = None,
) -> dict[str, Any]:
    """The JSON form; ratios are the reader's to make."""
    plain: dict[str, Any] = {
        "schema_version": 1,
        "tool": {"name": "cnncost", "version": version},
        "batch": batch,
        "optimizer": optimizer,
        "compared": [{**asdict(one), "published": dict(one.published)} for one in sides],
    }
    if measured:
        from cnncost.tables.measure import measurement

        plain["measured"] = [None if one is None else measurement(one) for one in measured]
    return plain
