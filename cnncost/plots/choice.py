"""What `pick` chose: accuracy against a cost, the limits as lines, the front joined."""

from __future__ import annotations

from typing import Any

from cnncost import units
from cnncost.choosing.candidates import Pickable
from cnncost.choosing.pick import Choice
from cnncost.errors import UsageError
from cnncost.limits import QUANTITIES
from cnncost.plots import labels, style, ticks
from cnncost.plots.drawing import Drawing

UNITS = {
    **dict.fromkeys(("peak", "ram", "flash"), units.BINARY),
    "latency": (units.Unit("ms", 1e-3),),
}
"""Of the costs that are no counts."""


def draw(choice: Choice) -> Drawing:
    """Top-1 against the first cost that is limited (MACs if none is).

    Raises UsageError where no candidate has an accuracy.
    """
    with style.applied():
        drawing = _drawn(choice)
        style.settle(drawing.figure)
    return drawing


def _drawn(choice: Choice) -> Drawing:
    cost = choice.objectives[1]
    kept = [each for each in choice.kept if each.candidate.top1 is not None]
    front = sorted(
        (each.candidate for each in kept if each.on_front), key=lambda candidate: _cost(candidate, cost)
    )
    beside = [each.candidate for each in kept if not each.on_front]
    missed = [
        each.candidate
        for each in choice.misses
        if each.candidate.top1 is not None and each.candidate.value(cost) is not None
    ]
    shown = [*front, *beside, *missed]
    if not shown:
        raise UsageError(f"no candidate has a published accuracy on {choice.task}: there is nothing to draw")
    figure = style.figure(8.0, 5.6, below=2)
    axes = figure.add_subplot()
    unit = style.unit_of([_cost(each, cost) for each in shown] or [1.0], UNITS.get(cost, units.COUNTS))
    looks: tuple[tuple[list[Pickable], str, dict[str, Any]], ...] = (
        (front, "on the front", {"color": style.BLUE, "zorder": 4}),
        (beside, "keeps the limits", {"color": style.GREY, "alpha": 0.6, "zorder": 3}),
        (missed, "misses one", {"facecolors": "none", "edgecolors": style.BLACK, "zorder": 3}),
    )
    for some, label, look in looks:
        if some:
            costs, accuracies = zip(*(_place(each, cost) for each in some), strict=True)
            axes.scatter(costs, accuracies, s=36, label=label, **look)
    line = [_place(each, cost) for each in front]
    axes.plot([x for x, _ in line], [y for _, y in line], color=style.BLUE, linestyle="--", zorder=2)
    for limit in choice.limits:
        if limit.quantity == cost:
            axes.axvline(limit.value, color=style.BLACK, linewidth=0.8)
        elif limit.quantity == "top1":
            axes.axhline(limit.value, color=style.BLACK, linewidth=0.8)
    ticks.scaled(axes.xaxis, [_cost(each, cost) for each in shown], unit)
    axes.margins(0.1)
    axes.set_xlabel(unit.heading(QUANTITIES[cost].word))
    axes.set_ylabel(f"top-1 accuracy ({choice.task}), as published (%)")
    style.title(axes, f"Accuracy against {QUANTITIES[cost].word} within the limits")
    axes.legend(loc="lower right")
    style.closing_line(figure, "Costs are of batch 1 at the resolution at which the accuracy was published.")
    left_out = labels.place(
        axes,
        [labels.Label(style.name(each.name), *_place(each, cost), 4.0) for each in [*front, *missed]],
        lines=[line],
    )
    notes = (f"no room for the names of {', '.join(left_out)}",) if left_out else ()
    rows = tuple(
        (each.name, _cost(each, cost), each.top1, int(each in front), int(each in missed)) for each in shown
    )
    return Drawing(figure, ("model", cost, "top1", "on_front", "misses"), rows, notes)


def _place(candidate: Pickable, cost: str) -> tuple[float, float]:
    return _cost(candidate, cost), candidate.top1 or 0.0


def _cost(candidate: Pickable, cost: str) -> float:
    return float(candidate.value(cost) or 0.0)
