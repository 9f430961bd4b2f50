"""What every kind of plot gives back: a figure, the data behind it, and what was left out."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Union

from cnncost.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cnncost.graph import Graph
    from cnncost.measure.files import Measurement

Raw = Union[None, int, float, str]

FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
"""File suffixes and the formats they mean."""


class Added(NamedTuple):
    """A model of the caller's, and its accuracy in percent."""

    graph: Graph
    accuracy: float


class Choices(NamedTuple):
    """What a caller can choose; a kind uses those that `plots.KINDS` lists for it."""

    batch: int = 1
    dtype: str = "float32"
    mode: str = "eval"
    convention: str = "cnncost"
    by: str | None = None  #: layer, block or stage; None: the finest that stays readable
    x: str | None = None  #: the quantity across; None: the kind's usual one
    y: str | None = None  #: the quantity upwards
    values: tuple[int, ...] | None = None  #: a sweep's resolutions or batches
    device: str = "a100-80gb"  #: a name in `cnncost.devices`
    measured: tuple[Measurement, ...] = ()  #: of `cnncost measure -o` files
    add: tuple[Added, ...] = ()  #: models to be placed by an accuracy that the caller states


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
        with style.applied():
            self.figure.savefig(out, format=format, dpi=200, metadata=undated[format])
        return out.getvalue()


def picture_format(path: Path) -> str:
    """The format that a file's suffix means. Raises UsageError."""
    if path.suffix not in FORMATS:
        raise UsageError(
            f"{path}: no picture has the suffix {path.suffix!r}\n  suffixes: {', '.join(FORMATS)}"
        )
    return FORMATS[path.suffix]
