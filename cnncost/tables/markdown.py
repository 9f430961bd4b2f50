"""Grid -> GitHub-flavoured Markdown."""

from __future__ import annotations

from cnncost.escape import markdown
from cnncost.tables.grid import Cell, Grid


def render(grid: Grid) -> str:
    """The table in Markdown: numbers right-aligned, totals in bold, notes below (or alone)."""
    lines = [f"### {grid.title}", ""] if grid.title else []
    if not grid.columns:
        return "\n\n".join([*lines[:1], *grid.notes]) + "\n"
    lines.append(_line(column.heading for column in grid.columns))
    lines.append(_line("--:" if column.number else "---" for column in grid.columns))
    lines.extend(_line(_escaped(cell) for cell in row) for row in grid.rows)
    if grid.total:
        lines.append(_line(f"**{_escaped(cell)}**" if cell.text else "" for cell in grid.total))
    for note in grid.notes:
        lines.extend(["", note])
    return "\n".join(lines) + "\n"


def _line(cells: object) -> str:
    return "| " + " | ".join(cells) + " |"  # type: ignore[arg-type]


def _escaped(cell: Cell) -> str:
    return markdown(cell.text.replace("\n", " "))
