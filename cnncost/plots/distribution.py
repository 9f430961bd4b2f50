"""How a quantity is distributed over the settings of a space that keep a budget.

Radosavovic et al. (2019, On Network Design Spaces) draw the empirical distribution of a space; Lin et al.
(2020, MCUNet) choose the space whose networks under a memory budget have the most FLOPs.
"""

from __future__ import annotations

from cnncost import units
from cnncost.choosing.explore import SearchResult
from cnncost.limits import QUANTITIES
from cnncost.plots import style, ticks
from cnncost.plots.drawing import Drawing


def draw(found: SearchResult, quantity: str = "flops") -> Drawing:
    """The share of kept settings with at most so many FLOPs (or another of `SearchQuestion.quantities`)."""
    import numpy as np

    values = np.sort(found.values[:, found.question.quantities.index(quantity)])
    shares = np.arange(1, len(values) + 1) / len(values)
    unit = style.unit_of([float(values[-1])], units.COUNTS)
    with style.applied():
        figure = style.figure(7.0, 4.5)
        axes = figure.add_subplot()
        axes.step(values.tolist(), shares.tolist(), where="post", color=style.BLUE)
        ticks.scaled(axes.xaxis, [float(values[0]), float(values[-1])], unit, logarithmic=False)
        axes.set_ylim(0, 1)
        axes.set_xlabel(style.with_unit(QUANTITIES[quantity].word, unit))
        axes.set_ylabel("share of the settings kept")
        style.title(axes, f"{QUANTITIES[quantity].word} of {found.kept:,} settings of {found.question.spec}")
        limits = ", ".join(limit.written for limit in found.question.limits) or "no limit"
        mean = unit.format(float(values.mean()))
        style.closing_line(figure, f"Within {limits}; batch 1, inference. Mean {mean} {unit.symbol}.")
        style.settle(figure)
    places = range(0, len(values), max(1, len(values) // 1000))
    rows = tuple((float(values[place]), float(shares[place])) for place in places)
    return Drawing(figure, (quantity, "share"), rows)
