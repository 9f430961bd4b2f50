"""What a search found: tables, the JSON document, and every kept setting as CSV or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnncost import units
from cnncost.choosing.axes import ValueRange, VariedAxis
from cnncost.choosing.candidates import runtime_dtype
from cnncost.choosing.explore import SearchResult, better, why_refused
from cnncost.errors import UnavailableError, UsageError
from cnncost.escape import cell
from cnncost.report import head
from cnncost.request import Run
from cnncost.tables.grid import Cell, Column, Grid, text
from cnncost.writing import check_place, is_stream

ROWS = 20
REASONS = 3
"""Warnings of predictions that are told."""
SUFFIXES = (".csv", ".parquet")
LONGER = (
    "Real times are longer, often several times, and a hundred times where small networks and batches wait to"
    " be launched."
)


def rows(found: SearchResult, places: Any) -> list[dict[str, Any]]:
    """Settings with their figures: counts as whole numbers, peak in bytes, latency in seconds."""
    plain = []
    for place in places:
        figures = {
            quantity: float(value) if quantity in ("latency", "objective") else int(value)
            for quantity, value in zip(found.question.quantities, found.values[place], strict=True)
        }
        plain.append({"setting": found.space.setting(found.codes[place].tolist()), **figures})
    return plain


def document(found: SearchResult) -> dict[str, Any]:
    """The JSON form."""
    question = found.question
    return {
        **head(run=question.run),
        "search": {
            "model": question.spec,
            "axes": [_axis(axis) for axis in found.space.axes],
            "space": found.space.size,
            "strategy": question.strategy,
            "seed": question.seed,
            "limits": {limit.quantity: limit.value for limit in question.limits},
            "maximize": list(question.maximize),
            "minimize": list(question.minimize),
            "on": question.on,
            "evaluated": found.evaluated,
            "kept": found.kept,
            "excluded": found.excluded,
            "refused": found.refused,
            "calibrated": all(each.calibrated for each in found.timed) if found.timed else None,
            "interval": interval(found),
            "seconds": round(found.seconds, 6),
            "front": [
                {**row, "setting": {name: _plain(value) for name, value in row["setting"].items()}}
                for row in rows(found, found.best)
            ],
        },
    }


def _axis(axis: VariedAxis) -> dict[str, Any]:
    """Its values, or the ends and the step of a range that is too long to write down."""
    if isinstance(axis.values, ValueRange):
        first, last, step = axis.values[0], axis.values[-1], float(axis.values.step)
        return {
            "name": axis.name,
            "values": [],
            "from": first,
            "to": last,
            "step": step,
            "count": len(axis.values),
        }
    return {"name": axis.name, "values": [_plain(value) for value in axis.values]}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


UNITS = {
    "params": ("params (M)", units.MILLION),
    "macs": ("MACs (M)", units.MILLION),
    "flops": ("FLOPs (M)", units.MILLION),
    "activations": ("activations (M)", units.MILLION),
    "peak": ("peak (KiB)", units.KIB),
    "ram": ("RAM (KiB)", units.KIB),
    "flash": ("flash (KiB)", units.KIB),
    "latency": ("latency (ms)", units.MILLISECOND),
}


def front_grid(found: SearchResult, most: int = ROWS) -> Grid:
    """The front as a table, the first `most` of it (0: all)."""
    places = found.best
    shown = places[:most] if most else places
    quantities = found.question.quantities
    columns = [Column(axis.name, axis.name, False) for axis in found.space.axes]
    for quantity in quantities:
        heading, unit = UNITS.get(quantity, (quantity, None))
        if quantity == "latency" and interval(found) is None:
            heading = "latency at least (ms)"
        columns.append(Column(quantity, heading, unit=unit if unit != units.MILLISECOND else None))
    table = []
    for row in rows(found, shown):
        cells = [text(value_text(value)) for value in row["setting"].values()]
        for quantity in quantities:
            _, unit = UNITS.get(quantity, (quantity, None))
            value = row[quantity]
            cells.append(Cell(f"{value:g}" if unit is None else unit.legible(value), value))
        table.append(tuple(cells))
    return Grid(
        tuple(columns),
        tuple(table),
        title=f"The front of {found.question.spec}: {better(found.question)}",
        notes=tuple(_notes(found, len(shown), len(places))),
        optional=("activations", "flops"),
        caption=f"The Pareto front of {better(found.question)}.",
        label="search",
    )


def value_text(value: Any) -> str:
    """A value of an axis as a table has it: 128x96, 0.25, 8."""
    return (
        "x".join(map(str, value))
        if isinstance(value, tuple)
        else f"{value:.12g}"
        if isinstance(value, float)
        else str(value)
    )


def _notes(found: SearchResult, shown: int, on_front: int) -> list[str]:
    lines = [
        f"{found.evaluated:,} of {found.space.size:,} settings in {units.duration(found.seconds)};"
        f" {found.kept:,} keep every limit, {on_front:,} of them are on the front."
    ]
    if shown < on_front:
        lines.append(f"Shown are the first {shown}; --rows 0 shows all.")
    if found.excluded:
        lines.append(
            "; ".join(f"{limit} excludes {count:,}" for limit, count in found.excluded.items()) + "."
        )
    if "peak" in found.question.later:
        lines.append("Peak memory is that of PyTorch in float32.")
    if found.question.run.runtime:
        lines.append(runtime_note(found.question.run))
    lines += why_refused(found.refused)
    if found.timed:
        from cnncost.devices import device
        from cnncost.predict import setting_of

        run, on = found.question.run, found.question.on
        lines.append(f"Latency is predicted: {on}, {setting_of(device(str(on)), **run.predicting)}.")
        lines += _how_sure(found)
    lines.append("Counts are of batch 1, inference.")
    return lines


def interval(found: SearchResult) -> list[float] | None:
    """Factors of the predicted times between which 90 % of measured ones lie: the widest of `timed`."""
    if not all(each.high_ms for each in found.timed) or not found.timed:
        return None
    low = min(each.low_ms / each.latency_ms for each in found.timed)
    return [low, max((each.high_ms or 0.0) / each.latency_ms for each in found.timed)]


def _how_sure(found: SearchResult) -> list[str]:
    """What predicted times are worth: their interval, or that they are bounds; what was not calibrated."""
    factors = interval(found)
    if factors is None:
        return [f"It is only a lower bound: {found.question.on} is not calibrated for it. {LONGER}"]
    lines = [f"Its 90% interval is from {factors[0]:.2f} to {factors[1]:.2f} times of it."]
    for limit in found.question.limits:
        longest = max((each.high_ms or 0.0) / 1e3 for each in found.timed)
        if limit.quantity == "latency" and longest > limit.value:
            lines[0] = f"{lines[0][:-1]}, so it may go beyond {limit.written}."
    warned = dict.fromkeys(warning for each in found.timed for warning in each.warnings)
    return lines + [f"Of some: {warning}." for warning in list(warned)[:REASONS]]


def runtime_note(run: Run) -> str:
    """What RAM and flash are, in a sentence."""
    return (
        f"RAM and flash are of {run.runtime}, {runtime_dtype(run)}, one image:"
        " the arena and what lies beside it, weights as they are stored."
    )


def kept_format(path: Path) -> str:
    """csv or parquet, by the suffix; csv of a device or a pipe. Raises UsageError, UnavailableError."""
    check_place(path)
    if not path.suffix and is_stream(path):
        return "csv"
    if path.suffix not in SUFFIXES:
        raise UsageError(f"{path}: kept settings are written as {' or '.join(SUFFIXES)}")
    if path.suffix == ".parquet":
        from importlib.util import find_spec

        if find_spec("pyarrow") is None:
            raise UnavailableError(f"{path}: Parquet needs pyarrow\n  pip install pyarrow, or write a .csv")
    return path.suffix[1:]


def _column(axis: VariedAxis, codes: Sequence[int]) -> list[Any]:
    """Some of an axis's values as a column of one type: numbers of 64 bits, truth values, or else texts."""
    values, every = [axis.values[code] for code in codes], axis.of_every_type
    kinds = {type(value) for value in every}
    if kinds == {bool} or (kinds <= {int, float} and all(abs(value) < 2**63 for value in every)):
        return values
    return [value_text(value) for value in values]


def kept_table(found: SearchResult, format: str) -> bytes:
    """Every kept setting, a column per axis and per quantity, and whether it is on the front."""
    import numpy as np

    columns: dict[str, list[Any]] = {}
    for place, axis in enumerate(found.space.axes):
        used, places = np.unique(found.codes[:, place], return_inverse=True)
        values = _column(axis, used.tolist())
        if format == "csv":
            values = list(map(cell, values))
        columns[axis.name] = [values[at] for at in places.tolist()]
    for place, quantity in enumerate(found.question.quantities):
        column = found.values[:, place]
        whole = quantity not in ("latency", "objective")
        columns[quantity] = column.astype("int64").tolist() if whole else column.tolist()
    columns["front"] = found.on_front.tolist()
    if format == "parquet":
        from importlib import import_module

        pyarrow: Any = import_module("pyarrow")
        parquet: Any = import_module("pyarrow.parquet")
        sink = io.BytesIO()
        parquet.write_table(pyarrow.table(columns), sink)
        return sink.getvalue()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue().encode()
