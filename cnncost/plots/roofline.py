"""Arithmetic intensity of every layer under a device's roof (Williams et al. 2009)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost import units
from cnncost.analysis.grouping import groups
from cnncost.analysis.roofline import Bound, loads, roofline
from cnncost.devices import Device, device
from cnncost.errors import UsageError
from cnncost.graph import Graph
from cnncost.measure.files import Recorded
from cnncost.plots import labels, style, ticks
from cnncost.plots.drawing import Drawing
from cnncost.plots.layers import kin
from cnncost.request import Run
from cnncost.tables.grid import Raw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

USUAL = "a100-80gb"
"""The device, if none is named."""
TERA = units.Unit("TFLOP/s", 10**12)
INTENSITY = "arithmetic intensity (FLOP per byte of memory traffic)"
COLUMNS = (
    "model", "row", "op", "flops", "traffic_bytes", "intensity", "flops_per_second", "seconds", "bound_by",
)  # fmt: skip
"""Of the numbers behind the picture."""
NAMED = 8
"""So many points, those that take longest, get a number and a name."""


def draw(
    graphs: Sequence[Graph],
    run: Run,
    *,
    by: str | None = None,
    measured: Sequence[Recorded] = (),
) -> Drawing:
    """A point per row at the rate that the roof allows, as large as its share of the time.

    With one model colours tell kinds of layers apart, with several the models. With `run.no_tf32`
    convolutions of float32 keep the roof of float32. Raises UsageError for a device without a bandwidth or a
    peak.
    """
    chosen = device(run.on or run.device or USUAL)
    roofs = _roofs(chosen, run.dtype, not run.no_tf32)
    found = {
        graph.name: roofline(loads(graph, run, by or "layer"), chosen, run.dtype, not run.no_tf32)
        for graph in graphs
    }
    drawn = [
        (name, bound, bound.seconds / sum(each.seconds for each in bounds))
        for name, bounds in found.items()
        for bound in bounds
        if bound.row.flops and not bound.row.unknown
    ]
    if not drawn:
        raise UsageError(f"{', '.join(found)}: no row computes anything, so nothing lies under the roof")
    figure = style.figure(9.5, 5.0, below=NAMED + 5)
    axes = figure.add_subplot()
    _roof(axes, roofs, [bound.intensity for _, bound, _ in drawn])
    _points(axes, drawn, style.looks(found) if len(found) > 1 else {})
    achieved = _measured(graphs, [bound for _, bound, _ in drawn], run, by, measured)
    if achieved:
        _points_below(axes, achieved)
    ticks.scaled(axes.yaxis, axes.get_ylim(), TERA, logarithmic=True)
    axes.set_xlabel("FLOP per byte of memory traffic" if style.narrow() else INTENSITY)
    axes.set_ylabel("rate" + ("" if achieved else " that the roof allows") + " (TFLOP/s)")
    model = f"{style.name(graphs[0].name)} under the roof" if len(graphs) == 1 else "Models under the roof"
    style.title(axes, f"{model} of {chosen.name}, {run.dtype}")
    named = _named(drawn)
    _legend(axes, [point.name for point in named])
    style.closing_line(figure, _footnote(run, chosen, roofs))
    ridge = [(roofs.highest / roofs.bandwidth, rate) for rate in axes.get_ylim()]
    numbers = [point.label for point in named]
    others = [labels.Label("", bound.intensity, bound.rate, _radius(share)) for _, bound, share in drawn]
    labels.place(
        axes,
        [*numbers, *others],
        lines=[*(_corners(axes, roofs, peak) for peak in roofs.peaks.values()), ridge],
        size=8,
    )
    rows = tuple([_row(name, bound) for name, bounds in found.items() for bound in bounds])
    return Drawing(figure, COLUMNS, rows)


def _row(model: str, bound: Bound) -> tuple[Raw, ...]:
    """A row among the numbers behind the picture."""
    row, by = bound.row, "memory" if bound.memory_bound else "arithmetic"
    figures = bound.traffic, bound.intensity, bound.rate, bound.seconds
    return model, row.name, row.op, row.flops, *figures, by


def _footnote(run: Run, chosen: Device, roofs: Roofs) -> str:
    tf32 = " Convolutions stand under the peak of TF32, as PyTorch runs them." if len(roofs.peaks) > 1 else ""
    return (
        "FLOPs = 2 MACs and all other arithmetic; every row reads its inputs and weights and writes its "
        f"output once; {style.settings_line(run.batch, run.dtype, run.mode)}; area: "
        f"share of the least possible time. Peak and bandwidth: {chosen.source}.{tf32}"
    )


def _points(axes: Axes, drawn: Sequence[tuple[str, Bound, float]], looks: Mapping[str, style.Look]) -> None:
    """A point per row, small ones above large ones; `looks` are those of several models."""
    for name, bound, share in sorted(drawn, key=lambda item: -item[2]):
        look = looks.get(name) or style.Look(style.KIN_COLOURS[kin(bound.row.op)], "o")
        axes.scatter(
            bound.intensity,
            bound.rate,
            s=_area(share),
            color=look.colour,
            marker=look.marker,
            alpha=0.6,
            linewidths=0,
            label=style.name(name) if looks else kin(bound.row.op),
            zorder=3,
        )


def _measured(
    graphs: Sequence[Graph],
    bounds: Sequence[Bound],
    run: Run,
    by: str | None,
    measured: Sequence[Recorded],
) -> list[tuple[Bound, float]]:
    """The rows whose operators were all timed, each with its measured seconds; one model at a time.

    Raises UsageError if files are given, but none measured the layers of this model at this batch and dtype.
    """
    if not measured:
        return []
    (graph,) = graphs if len(graphs) == 1 else (None,)
    for each in measured:
        same = (each.setting.batch, each.setting.dtype) == (run.batch, run.dtype)
        if graph is not None and each.model == graph.name and each.layers and same:
            times = dict(each.layers)
            rows = {group.name: group.nodes for group in groups(graph, by or "layer")}
            return [
                (bound, sum(times[node.name] for node in rows[bound.row.name]))
                for bound in bounds
                if all(node.name in times for node in rows[bound.row.name])
            ]
    wanted = f"{graphs[0].name} --batch {run.batch} --dtype {run.dtype}"
    raise UsageError(
        "no file has the time of every layer of "
        + (wanted if graph is not None else "one model: give one")
        + f"\n  cnncost measure {wanted} --layers -o run.json"
    )


def _points_below(axes: Axes, achieved: Sequence[tuple[Bound, float]]) -> None:
    """What was measured, below what the roof allows; a thin line leads from one to the other."""
    for bound, seconds in achieved:
        rate = bound.row.flops / seconds
        colour = style.KIN_COLOURS[kin(bound.row.op)]
        axes.plot([bound.intensity] * 2, [bound.rate, rate], color=colour, linewidth=0.5, zorder=2)
        axes.scatter(
            bound.intensity, rate, s=20.0, facecolors="none", edgecolors=colour, marker="v", zorder=4,
            label="measured",
        )  # fmt: skip
    lowest = min(bound.row.flops / seconds for bound, seconds in achieved)
    bottom, top = axes.get_ylim()
    axes.set_ylim(min(bottom, lowest / 2), top)


class Numbered(NamedTuple):
    """A point with a number in the picture and a name in the legend."""

    name: str
    label: labels.Label


def _named(drawn: Sequence[tuple[str, Bound, float]]) -> list[Numbered]:
    """The points that take longest, numbered; rows at the same point share a number."""
    several = len({model for model, _, _ in drawn}) > 1
    places: dict[tuple[str, float, float], list[tuple[Bound, float]]] = {}
    for model, bound, share in drawn:
        places.setdefault((model, bound.intensity, bound.rate), []).append((bound, share))
    longest = sorted(places.items(), key=lambda item: -sum(share for _, share in item[1]))[:NAMED]
    found = []
    for number, ((model, intensity, rate), rows) in enumerate(longest, 1):
        name = (f"{style.name(model)}: " if several else "") + style.as_words(rows[0][0].row.name)
        if style.narrow():
            name = ".".join(name.split(".")[-2:])
        name += f" and {len(rows) - 1} more" if len(rows) > 1 else ""
        radius = _radius(max(share for _, share in rows))
        found.append(
            Numbered(
                f"{number}  {name}, {sum(share for _, share in rows):.0%}",
                labels.Label(str(number), intensity, rate, radius),
            )
        )
    return found


class Roofs(NamedTuple):
    """A bandwidth, and the peaks above it by what they are of; the highest last."""

    bandwidth: float
    peaks: Mapping[str, float]

    @property
    def highest(self) -> float:
        """The peak that no layer passes."""
        return max(self.peaks.values())


def _roofs(chosen: Device, dtype: str, tf32: bool) -> Roofs:
    if chosen.bandwidth is None:
        raise UsageError(
            f"{chosen.name}: {chosen.place} gives no bandwidth, so there is no roof to draw\n"
            f"  what arithmetic alone allows: cnncost predict --on {chosen.key}"
        )
    plain, convolution = chosen.peak(dtype), chosen.convolution_peak(dtype, tf32)
    if convolution > plain:
        return Roofs(chosen.bandwidth, {dtype: plain, "tf32": convolution})
    return Roofs(chosen.bandwidth, {dtype: plain})


def _corners(axes: Axes, roofs: Roofs, peak: float) -> list[tuple[float, float]]:
    """A roof within the picture."""
    left, right = axes.get_xlim()
    return [(left, left * roofs.bandwidth), (peak / roofs.bandwidth, peak), (right, peak)]


def _roof(axes: Axes, roofs: Roofs, intensities: Sequence[float]) -> None:
    peak = roofs.highest
    ridge = peak / roofs.bandwidth
    left, right = min(*intensities, ridge / 10) / 2, max(*intensities, ridge * 10) * 2
    axes.axvline(ridge, color=style.GREY, linestyle=":", linewidth=1)
    ticks.scaled(axes.xaxis, [left, right], units.ONE, logarithmic=True)
    axes.set_xlim(left, right)
    axes.set_ylim(left * roofs.bandwidth, peak * 4)
    for each in roofs.peaks.values():
        width = 1.2 if each == peak else 0.8
        corners = zip(*_corners(axes, roofs, each), strict=True)
        axes.plot(*corners, color=style.BLACK, linewidth=width, zorder=2)
    small: dict[str, Any] = {"fontsize": style.points(8), "color": style.GREY, "gid": "label", "va": "top"}
    across = axes.get_xaxis_transform()
    axes.text(
        ridge / 1.1,
        0.98,
        f"bound by memory\n{_rate(roofs.bandwidth / 1e9)} GB/s",
        transform=across,
        ha="right",
        **small,
    )
    said = "\n".join(
        f"{TERA.format(each)} TFLOP/s" + (f" of {name}" if len(roofs.peaks) > 1 else "")
        for name, each in reversed(list(roofs.peaks.items()))
    )
    axes.text(ridge * 1.1, 0.98, f"by arithmetic\n{said}", transform=across, ha="left", **small)


def _rate(gigabytes: float) -> str:
    return f"{gigabytes:,.0f}" if gigabytes >= 10 else f"{gigabytes:.3g}"


def _legend(axes: Axes, names: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    handles, kinds = axes.get_legend_handles_labels()
    entries = dict(zip(kinds, handles, strict=True))
    empty = Line2D([], [], linestyle="")
    heading = "share of the least time"
    style.legend_right(
        axes,
        handles=[*entries.values(), empty, *(empty for _ in names)],
        labels=[*entries, f"\n{heading}", *names],
        ncols=1,
    )
    legend = axes.get_legend()
    assert legend is not None
    for handle in legend.legend_handles[: len(entries)]:
        handle.set_sizes([40.0])  # type: ignore[union-attr]


def _radius(share: float) -> float:
    """Radius of a point in points."""
    return math.sqrt(_area(share) / math.pi)


def _area(share: float) -> float:
    """Area of a point in square points; a thousandth of the time can still be seen."""
    return 8.0 + 2000.0 * share
