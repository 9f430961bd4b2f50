"""What every kind of plot gives back: a figure, the data behind it, and what was left out."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cnncost.errors import UsageError
from cnncost.tables.grid import Raw
from cnncost.writing import check_place, is_stream

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cnncost.graph import Graph

FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
"""File suffixes and the formats they mean."""


class Added(NamedTuple):
    """A model of the caller's, and its accuracy in percent."""

    graph: Graph
    accuracy: float


@dataclass(frozen=True)
class Drawing:
    """A picture with the numbers that it shows, raw and unrounded."""

    figure: Figure  #: its label is the footnote, for a caption
    columns: tuple[str, ...]
    rows: tuple[tuple[Raw, ...], ...]
    notes: tuple[str, ...] = ()  #: what could not be drawn and why, for stderr

    def csv(self) -> str:
        """The data as CSV with one header line."""
        import csv

        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return out.getvalue()

    def bytes(self, format: str) -> bytes:
        """The picture as png (200 dots per inch), svg (texts as text) or pdf; the same bytes every time."""
        from cnncost.plots import style

        undated = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
        out = io.BytesIO()
        date = os.environ.pop("SOURCE_DATE_EPOCH", None)  # matplotlib reads it for the date that we leave out
        try:
            with style.applied():
                self.figure.savefig(out, format=format, dpi=200, metadata=undated[format])
        finally:
            if date is not None:
                os.environ["SOURCE_DATE_EPOCH"] = date
        return out.getvalue()


def picture_format(path: Path) -> str:
    """The format that a file's suffix means; of a device or a pipe SVG. Raises UsageError."""
    check_place(path)
    if not path.suffix and is_stream(path):
        return "svg"
    if path.suffix not in FORMATS:
        raise UsageError(
            f"{path}: no picture has the suffix {path.suffix!r}\n  suffixes: {', '.join(FORMATS)}"
        )
    return FORMATS[path.suffix]
