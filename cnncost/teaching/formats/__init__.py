"""Sheets in the formats of those who hand them out: a file each.

    pages.py       what stands on a sheet, in order, as plain parts
    markdown.py    latex.py    html.py    notebook.py    moodle.py

What is asked and how it is solved does not enter here, nor how files are written.
"""

from __future__ import annotations

from collections.abc import Callable

from cnncost.teaching.sheet import ExerciseSheet

SUFFIXES = {".md": "markdown", ".tex": "latex", ".html": "html", ".ipynb": "notebook", ".xml": "moodle",
            ".json": "json"}  # fmt: skip
FORMATS = tuple(SUFFIXES.values())

Render = Callable[[ExerciseSheet, bool], str]


def rendering(format: str) -> Render:
    """The function that renders a sheet, with or without solutions, in a format but JSON."""
    from importlib import import_module

    render: Render = import_module(f"cnncost.teaching.formats.{format}").render
    return render
