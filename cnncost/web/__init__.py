"""What the pages in a browser share: the drawing of a network's graph, that zooms and folds.

    layout.js    rows -> places: blocks closed into a box or open in a frame, each below what it reads
    graph.js     places -> SVG with its buttons: zoom, fold, scroll, lead to a row
    graph.css    its look, in the colours of the page around it (--ink, --panel, --line, --here, ...)

The page of `report` holds these texts, `live` serves the files.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
SCRIPTS = ("layout.js", "graph.js")
STYLE = "graph.css"


def asset(name: str) -> str:
    """The text of one of the files."""
    return (FOLDER / name).read_text(encoding="utf-8")
