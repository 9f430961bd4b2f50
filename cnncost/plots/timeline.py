"""Ten architectures of the Brno lecture by year, with their parameters counted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from cnncost import units
from cnncost.analysis import analyze
from cnncost.graph import Graph
from cnncost.language import load
from cnncost.plots import labels, style, ticks
from cnncost.plots.drawing import Choices, Drawing


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


def draw(graphs: Sequence[Graph], choices: Choices) -> Drawing:
    """A stem per architecture: year across, parameters upwards, both axes' values from the zoo's specs."""
    params = [analyze(load(milestone.spec)).totals.params for milestone in MILESTONES]
    figure = style.figure(7.5, 4.5)
    axes = figure.add_subplot()
    places = _places()
    unit = units.MILLION
    axes.vlines(places, 1e4, params, color=style.SKY, linewidth=2)
    axes.plot(places, params, "o", color=style.BLUE)
    ticks.scaled(axes.yaxis, [1e4, 1e9], unit, logarithmic=True)
    axes.set_ylim(1e4, 1e9)
    axes.set_xlim(-0.6, places[-1] + 0.9)
    years = list(dict.fromkeys(milestone.year for milestone in MILESTONES))
    middles = [
        sum(p for p, m in zip(places, MILESTONES, strict=True) if m.year == year)
        / sum(m.year == year for m in MILESTONES)
        for year in years
    ]
    axes.set_xticks(middles, [str(year) for year in years])
    axes.grid(False, axis="x")
    axes.set_xlabel("year (not to scale)")
    axes.set_ylabel("parameters (M), counted")
    axes.set_title("Ten architectures by year")
    style.closing_line(
        figure,
        "Years as the Brno lecture gives them; parameters counted from the specs: all learnable values. "
        "Inception-v1 is GoogLeNet.",
    )
    texts = [
        labels.Label(f"{milestone.name}\n{units.count(value)}", place, value)
        for milestone, place, value in zip(MILESTONES, places, params, strict=True)
    ]
    stems = [[(place, 1e4), (place, value)] for place, value in zip(places, params, strict=True)]
    left_out = labels.place(axes, texts, lines=stems)
    notes = (f"no room for the names of {', '.join(left_out)}",) if left_out else ()
    rows = tuple((*milestone, value) for milestone, value in zip(MILESTONES, params, strict=True))
    return Drawing(figure, ("spec", "name", "year", "printed_params", "params"), rows, notes)


def _places() -> list[float]:
    """Positions across: one step per architecture, a wider one where the year changes."""
    places = [0.0]
    for before, after in pairwise(MILESTONES):
        places.append(places[-1] + (1.2 if after.year == before.year else 1.7))
    return places
