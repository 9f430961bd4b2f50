"""Grid -> a grid that a terminal of some width can show. Only terminals: what is piped stays whole.

In this order, each only if the table is still too wide:

1. A unit per column (k, M, G; KiB, MiB, GiB), and `<0.01` for what would read 0.00 and is not zero.
2. Headings over several lines; 2 blanks between columns instead of 3.
3. Columns of text are wrapped, down to 24 characters; a number or a shape is never split.
4. Columns are left out, the least telling first; a line below names them and says how to see them.
5. What remains is wrapped as narrow as it must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from cnncost import units
from cnncost.tables.grid import Cell, Column, Grid
from cnncost.tables.unknown import sign
from cnncost.tables.wrap import longest_piece, wrap

GAPS = (3, 2)
READABLE = 24
"""Characters that wrapping leaves to a column of text while there are columns to leave out."""
LEAST = 6
"""Characters that it leaves when there is a single column of figures left."""
_ZERO = re.compile(r"0\.(0+)(\D*)\Z")


def fitted(grid: Grid, width: int) -> tuple[Grid, int]:
    """The grid for a terminal of `width` columns, and how many blanks part its columns.

    Cells, headings, title and notes hold line breaks where they are to be broken.
    """
    grid = legible(grid)
    order = _order(grid)
    for dropped in range(len(order) + 1):
        rest = _without(grid, set(order[:dropped]))
        for gap, widths in _layouts(rest, width, last=dropped >= len(order) - 1):
            if sum(widths) + gap * (len(widths) - 1) <= width:
                return _broken(rest, widths, width, order[:dropped]), gap
    return _broken(rest, widths, width, order), gap


def legible(grid: Grid) -> Grid:
    """The grid with a unit for each column, and nothing that is not zero shown as zero."""
    cells: list[list[Cell]] = []
    columns: list[Column] = []
    for index, column in enumerate(grid.columns):
        column, scaled = _scaled(column, [row[index] for row in _lines(grid)])
        columns.append(column)
        cells.append([_not_zero(cell) for cell in scaled])
    return _rebuilt(grid, columns, cells)


def _lines(grid: Grid) -> list[tuple[Cell, ...]]:
    return [*grid.rows, *([grid.total] if grid.total else [])]


def _rebuilt(grid: Grid, columns: list[Column], cells: list[list[Cell]]) -> Grid:
    rows = list(zip(*cells, strict=True))
    total = rows.pop() if grid.total else None
    return replace(grid, columns=tuple(columns), rows=tuple(rows), total=total)


def _scaled(column: Column, cells: list[Cell]) -> tuple[Column, list[Cell]]:
    numbers = [cell.value for cell in cells if isinstance(cell.value, (int, float))]
    if column.unit is None or not numbers:
        return column, cells
    unit = units.of_column(numbers, column.unit)
    bare = column.heading.removesuffix(f" ({column.unit.symbol})")
    return column._replace(heading=unit.heading(bare), unit=unit), [
        cell._replace(text=sign(cell.text) + unit.legible(cell.value))
        if isinstance(cell.value, (int, float)) and cell.text
        else cell
        for cell in cells
    ]


def _not_zero(cell: Cell) -> Cell:
    """0.00 of what is not zero as <0.01, 0.0% as <0.1%."""
    zero = _ZERO.match(cell.text)
    if zero is None or not isinstance(cell.value, (int, float)) or not cell.value:
        return cell
    return cell._replace(text=f"<0.{'0' * (len(zero[1]) - 1)}1{zero[2]}")


def _order(grid: Grid) -> list[str]:
    """The keys of the columns that may go, in the order in which they do; the first column stays."""
    others = [column.key for column in grid.columns[1:]]
    return [
        *(key for key in grid.optional if key in others),
        *(key for key in reversed(others) if key not in grid.optional),
    ]


def _without(grid: Grid, dropped: set[str]) -> Grid:
    kept = [index for index, column in enumerate(grid.columns) if column.key not in dropped]
    return _rebuilt(
        grid,
        [grid.columns[index] for index in kept],
        [[row[index] for row in _lines(grid)] for index in kept],
    )


def _layouts(grid: Grid, width: int, last: bool) -> Iterator[tuple[int, list[int]]]:
    """Blanks and widths of columns to try, the roomiest first; `last`: two are left, or one."""
    texts = [[row[index].text for row in _lines(grid)] for index in range(len(grid.columns))]
    content = [max((len(text) for text in column), default=0) for column in texts]
    headings = [column.heading for column in grid.columns]
    whole = [max(len(heading), size) for heading, size in zip(headings, content, strict=True)]
    tight = [max(longest_piece(heading), size) for heading, size in zip(headings, content, strict=True)]
    for gap in GAPS:
        yield gap, whole
        yield gap, tight
    floors = [
        size
        if column.number
        else max(longest_piece(column.heading), min(size, LEAST if last else READABLE), _unsplit(cells))
        for column, size, cells in zip(grid.columns, tight, texts, strict=True)
    ]
    yield GAPS[-1], _squeezed(tight, floors, width - GAPS[-1] * (len(tight) - 1))


def _unsplit(texts: list[str]) -> int:
    """The widest number, shape or other piece with a digit in a column of text."""
    found = (longest_piece(word) for text in texts for word in text.split() if word[:1].isdigit())
    return max(found, default=0)


def _squeezed(sizes: list[int], floors: list[int], room: int) -> list[int]:
    """The sizes, the widest made narrower until they fit the room or are all at their floor."""
    sizes = list(sizes)
    while sum(sizes) > room:
        spare = [(size, index) for index, size in enumerate(sizes) if size > floors[index]]
        if not spare:
            break
        sizes[max(spare)[1]] -= 1
    return sizes


def _broken(grid: Grid, widths: list[int], width: int, dropped: list[str]) -> Grid:
    """The grid with line breaks in cells, headings and notes, and the line on what was left out."""
    columns = [
        column._replace(heading="\n".join(wrap(column.heading, size)))
        for column, size in zip(grid.columns, widths, strict=True)
    ]
    cells = [
        [
            cell if column.number else cell._replace(text="\n".join(wrap(cell.text, size, indent="  ")))
            for cell in (row[index] for row in _lines(grid))
        ]
        for index, (column, size) in enumerate(zip(grid.columns, widths, strict=True))
    ]
    notes = list(grid.notes)
    if dropped and grid.rows:
        notes.insert(0, left_out(dropped, width))
    return replace(
        _rebuilt(grid, columns, cells),
        title="\n".join(wrap(grid.title, width)),
        notes=tuple("\n".join(wrap(note, width)) for note in notes),
    )


def left_out(keys: list[str], width: int) -> str:
    """The line that names the columns which a terminal has no room for."""
    return (
        f"Left out at {width} columns: {', '.join(keys)}."
        " A wider terminal, `| less -S` or --columns shows them."
    )
