"""Where results go: the format by name or suffix, standard output or a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cnncost import escape
from cnncost.errors import UsageError, known_word
from cnncost.tables.grid import Grid, printable
from cnncost.tables.paper import Paper, chosen
from cnncost.writing import check_place, is_stream, write

SUFFIXES = {".txt": "text", ".md": "markdown", ".csv": "csv", ".tex": "latex", ".json": "json"}
FORMATS = tuple(SUFFIXES.values())
ELSEWHERE = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "a spreadsheet reads .csv"),
    **dict.fromkeys((".html", ".htm"), "pages: cnncost report"),
    **dict.fromkeys((".svg", ".png", ".pdf"), "pictures: cnncost plot, cnncost draw"),
    ".onnx": "networks: cnncost export",
    ".yaml": "specs: cnncost import",
}
"""What to do instead where a suffix is of no table."""

Renderers = Mapping[str, Callable[[], str]]
"""Formats that only one command has, by name."""


def chosen_format(
    given: str | None,
    output: Path | None,
    *,
    formats: tuple[str, ...] = FORMATS,
    suffixes: Mapping[str, str] = SUFFIXES,
) -> str:
    """The format that was asked for, else the output file's, else the first (text). Raises UsageError."""
    if output is not None:
        check_place(output)
    if given is not None:
        given = suffixes.get(f".{given}", given)  # tex is latex
        return known_word("unknown format", given, formats, "formats")
    if output is None or (not output.suffix and is_stream(output)):
        return formats[0]
    if output.suffix not in suffixes:
        known = ", ".join(f"{suffix} ({name})" for suffix, name in suffixes.items())
        raise UsageError(
            f"{output}: no format has the suffix {output.suffix!r}",
            cure=ELSEWHERE.get(output.suffix) if "text" in formats else None,
            more=f"suffixes: {known}; or pass --format",
        )
    return suffixes[output.suffix]


def emit(
    grids: Sequence[Grid],
    document: Any,
    *,
    format: str | None = None,
    output: Path | None = None,
    paper: Paper = Paper(),
) -> None:
    """Print tables (or their JSON document) or write them to a file, in the chosen format.

    `paper` chooses columns, and says how LaTeX sets the tables.
    """
    put(list(grids), document, chosen_format(format, output), output, paper=paper)


def put(
    grids: list[Grid],
    document: Any,
    kind: str,
    output: Path | None,
    own: Renderers | None = None,
    paper: Paper = Paper(),
) -> None:
    """The same in a format that is already chosen; `own` renders those that only this command has."""
    grids = chosen(grids, paper.columns)
    if output is None and kind == "text":
        from cnncost.tables.text import show

        show(grids)
        return
    content = own[kind]() if own and kind in own else rendered(grids, document, kind, paper)
    if output is None:
        sys.stdout.write(content)
    else:
        write(output, content)


def rendered(grids: list[Grid], document: Any, kind: str, paper: Paper = Paper()) -> str:
    """Tables in a format; `document` is what JSON says."""
    if kind == "json":
        return escape.document(document) + "\n"
    grids = list(map(printable, grids))
    if kind == "csv":
        from cnncost.tables import csv

        return csv.render(grids)
    if kind == "markdown":
        from cnncost.tables import markdown

        return "\n".join(markdown.render(grid) for grid in grids)
    if kind == "latex":
        from cnncost.tables import latex

        papers = map(paper.of_table, range(len(grids)))
        return "\n".join(map(latex.render, grids, papers))
    from cnncost.tables import text

    return "\n".join(text.render(grid) for grid in grids)
