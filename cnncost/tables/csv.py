"""Grids -> CSV: raw values under column keys, one header, no units, no totals."""

from __future__ import annotations

import csv
import io

from cnncost import escape
from cnncost.tables.grid import Grid, Raw


def render(grids: list[Grid]) -> str:
    """All grids as one CSV document.

    Several ones get a first column that says of which each row is: `model` if they have the same columns,
    else `table`. The header has every column of all; what a table does not have is empty. Tables without
    columns are closing notes, and left out.
    """
    tables = [grid for grid in grids if grid.columns]
    keys = list(dict.fromkeys(column.key for grid in tables for column in grid.columns))
    alike = all(len(grid.columns) == len(keys) for grid in tables)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    several = len(tables) > 1
    if keys:
        writer.writerow([*(["model" if alike else "table"] if several else []), *map(escape.cell, keys)])
    for grid in tables:
        name = [escape.cell(grid.label or grid.title)] if several else []
        for row in grid.rows:
            values: dict[str, Raw] = {
                column.key: cell.value for column, cell in zip(grid.columns, row, strict=True)
            }
            writer.writerow([*name, *(escape.cell(values.get(key)) for key in keys)])
    return out.getvalue()
