"""Grid -> text for a terminal.

rich would draw the same at 2 ms a row, which is most of what `cnncost table` takes; columns of short
words need no more than `ljust`, so we draw them here. A terminal gets a table that fits it, in bold and
dim unless NO_COLOR is set; whoever reads a pipe or a file gets all of it.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from itertools import zip_longest
from typing import IO

from cnncost.tables.fit import fitted
from cnncost.tables.grid import Grid, printable
from cnncost.tables.wrap import wrap

GAP = "   "

Style = Callable[[str], str]


def render(grid: Grid, bold: Style = str, dim: Style = str, width: int | None = None) -> str:
    """The table as text: title, header, rows, totals, notes. Without columns it is title and notes.

    `width` is that of a terminal in characters; None: as wide as the table is.
    """
    gap = GAP
    if width is not None:
        grid, blanks = fitted(grid, width)
        gap = " " * blanks
    lines = [*_styled(grid.title, bold), ""] if grid.title else []
    notes = [line for note in grid.notes for line in _styled(note, dim)]
    if not grid.columns:
        return "\n".join([*lines, *notes]) + "\n"
    headings = [column.heading for column in grid.columns]
    rows = [[cell.text for cell in row] for row in grid.rows]
    total = [cell.text for cell in grid.total] if grid.total else []
    numbers = [column.number for column in grid.columns]
    widths = [
        max(len(line) for text in texts for line in text.split("\n"))
        for texts in zip(headings, *rows, *([total] if total else []), strict=True)
    ]

    def drawn(texts: list[str]) -> list[str]:
        """A row; where a cell has several lines, so has the row."""
        height = zip_longest(*(text.split("\n") for text in texts), fillvalue="")
        return [line(list(parts)) for parts in height]

    def line(texts: list[str]) -> str:
        cells = (
            text.rjust(size) if number else text.ljust(size)
            for text, size, number in zip(texts, widths, numbers, strict=True)
        )
        return gap.join(cells).rstrip()

    rule = "─" * (sum(widths) + len(gap) * (len(widths) - 1))
    lines += [*map(bold, drawn(headings)), rule]
    lines += [each for row in rows for each in drawn(row)]
    if total:
        lines += [rule, *map(bold, drawn(total))]
    if notes:
        lines += ["", *notes]
    return "\n".join(lines) + "\n"


def show(grids: list[Grid], file: IO[str] | None = None) -> None:
    """Print tables, a blank line between them; if the reader is a terminal, styled and fitted to it."""
    file = file or sys.stdout
    styled = file.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    bold, dim = (_ansi("1"), _ansi("2")) if styled else (str, str)
    width = terminal_width(file)
    file.write("\n".join(render(printable(grid), bold, dim, width) for grid in grids))


def terminal_width(file: IO[str]) -> int | None:
    """The characters in a line of the terminal that a stream is; None if it is none."""
    return shutil.get_terminal_size().columns if file.isatty() else None


def fitting(text: str) -> str:
    """A text for standard output: in lines that fit if that is a terminal, as it is otherwise."""
    width = terminal_width(sys.stdout)
    return text if width is None else "\n".join(wrap(text, width))


def _styled(text: str, style: Style) -> list[str]:
    return [style(line) for line in text.split("\n")]


def _ansi(code: str) -> Style:
    return lambda text: f"\x1b[{code}m{text}\x1b[0m" if text else text
