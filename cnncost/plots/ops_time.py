"""Measured time against MACs: how far operations tell the time, and the line that fits best."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from cnncost import units
from cnncost.errors import UsageError
from cnncost.graph import Graph
from cnncost.measure.files import Recorded, RecordedSetting
from cnncost.plots import labels, style, ticks
from cnncost.plots.drawing import Drawing
from cnncost.request import Run
from cnncost.tables.grid import Raw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = (
    "model", "device", "batch", "dtype", "layout", "mode", "ways", "macs", "seconds", "low", "high",
    "fitted_seconds",
)  # fmt: skip
"""Of the numbers behind the picture."""
RATES = (units.Unit("T", 10**12), *units.COUNTS)


class Fit(NamedTuple):
    """seconds = overhead + macs / rate."""

    overhead: float
    rate: float  #: MACs per second
    error: float  #: median of |fit - measured| / measured

    def seconds(self, macs: float) -> float:
        """The time that the line gives."""
        return self.overhead + macs / self.rate

    def text(self) -> str:
        """For a legend."""
        unit = units.fitting(self.rate, RATES)
        return (
            f"{units.duration(self.overhead)} + MACs / ({unit.format(self.rate)} {unit.symbol}/s), "
            f"median error {self.error:.0%}"
        )


def draw(graphs: Sequence[Graph], run: Run, *, measured: Sequence[Recorded] = ()) -> Drawing:
    """A point per measurement with its 95 % interval, a colour and a fit per setting."""
    if not measured:
        raise UsageError(
            "plot ops-time needs measurements\n"
            "  cnncost measure resnet50 -o run.json, then --measured run.json"
        )
    groups: dict[RecordedSetting, list[Recorded]] = {}
    for each in measured:
        groups.setdefault(each.setting, []).append(each)
    fits = {setting: fit(members) for setting, members in groups.items()}
    figure = style.figure(8.0, 5.6)
    axes = figure.add_subplot()
    unit = style.unit_of([each.macs for each in measured], units.COUNTS)
    looks = style.curves(map(str, groups)).values()
    lines: list[labels.Polyline] = []
    for (setting, members), look in zip(groups.items(), looks, strict=True):
        found = fits[setting]
        _points(axes, members, look, setting.text() + (f":\n{found.text()}" if found else ""))
        if found:
            lines.append(_line(found, [each.macs for each in members]))
            axes.plot(*zip(*lines[-1], strict=True), color=look.colour, linewidth=1, linestyle="--")
    ticks.scaled(axes.xaxis, [each.macs for each in measured], unit)
    ticks.scaled(axes.yaxis, [each.seconds for each in measured], units.MILLISECOND)
    axes.margins(0.1)
    axes.set_xlabel(unit.heading("MACs") + " of the batch, forward")
    axes.set_ylabel("median time of a run (ms)")
    style.title(axes, "Measured time against MACs")
    figure.legend(loc="outside upper left", fontsize=style.points(7))
    style.closing_line(
        figure,
        "1 MAC = 1 multiply-add of a convolution or matrix product; bars: 95 % interval of the median; "
        "dashed: least squares of the relative error.",
    )
    names = [labels.Label(each.model, each.macs, each.seconds) for each in measured]
    left_out = labels.place(axes, names, lines=lines)
    notes = (f"no room for the names of {', '.join(left_out)}; --data has them all",) if left_out else ()
    rows = tuple([_row(each, fits[setting]) for setting, members in groups.items() for each in members])
    return Drawing(figure, COLUMNS, rows, notes)


def _points(axes: Axes, measured: Sequence[Recorded], look: style.Look, label: str) -> None:
    """Measurements of one setting, each with its interval."""
    below = [each.seconds - each.low for each in measured]
    above = [each.high - each.seconds for each in measured]
    axes.errorbar(
        [each.macs for each in measured],
        [each.seconds for each in measured],
        yerr=[below, above],
        linestyle="",
        marker=look.marker,
        markersize=5,
        color=look.colour,
        elinewidth=0.8,
        label=label,
    )


def _line(found: Fit, macs: Sequence[int]) -> labels.Polyline:
    """A fit between the least and the most MACs: a curve where the axis is logarithmic."""
    smallest, largest = min(macs), max(macs)
    steps = [smallest * (largest / smallest) ** (index / 60) for index in range(61)]
    return [(step, found.seconds(step)) for step in steps]


def _row(each: Recorded, found: Fit | None) -> tuple[Raw, ...]:
    """A measurement among the numbers behind the picture."""
    setting = (*each.setting[:-1], " ".join(each.setting.ways))
    fitted = found.seconds(each.macs) if found else None
    return each.model, *setting, each.macs, each.seconds, each.low, each.high, fitted


def fit(measured: Sequence[Recorded]) -> Fit | None:
    """The line with the least sum of squared relative errors, overhead not negative; None of too few.

    Relative, or the slowest model alone would decide. Three different MACs are the least that can
    tell a line from chance.
    """
    if len({each.macs for each in measured}) < 3:
        return None
    # Minimise sum((a * p + b * q - 1)**2) with p = 1 / t, q = macs / t: two normal equations.
    p = [1 / each.seconds for each in measured]
    q = [each.macs / each.seconds for each in measured]
    pp, pq, qq = (sum(x * y for x, y in zip(*pair, strict=True)) for pair in ((p, p), (p, q), (q, q)))
    determinant = pp * qq - pq * pq
    overhead = (sum(p) * qq - sum(q) * pq) / determinant
    slope = (sum(q) * pp - sum(p) * pq) / determinant
    if overhead < 0:
        overhead, slope = 0.0, sum(q) / qq
    if slope <= 0:
        return None
    errors = [abs(overhead + slope * each.macs - each.seconds) / each.seconds for each in measured]
    return Fit(overhead, 1 / slope, median(errors))
