"""Grid -> text for a terminal.

rich would draw the same at 2 ms a row, which is most of what `cnncost table` takes; columns of short
words need no more than `ljust`, so we draw them here. Bold only on a terminal, never under NO_COLOR.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import IO

from cnncost.tables.grid import Grid

GAP = "   "

Style = Callable[[str], str]


def render(grid: Grid, bold: Style = str, dim: Style = str) -> str:
    """The table as text: title, header, rows, totals, notes. Without columns it is title and notes."""
    lines = [bold(grid.title), ""] if grid.title else []
    if not grid.columns:
        return "\n".join([*lines, *map(dim, grid.notes)]) + "\n"
    headings = [column.heading for column in grid.columns]
    rows = [[cell.text for cell in row] for row in grid.rows]
    total = [cell.text for cell in grid.total] if grid.total else []
    numbers = [column.number for column in grid.columns]
    widths = [
        max(map(len, texts)) for texts in zip(headings, *rows, *([total] if total else []), strict=True)
    ]

    def line(texts: list[str]) -> str:
        cells = (
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(texts, widths, numbers, strict=True)
        )
        return GAP.join(cells).rstrip()

    rule = "─" * (sum(widths) + len(GAP) * (len(widths) - 1))
    lines += [bold(line(headings)), rule, *map(line, rows)]
    if total:
        lines += [rule, bold(line(total))]
    if grid.notes:
        lines += ["", *map(dim, grid.notes)]
    return "\n".join(lines) + "\n"


def show(grids: list[Grid], file: IO[str] | None = None) -> None:
    """Print tables, a blank line between them, styled if the reader is a terminal."""
    file = file or sys.stdout
    styled = file.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    bold, dim = (_ansi("1"), _ansi("2")) if styled else (str, str)
    file.write("\n".join(render(grid, bold, dim) for grid in grids))


def _ansi(code: str) -> Style:
    return lambda text: f"\x1b[{code}m{text}\x1b[0m" if text else text
