"""What a paper asks of a table: its columns, and for LaTeX caption, label and width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, NamedTuple

from cnncost.errors import known_word
from cnncost.request import Option
from cnncost.tables.grid import Cell, Grid

WIDTHS = {"line": None, "column": 242.0, "page": 505.0}
"""Where a LaTeX table stands, and that width in points (of 1/72.27 inch): the text line of any class, or
the column and the page of a two-column article (3.35 and 6.99 inches, as in IEEE's and ACM's)."""


class Paper(NamedTuple):
    """How tables are to be shown; "" for a caption or a label: the command's own."""

    columns: Annotated[
        tuple[str, ...], Option("Only these columns, in this order, by comma: name,params,...", "", "KEYS")
    ] = ()
    caption: Annotated[str, Option("Caption of a LaTeX table.", "", "TEXT")] = ""
    label: Annotated[
        str, Option("Label of a LaTeX table, as given; of a second table of the call with -2.", "", "TEXT")
    ] = ""
    width: Annotated[
        str,
        Option("Of a LaTeX table: line (it shrinks to it); column or page (table*) of a two-column article."),
    ] = "line"

    def of_table(self, at: int) -> Paper:
        """For one of several tables of a call, by its place: no label is given twice."""
        return self._replace(label=f"{self.label}-{at + 1}") if self.label and at else self


def chosen(grids: Sequence[Grid], columns: Sequence[str]) -> list[Grid]:
    """The grids with only these columns, in this order; notes stay. Raises UsageError for an unknown one."""
    if not columns:
        return list(grids)
    keys = list(dict.fromkeys(column.key for grid in grids for column in grid.columns))
    for key in columns:
        known_word("unknown column", key, keys, "columns")
    return [_with_columns(grid, columns) for grid in grids]


def without(grid: Grid, keys: set[str]) -> Grid:
    """The grid less some columns."""
    return _with_columns(grid, [column.key for column in grid.columns if column.key not in keys])


def _with_columns(grid: Grid, columns: Sequence[str]) -> Grid:
    place = {column.key: index for index, column in enumerate(grid.columns)}
    kept = [place[key] for key in columns if key in place]

    def of(row: tuple[Cell, ...]) -> tuple[Cell, ...]:
        return tuple(row[index] for index in kept)

    return replace(
        grid,
        columns=tuple(grid.columns[index] for index in kept),
        rows=tuple(map(of, grid.rows)),
        total=of(grid.total) if grid.total else None,
    )
