"""The ILSVRC story that every lecture tells: top-5 error by year, and how deep the nets became."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnncost.graph import Graph
from cnncost.plots import style
from cnncost.plots.drawing import Drawing
from cnncost.request import Run


class Entry(NamedTuple):
    """A net of the challenge, as the lectures quote it."""

    year: int
    name: str
    error: float  #: top-5, percent
    layers: int  #: with weights
    source: str


SHANGHAI = "ShanghaiTech lecture"
ENTRIES = (
    Entry(
        2012,
        "AlexNet",
        16.4,
        8,
        f"{SHANGHAI}, DeepRob and IIT Kharagpur lectures (ZFNet page); layers: {SHANGHAI}",
    ),
    Entry(2013, "ZFNet", 11.7, 8, f"{SHANGHAI} (ZFNet, VGGNet); layers: those of AlexNet"),
    Entry(2014, "VGGNet", 7.3, 19, f"{SHANGHAI} (VGGNet: 16 to 19 layers)"),
    Entry(2014, "GoogLeNet", 6.7, 22, f"{SHANGHAI} (GoogLeNet), IIT Kharagpur lecture"),
    Entry(2015, "ResNet", 3.57, 152, f"{SHANGHAI} (ResNet: 152 layers)"),
)


def draw(graphs: Sequence[Graph], run: Run) -> Drawing:
    """Error above, depth below, a bar per net; the figures are the lectures', no spec is read."""
    figure = style.figure(6.5, 4.8)
    upper, lower = figure.subplots(2, 1, sharex=True)
    places = range(len(ENTRIES))
    bars = (
        (upper, [entry.error for entry in ENTRIES], style.BLUE, "top-5 error (%)"),
        (lower, [entry.layers for entry in ENTRIES], style.ORANGE, "layers with weights"),
    )
    for axes, values, colour, title in bars:
        axes.bar(places, values, width=0.6, color=colour)
        for place, value in zip(places, values, strict=True):
            axes.annotate(
                f"{value:g}",
                (place, value),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                fontsize=style.points(8),
                gid="label",
            )
        axes.set_ylabel(title)
        axes.grid(False, axis="x")
        axes.margins(y=0.15)
    style.title(upper, "ImageNet challenge (ILSVRC): error and depth")
    lower.set_xticks(places, [f"{entry.name}\n{entry.year}" for entry in ENTRIES])
    style.closing_line(
        figure,
        "Classification error of the competition entries (several nets and crops), as the lectures quote it.",
    )
    return Drawing(figure, Entry._fields, ENTRIES)
