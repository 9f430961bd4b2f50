"""Grid -> LaTeX with booktabs; numbers are aligned by siunitx's S columns, workings are mathematics."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cnncost.errors import known_word
from cnncost.tables.grid import Cell, Column, Grid
from cnncost.tables.mathematics import escape, mathematics
from cnncost.tables.paper import WIDTHS, Paper, without

NEEDS = "% needs \\usepackage{booktabs,graphicx,siunitx,amsmath}"
_SHRINK = "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%"
"""A wide table shrinks to the line, a narrow one stays as it is."""
_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?\Z")
_SIGNED = re.compile(r"([+-])([\d,]+(?:\.\d+)?)\Z")
_SHAPE = re.compile(r"(?:\d+ of )?\d+(?:x\d+)+(?:/\d+)?(?:, \d+(?:x\d+)+)*\Z")
_SIZES = re.compile(r"(?<![\w.])\d+(?:x\d+)+(?![\w])")
_UNNAMED = re.compile(r"[^\w:.+-]+", re.ASCII)
"""What stands in no label of TeX."""
SIZES = (("\\small", 9.0), ("\\footnotesize", 8.0), ("\\scriptsize", 7.0))
"""Sizes of type to try for a given width, and their points; smaller cannot be read in print."""
_AVERAGE = 0.5
"""The width of a character of Computer Modern's digits, in its size."""
_BETWEEN = 6.0
"""Points between two columns (\\tabcolsep is set to half of it)."""
_PARAGRAPH = 100.0
_NARROW = 36.0
"""The least width of a column of text in several lines, in points; and where there is no other way."""


def render(grid: Grid, paper: Paper = Paper()) -> str:
    """A table environment no wider than a line, or for `paper.width` column or page no wider than that.

    A column and a page get the largest of \\small, \\footnotesize and \\scriptsize in which the table fits.
    If none does, texts are broken into lines; then columns are left out in the grid's order, and a comment
    names them. A grid without columns is its notes. It needs
    \\usepackage{booktabs,graphicx,siunitx,amsmath}.
    """
    size, dropped, paragraphs = "", list[str](), dict[int, float]()
    if not grid.columns:
        return "\n".join([NEEDS, *map(_note, grid.notes)]) + "\n"
    if (room := WIDTHS[known_word("unknown width", paper.width, WIDTHS, "widths")]) is not None:
        grid, size, dropped, paragraphs = _sized(grid, room)
    environment = "table*" if paper.width == "page" else "table"
    numeric = [_is_numeric(grid, index) for index in range(len(grid.columns))]
    lines = [NEEDS]
    if dropped:
        lines.append(f"% left out to fit a {paper.width}: {', '.join(dropped)}; --columns chooses others")
    lines += [f"\\begin{{{environment}}}", "\\centering", *_caption(grid, paper)]
    if size:
        lines.append(f"{size}\\setlength{{\\tabcolsep}}{{{_BETWEEN / 2:g}pt}}")
    formats = "".join(
        f">{{\\raggedright\\arraybackslash}}p{{{paragraphs[index]:.0f}pt}}"
        if index in paragraphs
        else _format(grid, index)
        if plain
        else "lr"[column.number]
        for index, (column, plain) in enumerate(zip(grid.columns, numeric, strict=True))
    )
    lines += [_SHRINK, f"\\begin{{tabular}}{{{formats}}}", "\\toprule"]
    headings = (
        f"{{{escape(c.heading)}}}" if plain else escape(c.heading)
        for c, plain in zip(grid.columns, numeric, strict=True)
    )
    lines += [" & ".join(headings) + " \\\\", "\\midrule"]
    lines += [_row(row, grid.columns, numeric) for row in grid.rows]
    if grid.total:
        lines += ["\\midrule", _row(grid.total, grid.columns, numeric)]
    lines += ["\\bottomrule", "\\end{tabular}}"]
    lines += map(_note, grid.notes)
    lines.append(f"\\end{{{environment}}}")
    return "\n".join(lines) + "\n"


def _note(note: str) -> str:
    """A line below a table, or of its own."""
    return f"\\par\\smallskip{{\\footnotesize\\raggedright {_prose(note)}\\par}}"


