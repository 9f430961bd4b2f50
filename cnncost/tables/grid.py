"""A table as data: cells with their text and their raw value. Every format draws this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Union

from cnncost.escape import terminal
from cnncost.units import Unit

Raw = Union[None, bool, int, float, str]


class Cell(NamedTuple):
    """What a reader sees, and the unrounded value for CSV and JSON."""

    text: str
    value: Raw


class Column(NamedTuple):
    """A column's key (CSV, JSON, --columns), heading, and whether it holds numbers.

    `unit` is what the heading says in parentheses; a terminal may show another of its kind. None: it is
    not to be changed, or there is none.
    """

    key: str
    heading: str
    number: bool = True
    unit: Unit | None = None
    working: bool = False  #: the cells are workings, which LaTeX sets as mathematics


@dataclass(frozen=True)
class Grid:
    """A table: a title, columns, rows, an optional row of totals, closing notes."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    total: tuple[Cell, ...] | None = None
    notes: tuple[str, ...] = ()
    #: keys of columns that a narrow terminal leaves out, the first to go first; then from the right
    optional: tuple[str, ...] = ()
    #: for LaTeX
    caption: str = ""
    label: str = ""
    groups: dict[str, str] = field(default_factory=dict)


def text(value: str) -> Cell:
    """A cell of text."""
    return Cell(value, value)


def with_words(grid: Grid, key: str, words: Sequence[str], total: str = "") -> Grid:
    """The grid with one more column, of words, a word per row; as it was if there is none in it."""
    if not any(words):
        return grid
    rows = tuple((*row, text(word)) for row, word in zip(grid.rows, words, strict=True))
    whole = None if grid.total is None else (*grid.total, text(total))
    return replace(grid, columns=(*grid.columns, Column(key, key, False)), rows=rows, total=whole)


def with_counts(grid: Grid, key: str, counts: Sequence[int]) -> Grid:
    """The same with a column of counts, a count per row, 0 an empty cell."""
    if not any(counts):
        return grid
    cells = [Cell(str(count or ""), count) for count in counts]
    rows = tuple((*row, cell) for row, cell in zip(grid.rows, cells, strict=True))
    return replace(grid, columns=(*grid.columns, Column(key, key)), rows=rows)


def printable(grid: Grid) -> Grid:
    """The grid with texts that are fit for a terminal; a format with markup of its own does the rest."""

    def clean(cell: Cell) -> Cell:
        return cell._replace(text=terminal(cell.text))

    return replace(
        grid,
        columns=tuple([column._replace(heading=terminal(column.heading)) for column in grid.columns]),
        caption=terminal(grid.caption),
        rows=tuple([tuple([clean(cell) for cell in row]) for row in grid.rows]),
        total=None if grid.total is None else tuple([clean(cell) for cell in grid.total]),
        title=terminal(grid.title),
        notes=tuple(map(terminal, grid.notes)),
    )
