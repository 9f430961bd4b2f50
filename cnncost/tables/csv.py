"""Grids -> CSV: raw values under column keys, one header, no units, no totals."""

from __future__ import annotations

import csv
import io

from cnncost import escape
from cnncost.tables.grid import Grid


def render(grids: list[Grid]) -> str:
    """All grids as one CSV document; several ones get their title as the first column."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    several = len(grids) > 1
    for index, grid in enumerate(grids):
        if index == 0:
            writer.writerow((["model"] if several else []) + [column.key for column in grid.columns])
        for row in grid.rows:
            writer.writerow(
                ([escape.cell(grid.label or grid.title)] if several else [])
                + [escape.cell(cell.value) for cell in row]
            )
    return out.getvalue()
