"""Grid -> text for a terminal, drawn by rich; colour only where the terminal has it."""

from __future__ import annotations

import sys
from typing import IO

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from cnncost.tables.grid import Grid


def render(grid: Grid) -> str:
    """The table as plain text, as wide as it needs to be."""
    import io

    out = io.StringIO()
    _print(Console(file=out, color_system=None, width=10_000), grid)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def show(grids: list[Grid], file: IO[str] | None = None) -> None:
    """Print tables on a terminal with its colours, elsewhere as plain text."""
    file = file or sys.stdout
    if not file.isatty():
        file.write("\n".join(render(grid) for grid in grids))
        return
    console = Console(file=file, highlight=False)
    for grid in grids:
        _print(console, grid)


def _print(console: Console, grid: Grid) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=grid.total is not None)
    for index, column in enumerate(grid.columns):
        footer = grid.total[index].text if grid.total else ""
        justify = "right" if column.number else "left"
        table.add_column(
            column.heading, footer=footer, justify=justify, no_wrap=True, footer_style="bold", header_style="bold"
        )  # type: ignore[arg-type]
    for row in grid.rows:
        table.add_row(*[cell.text for cell in row])
    if grid.title:
        console.print(grid.title, style="bold", markup=False, highlight=False, soft_wrap=True)
    needed = Measurement.get(console, console.options.update(max_width=10_000), table).maximum
    console.print(table, width=max(needed, 1), crop=False, no_wrap=True, overflow="ignore")
    for note in grid.notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True, style="dim")