def _prose(text: str) -> str:
    """A caption or a note: shapes with TeX's times."""
    return escape(_SIZES.sub(lambda match: match.group().replace("x", "×"), text))


def _caption(grid: Grid, paper: Paper) -> list[str]:
    """Caption and label; the caption stands above the table, apart from its rule."""
    caption = paper.caption or grid.caption or grid.title
    label = paper.label or (f"tab:{_UNNAMED.sub('-', grid.label)}" if grid.label else "")
    lines = ["\\setlength{\\abovecaptionskip}{0pt}\\setlength{\\belowcaptionskip}{6pt}"] if caption else []
    lines += [f"\\caption{{{_prose(caption)}}}"] if caption else []
    return [*lines, f"\\label{{{label}}}"] if label else lines


def _sized(grid: Grid, room: float) -> tuple[Grid, str, list[str], dict[int, float]]:
    """The grid that fits the room, its size of type, the columns that had to go, and the points of those
    that are set in lines."""
    order = [key for key in grid.optional if key in {column.key for column in grid.columns}]
    size, points = SIZES[-1]
    for dropped in range(len(order) + 1):
        kept = without(grid, set(order[:dropped]))
        for larger, its_points in SIZES:
            if sum(_widths(kept, its_points)) <= room:
                return kept, larger, order[:dropped], {}
        if paragraphs := _paragraphs(kept, _widths(kept, points), room, _PARAGRAPH):
            return kept, size, order[:dropped], paragraphs
    return kept, size, order, _paragraphs(kept, _widths(kept, points), room, _NARROW)


def _paragraphs(grid: Grid, widths: Sequence[float], room: float, least: float) -> dict[int, float]:
    """The points of the columns that are broken into lines so that all fit, the widest first.

    Each has room for its longest word and an equal part of what is left; {} where that is less than `least`.
    """
    broken: list[int] = []
    for index in sorted(range(len(widths)), key=lambda index: -widths[index]):
        if not _breaks(grid, index):
            continue
        broken.append(index)
        rest = room - sum(width for other, width in enumerate(widths) if other not in broken)
        words = {each: _longest_word(grid, each) for each in broken}
        more = (rest - sum(words.values())) / len(broken) - _BETWEEN
        if more >= 0 and min(words.values()) + more >= least:
            return {each: word + more for each, word in words.items()}
    return {}


def _breaks(grid: Grid, index: int) -> bool:
    """Whether a column is text that can stand in several lines."""
    texts = [cell.text for cell in _cells(grid, index)]
    return not grid.columns[index].number and any(re.search(r"[^ -][ -]+[^ -]", text) for text in texts)


def _longest_word(grid: Grid, index: int) -> float:
    """The points of what TeX does not break: it breaks at blanks and after hyphens."""
    words = (word for cell in _cells(grid, index) for word in re.split("[ -]", cell.text))
    return 1.1 * max(map(len, words), default=0) * _AVERAGE * SIZES[-1][1]


def _widths(grid: Grid, points: float) -> list[float]:
    """About how wide the columns are, in points."""
    return [
        max(len(column.heading), *(len(cell.text) for cell in _cells(grid, index)), 1) * _AVERAGE * points
        + _BETWEEN
        for index, column in enumerate(grid.columns)
    ]


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


def _row(row: tuple[Cell, ...], columns: tuple[Column, ...], numeric: list[bool]) -> str:
    cells = (
        cell.text.replace(",", "") if plain else _text(cell.text, column)
        for cell, column, plain in zip(row, columns, numeric, strict=True)
    )
    return " & ".join(cells) + " \\\\"


def _text(text: str, column: Column) -> str:
    """A cell that is no plain number: a working or a difference as mathematics, a shape with TeX's times."""
    if column.working and text:
        return mathematics(text)
    if column.number and (difference := _SIGNED.match(text)):
        return f"${difference[1]}{difference[2].replace(',', chr(92) + ',')}$"
    if _SHAPE.match(text):
        return escape(re.sub(r"(?<=\d)x(?=\d)", "×", text))
    return escape(text)
