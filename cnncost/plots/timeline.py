"""Ten architectures of the Brno lecture by year, with their parameters counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnncost import units
from cnncost.analysis import analyze
from cnncost.graph import Graph
from cnncost.language import load
from cnncost.plots import labels, style, ticks
from cnncost.plots.drawing import Drawing
from cnncost.request import Run


class Milestone(NamedTuple):
    """An architecture, the year that the lecture gives, and the parameters that it prints."""

    spec: str
    name: str
    year: int
    printed: float | None


MILESTONES = (
    Milestone("lenet5", "LeNet-5", 1998, 60e3),
    Milestone("alexnet", "AlexNet", 2012, 60e6),
    Milestone("vgg16", "VGG-16", 2014, 138e6),
    Milestone("googlenet", "Inception-v1", 2014, 5e6),
    Milestone("inception_v3", "Inception-v3", 2015, 24e6),
    Milestone("resnet50", "ResNet-50", 2015, 26e6),
    Milestone("xception", "Xception", 2016, 23e6),
    Milestone("inception_v4", "Inception-v4", 2016, 43e6),
    Milestone("inception_resnet_v2", "Inception-ResNet-v2", 2016, 56e6),
    Milestone("resnext50_32x4d", "ResNeXt-50", 2017, 25e6),
)


def draw(graphs: Sequence[Graph], run: Run) -> Drawing:
    """A point per architecture: year across, true to scale, parameters upwards, counted from the specs."""
    params = [analyze(load(milestone.spec)).totals.params for milestone in MILESTONES]
    years = [milestone.year for milestone in MILESTONES]
    figure = style.figure(9.5, 4.5)
    axes = figure.add_subplot()
    axes.plot(years, params, "o", color=style.BLUE, zorder=3)
    ticks.scaled(axes.yaxis, [1e4, 1e9], units.MILLION, logarithmic=True)
    axes.set_ylim(1e4, 1e9)
    axes.set_xlim(min(years) - 1, max(years) + 2.5)
    axes.set_xticks(range(1998, 2018, 4 if style.narrow() else 2))
    axes.set_xticks(range(min(years), max(years) + 1), minor=True)
    axes.set_xlabel("year")
    axes.set_ylabel("parameters (M), counted")
    style.title(axes, "Ten architectures by year")
    style.closing_line(
        figure,
        "Years as the Brno lecture gives them; parameters counted from the specs: all learnable values. "
        "Inception-v1 is GoogLeNet.",
    )
    texts = [
        labels.Label(f"{milestone.name}, {units.count(value)}", milestone.year, value)
        for milestone, value in sorted(zip(MILESTONES, params, strict=True), key=lambda each: -each[1])
    ]
    left_out = labels.place(axes, texts)
    notes = (f"no room for the names of {', '.join(left_out)}",) if left_out else ()
    rows = tuple((*milestone, value) for milestone, value in zip(MILESTONES, params, strict=True))
    return Drawing(figure, ("spec", "name", "year", "printed_params", "params"), rows, notes)
