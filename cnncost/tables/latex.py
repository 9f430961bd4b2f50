"""Grid -> LaTeX with booktabs; numbers are aligned by siunitx's S columns."""

from __future__ import annotations

import re

from cnncost.tables.grid import Cell, Column, Grid

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "×": r"$\times$", "µ": r"\textmu{}",
    "≥": r"$\geq$",
}  # fmt: skip
_SHRINK = "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%"
"""A wide table shrinks to the line, a narrow one stays as it is."""
_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?\Z")


def render(grid: Grid) -> str:
    """A table environment no wider than a line; it needs \\usepackage{booktabs,graphicx,siunitx}."""
    numeric = [_is_numeric(grid, index) for index in range(len(grid.columns))]
    lines = [
        "% needs \\usepackage{booktabs,graphicx,siunitx}",
        "\\begin{table}",
        "\\centering",
        f"\\caption{{{escape(grid.caption or grid.title)}}}",
    ]
    if grid.label:
        lines.append(f"\\label{{tab:{grid.label}}}")
    formats = "".join(
        _format(grid, index) if plain else "lr"[column.number]
        for index, (column, plain) in enumerate(zip(grid.columns, numeric, strict=True))
    )
    lines += [_SHRINK, f"\\begin{{tabular}}{{{formats}}}", "\\toprule"]
    headings = (
        f"{{{escape(c.heading)}}}" if plain else escape(c.heading)
        for c, plain in zip(grid.columns, numeric, strict=True)
    )
    lines += [" & ".join(headings) + " \\\\", "\\midrule"]
    lines += [_row(row, numeric) for row in grid.rows]
    if grid.total:
        lines += ["\\midrule", _row(grid.total, numeric)]
    lines += ["\\bottomrule", "\\end{tabular}}"]
    lines += [f"\\par\\smallskip\\footnotesize {escape(note)}" for note in grid.notes]
    lines.append("\\end{table}")
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text in which no character has a meaning to TeX."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def _cells(grid: Grid, index: int) -> list[Cell]:
    rows = [*grid.rows, grid.total] if grid.total else list(grid.rows)
    return [row[index] for row in rows]


def _is_numeric(grid: Grid, index: int) -> bool:
    column: Column = grid.columns[index]
    return column.number and all(not cell.text or _NUMBER.match(cell.text) for cell in _cells(grid, index))


def _format(grid: Grid, index: int) -> str:
    texts = [cell.text.replace(",", "") for cell in _cells(grid, index) if cell.text]
    whole = max((len(text.partition(".")[0]) for text in texts), default=1)
    decimals = max((len(text.partition(".")[2]) for text in texts), default=0)
    return f"S[table-format={whole}.{decimals}]"


def _row(row: tuple[Cell, ...], numeric: list[bool]) -> str:
    cells = (
        cell.text.replace(",", "") if plain else escape(cell.text)
        for cell, plain in zip(row, numeric, strict=True)
    )
    return " & ".join(cells) + " \\\\"
