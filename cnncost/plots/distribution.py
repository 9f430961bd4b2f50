"""How a quantity is distributed over the settings of a space that keep a budget.

Radosavovic et al. (2019, On Network Design Spaces) draw the empirical distribution of a space; Lin et al.
(2020, MCUNet) draw that of FLOPs for each of several spaces, by width and resolution, and choose the one
whose networks under a memory budget have the most.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from cnncost import units
from cnncost.choosing.axes import Space
from cnncost.choosing.explore import SearchResult
from cnncost.choosing.results import value_text
from cnncost.errors import UsageError, known_word
from cnncost.limits import QUANTITIES
from cnncost.plots import style, ticks
from cnncost.plots.drawing import Drawing

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_CURVES = 12
POINTS = 1000
"""Of a curve, about: more are not seen."""


def draw(found: SearchResult, quantity: str = "flops", by: Sequence[str] = ()) -> Drawing:
    """The share of kept settings with at most so many FLOPs (or another of `SearchQuestion.quantities`); a
    curve for every combination of the values of the axes in `by`. Raises UsageError for an unknown axis, and
    for more curves than can be told apart.
    """
    check(found.space, by)
    curves = parts(found, quantity, by)
    unit = style.unit_of([float(max(values[-1] for values in curves.values()))], units.COUNTS)
    rows: list[tuple[Any, ...]] = []
    with style.applied():
        figure = style.figure(7.0, 4.5)
        axes = figure.add_subplot()
        for number, (label, values) in enumerate(curves.items()):
            places = sorted({*range(0, len(values), max(1, len(values) // POINTS)), len(values) - 1})
            curve = [(float(values[place]), (place + 1) / len(values)) for place in places]
            mean = f"mean {unit.format(float(values.mean()))} {unit.symbol}".rstrip()
            colour = style.COLOURS[number % len(style.COLOURS)]
            line = "-" if number < len(style.COLOURS) else "--"
            axes.step(
                *zip(*curve, strict=True),
                where="post",
                color=colour,
                linestyle=line,
                label=f"{label}: {mean}",
            )
            rows += [(label, *point) for point in curve]
        ends = [float(value) for values in curves.values() for value in (values[0], values[-1])]
        ticks.scaled(axes.xaxis, ends, unit, logarithmic=False)
        axes.set_ylim(0, 1)
        axes.set_xlabel(unit.heading(QUANTITIES[quantity].word))
        axes.set_ylabel("share of the settings kept")
        if by:
            axes.legend(loc="lower right")
        style.title(axes, f"{QUANTITIES[quantity].word} of {found.kept:,} settings of {found.question.spec}")
        limits = ", ".join(limit.written for limit in found.question.limits) or "no limit"
        whole = "" if by else f" {mean[0].upper()}{mean[1:]}."
        style.closing_line(figure, f"Within {limits}; batch 1, inference.{whole}")
        style.settle(figure)
    return Drawing(figure, ("settings", quantity, "share"), tuple(rows))


def check(space: Space, by: Sequence[str]) -> None:
    """Raise UsageError for an axis that is not varied, and for more curves than can be told apart."""
    axes = {axis.name: axis for axis in space.axes}
    for name in by:
        known_word("--curves: no axis", name, axes, "axes")
    count = prod(len(axes[name].values) for name in dict.fromkeys(by))
    if count > MOST_CURVES:
        raise UsageError(
            f"--curves {' '.join(by)} makes {count:,} curves, of which {MOST_CURVES} can be told apart\n"
            "  name one axis, or vary it over fewer values"
        )


def parts(found: SearchResult, quantity: str, by: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The sorted values of a quantity, by the values of some axes: {"input 128, width 0.5": ...}."""
    import numpy as np

    names = [axis.name for axis in found.space.axes]
    column = found.values[:, found.question.quantities.index(quantity)]
    places = [names.index(name) for name in by]
    kinds, which = np.unique(found.codes[:, places], axis=0, return_inverse=True)
    if not by:
        return {"all": np.sort(column)}
    return {
        ", ".join(
            f"{name} {value_text(found.space.axes[place].values[code])}"
            for name, place, code in zip(by, places, kind, strict=True)
        ): np.sort(column[which.reshape(-1) == number])
        for number, kind in enumerate(kinds.tolist())
    }
