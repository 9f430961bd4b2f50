"""Audit results -> tables: a deck each, every claim with what is printed, what is right, and why."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cnncost.figures.audit import UNITS, Result
from cnncost.figures.claims import CONVENTIONS, VERDICTS, Claim, Formula, deck
from cnncost.figures.measures import MeasureValue
from cnncost.report import head
from cnncost.tables.grid import Cell, Column, Grid, text
from cnncost.units import Unit

COLUMNS = (
    Column("claim", "claim", False),
    Column("printed", "printed", False),
    Column("right", "right value", False),
    Column("verdict", "verdict", False),
    Column("convention", "convention", False),
    Column("source", "recomputed from", False),
    Column("explanation", "explanation", False),
)
NARROW = ("claim", "printed", "right", "verdict", "explanation")
WIDTHS = {"printed": 40, "right": 40, "explanation": 70}
"""Of a terminal's columns, in characters."""


def audit_grids(results: Sequence[Result], *, wrapped: bool = False) -> list[Grid]:
    """A table per deck; `wrapped` for text: fewer columns, and long cells over several lines."""
    grids = []
    for name in dict.fromkeys(result.claim.deck for result in results):
        mine = [result for result in results if result.claim.deck == name]
        rows = [_row(result) for result in mine]
        conventions = dict.fromkeys(result.claim.convention for result in mine)
        grids.append(
            Grid(
                columns=tuple(column for column in COLUMNS if not wrapped or column.key in NARROW),
                rows=tuple(line for row in rows for line in _wrapped(row)) if wrapped else tuple(rows),
                title=f"{deck(name).title}: {counted(mine)}",
                notes=()
                if wrapped
                else tuple(f"{each}: {CONVENTIONS[each]}." for each in sorted(conventions)),
                label=name,
                optional=("source", "convention", "verdict"),
            )
        )
    return grids


def _wrapped(row: tuple[Cell, ...]) -> list[tuple[Cell, ...]]:
    """The lines of a row on a terminal."""
    cells = [
        (textwrap.wrap(cell.text, WIDTHS.get(column.key, 60)) or [""])
        for column, cell in zip(COLUMNS, row, strict=True)
        if column.key in NARROW
    ]
    return [tuple(map(text, line)) for line in itertools.zip_longest(*cells, fillvalue="")]


def counted(results: Sequence[Result]) -> str:
    """12 claims: 10 exact, 2 erratum."""
    found = [(verdict, sum(result.verdict == verdict for result in results)) for verdict in VERDICTS]
    parts = ", ".join(f"{count} {verdict}" for verdict, count in found if count)
    return f"{len(results)} claim{'s' if len(results) != 1 else ''}" + (f": {parts}" if parts else "")


def _row(result: Result) -> tuple[Cell, ...]:
    claim = result.claim
    verdict = result.verdict if result.agrees else f"{result.verdict} (recorded: {claim.verdict})"
    return (
        text(claim.id),
        text(claim.printed),
        Cell(shown(result.value, claim.unit), result.value),
        text(verdict),
        text(claim.convention),
        text(source(claim)),
        text(explanation(result)),
    )


def shown(value: MeasureValue | None, unit: str) -> str:
    """A value as a table prints it: 15,470,264,320 = 15.5 G; holds; 64x56x56."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "holds" if value else "does not hold"
    if isinstance(value, str):
        return value
    plain = f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
    if unit in UNITS and value:
        scaled = Unit(unit, UNITS[unit])
        return f"{plain} = {scaled.format(value)} {unit}"
    return f"{plain} {unit}".strip()


def source(claim: Claim) -> str:
    """What a claim's value is computed from: macs of vgg16, conv1_1..pool3."""
    if claim.variants:
        return "; ".join(f"{each.name}: {_formula(each.value, each.where)}" for each in claim.variants)
    return _formula(claim.value, claim.where)


def _formula(value: Formula | None, where: Mapping[str, Formula]) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        name, model, *layers = value
        return f"{name} of {model}" + (f", {layers[0]}" if layers else "")
    names = ", ".join(f"{name} = {_formula(each, {})}" for name, each in where.items())
    return f"{value} with {names}" if names else str(value)


def explanation(result: Result) -> str:
    """What each reading gives, what reproduces a wrong value, and the remark on the claim."""
    claim = result.claim
    parts = []
    if result.verdict == "depends_on_variant":
        parts += [
            f"{reading.name}: {shown(reading.value, claim.unit)}"
            + (
                ""
                if isinstance(reading.value, bool)
                else " (no)"
                if reading.verdict == "erratum"
                else " (yes)"
            )
            for reading in result.readings
        ]
    origin = claim.reproduced_by
    if origin is not None:
        given = "" if result.origin is None else f": {shown(result.origin, claim.unit)}"
        what = "what is printed" if result.reproduced else "NOT what is printed"
        parts.append(f"{what} ({origin.kind.replace('_', ' ')}): {origin.explanation}{given}")
    if claim.explanation:
        parts.append(claim.explanation)
    return "; ".join(parts)


def document(results: Sequence[Result]) -> dict[str, Any]:
    """The JSON document: every claim with its recorded and computed verdict; values in base units."""
    return {
        **head(),
        "counts": {verdict: sum(result.verdict == verdict for result in results) for verdict in VERDICTS},
        "disagreements": [result.claim.id for result in results if not result.agrees],
        "claims": [_plain(result) for result in results],
    }


def _plain(result: Result) -> dict[str, Any]:
    claim = result.claim
    origin = claim.reproduced_by
    return {
        "id": claim.id,
        "deck": claim.deck,
        "lines": list(claim.lines),
        "quote": claim.quote,
        "architecture": claim.architecture,
        "layer": claim.layer,
        "printed": claim.printed,
        "unit": claim.unit,
        "convention": claim.convention,
        "match": claim.match,
        "recorded_verdict": claim.verdict,
        "verdict": result.verdict,
        "value": result.value,
        "readings": [asdict(reading) for reading in result.readings if reading.name],
        "reproduced_by": origin
        and {
            "kind": origin.kind,
            "explanation": origin.explanation,
            "value": result.origin,
            "reproduced": result.reproduced,
        },
        "source": source(claim),
        "explanation": claim.explanation,
    }
