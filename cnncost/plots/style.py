"""How all plots look: colours that the colour-blind tell apart, axes, units, the closing line.

Colours are those of Okabe and Ito (2008), which differ in lightness too; where there are more
things than colours, the marker's shape tells them apart.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost import units
from cnncost.escape import line
from cnncost.plots import sheet
from cnncost.units import Unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, BLACK = "#56B4E9", "#CC79A7", "#000000"
COLOURS = (BLUE, ORANGE, GREEN, RED, SKY, PURPLE, BLACK)
"""Okabe and Ito's, without their yellow: it vanishes on white paper."""
MARKERS = "osD^vPX"
KIN_COLOURS = {
    "convolution": BLUE,
    "linear": ORANGE,
    "pooling": GREEN,
    "normalization": SKY,
    "activation": RED,
    "join": PURPLE,
    "other": BLACK,
    "block": "#999999",
}
GREY = "#666666"
LONGEST_NAME, LONGEST_TITLE = 64, 120
_DOLLAR = re.compile(r"(?<!\\)\$")
SETTINGS: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "grid.color": "#E0E0E0",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "cnncost",
    "pdf.fonttype": 42,
}


class Look(NamedTuple):
    """How one of several things is drawn."""

    colour: str
    marker: str


@contextmanager
def applied() -> Iterator[None]:
    """The settings of all plots on the current sheet, for as long as a figure is made or written.

    They stand on matplotlib's own: a `matplotlibrc` of the working directory is a file of whoever wrote the
    project, and could have LaTeX run on names.
    """
    import matplotlib

    page = sheet.current()
    settings = dict(SETTINGS)
    if page.type is not None:
        settings |= dict.fromkeys(("font.size", "axes.titlesize", "legend.fontsize"), page.type)
    if page.font is not None:
        settings["font.family"] = [page.font]
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(settings)
        yield


def points(usual: float) -> float:
    """The type of a text that usually has so many points."""
    return sheet.current().type or usual


def figure(width: float = 7.0, height: float = 4.5, *, rows: bool = False, below: int = 0) -> Figure:
    """An empty figure of so many inches, drawn without a display, or as the sheet has it.

    A sheet's width takes the height with it, down to 0.75 of the width; `rows`: the height is that of
    rows of type, and stays; `below`: lines of a legend that a narrow sheet has below the axes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    page = sheet.current()
    if page.width is not None:
        tall = height if rows else max(height * page.width / width, 0.75 * page.width)
        width, height = page.width, tall + (below * points(8) * 1.6 / 72 if narrow() else 0)
    height = page.height or height
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def settle(figure: Figure) -> None:
    """Lay out a figure for good: every later drawing would move things by a fraction of a pixel."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def looks(names: Iterable[str]) -> dict[str, Look]:
    """A look for every name, in order of first appearance: colours first, then shapes."""
    distinct = list(dict.fromkeys(names))
    count = len(COLOURS)
    return {
        name: Look(COLOURS[index % count], MARKERS[index // count % len(MARKERS)])
        for index, name in enumerate(distinct)
    }


def curves(names: Iterable[str]) -> dict[str, Look]:
    """A look for every name whose neighbours differ in colour and in shape: for lines with markers."""
    distinct = list(dict.fromkeys(names))
    count = len(COLOURS)
    return {
        name: Look(COLOURS[index % count], MARKERS[(index + index // count) % len(MARKERS)])
        for index, name in enumerate(distinct)
    }


def title(axes: Axes, text: str) -> None:
    """The title of a picture, unless the sheet has another, or none."""
    own = sheet.current().title
    if own != "":
        axes.set_title(as_words(text if own is None else own, LONGEST_TITLE))


def name(model: str) -> str:
    """A model's name as the sheet prints it."""
    return as_words(sheet.current().name(model))


def as_words(text: str, most: int = LONGEST_NAME) -> str:
    """Foreign words in a picture: in one line, not too long, and no mathematics of matplotlib."""
    text = line(text)
    short = text if len(text) <= most else f"{text[: most - 3]}..."
    short = f" {short}" if short.startswith("_") else short  # matplotlib leaves such out of a legend
    return _DOLLAR.sub(r"\\$", short)


def closing_line(figure: Figure, text: str) -> None:
    """Convention, batch and dtype in small print below everything, wrapped to the width.

    A sheet without a footnote has it in the metadata of the figure only, for the caption.
    """
    figure.set_label(text)
    if not sheet.current().footnote:
        return
    # 7 point text takes about 0.053 inch a character.
    wrapped = textwrap.fill(text, int(figure.get_figwidth() / 0.053))
    figure.supxlabel(wrapped, x=0.01, ha="left", fontsize=7, color=GREY)


def settings_line(batch: int, dtype: str, mode: str) -> str:
    """`batch 1, float32, eval` for the closing line."""
    return f"batch {batch}, {dtype}, {mode}"


def unit_of(values: Sequence[float], kinds: tuple[Unit, ...]) -> Unit:
    """The unit in which the middle of some values reads well."""
    ordered = sorted(abs(value) for value in values) or [0]
    return units.fitting(ordered[len(ordered) // 2], kinds)


def narrow() -> bool:
    """Whether the sheet is too narrow for a legend beside the axes."""
    width = sheet.current().width
    return width is not None and width < 5


def _below(axes: Axes) -> Any:
    """A place under the label of the axis across: 2.9 lines of type below the axes."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure(root=True)
    assert figure is not None
    return axes.transAxes + ScaledTranslation(0, -3.4 * points(8) / 72, figure.dpi_scale_trans)


def legend_right(axes: Axes, **options: Any) -> None:
    """A legend beside the axes, or below them on a narrow sheet, where it can cover nothing."""
    if narrow():
        place = {"loc": "upper left", "bbox_to_anchor": (0.0, 0.0), "bbox_transform": _below(axes)}
        axes.legend(**{**place, "ncols": 2, "borderaxespad": 0, **options})
        return
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, **options)
