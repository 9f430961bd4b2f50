"""What was chosen, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from cnncost import units
from cnncost.choosing.candidates import DEPLOYED, Pickable, runtime_dtype
from cnncost.choosing.pick import LATER, Choice
from cnncost.choosing.results import LONGER, runtime_note
from cnncost.limits import QUANTITIES
from cnncost.tables.grid import Cell, Column, Grid, text

ROWS = 20
"""Rows of the table, unless it is asked for more."""
REASONS = 3
"""Of networks that are not counted, that are named."""


COLUMNS = {
    "peak": Column("peak_bytes", "peak (KiB)", unit=units.KIB),
    "ram": Column("ram_bytes", "RAM (KiB)", unit=units.KIB),
    "flash": Column("flash_bytes", "flash (KiB)", unit=units.KIB),
    "latency": Column("latency_ms", "latency (ms)"),
    "high": Column("high_ms", "90% to"),
}
"""Of what is asked of those that keep the other limits; keys are fields of a candidate."""


def choice_grids(choice: Choice, rows: int = ROWS) -> tuple[Grid, ...]:
    """The table of what keeps the limits (the first `rows`; 0: all), and that of the nearest misses."""
    shown = choice.kept[:rows] if rows else choice.kept
    asked = {limit.quantity for limit in choice.limits}
    asked |= {*DEPLOYED} if choice.run.runtime else set()
    asked |= {"latency"} if choice.on else set()
    beside = [quantity for quantity in LATER if quantity in asked]
    columns_of = dict(COLUMNS)
    if any(each.candidate.high_ms is not None for each in choice.kept):
        beside.append("high")
    else:
        columns_of["latency"] = Column("latency_ms", "latency at least (ms)")
    costs = _columns([columns_of[quantity] for quantity in beside])
    columns = (
        Column("front", "front", False),
        *costs,
        Column("protocol", "protocol", False),
    )
    kept = Grid(
        columns,
        tuple(
            (
                Cell("*" if each.on_front else "", each.on_front),
                *_cells(each.candidate, beside),
                text(each.candidate.protocol or ""),
            )
            for each in shown
        ),
        title=f"Networks within {', '.join(limit.written for limit in choice.limits) or 'no limit'}",
        notes=tuple(_notes(choice, len(shown))),
        optional=("protocol", "input"),
        caption="Networks that keep the limits.",
        label="pick",
    )
    if not choice.misses:
        return (kept,)
    missed = Grid(
        (*costs, Column("misses", "misses", False)),
        tuple(
            (
                *_cells(each.candidate, beside),
                text(each.words),
            )
            for each in choice.misses
        ),
        title="The nearest misses",
        optional=("input",),
        caption="The nearest misses.",
        label="misses",
    )
    return (kept, missed)


def _columns(beside: Sequence[Column]) -> tuple[Column, ...]:
    return (
        Column("name", "model", False),
        Column("input", "input", False),
        Column("params", "params (M)", unit=units.MILLION),
        Column("macs", "MACs (M)", unit=units.MILLION),
        *beside,
        Column("top1", "top-1 (%)"),
    )


def _cells(candidate: Pickable, beside: Sequence[str]) -> tuple[Cell, ...]:
    cells = [
        text(candidate.name),
        text(units.shape(candidate.input_shape)),
        Cell(units.MILLION.format(candidate.params), candidate.params),
        Cell(units.MILLION.format(candidate.macs), candidate.macs),
    ]
    for quantity in beside:
        value: float | None = getattr(candidate, COLUMNS[quantity].key)
        if value is None:
            shown = ""
        elif quantity in ("latency", "high"):
            shown = units.MILLISECOND.legible(value * units.MILLISECOND.size)
        else:
            shown = units.KIB.format(value)
        cells.append(Cell(shown, value))
    cells.append(Cell("" if candidate.top1 is None else f"{candidate.top1:.2f}", candidate.top1))
    return tuple(cells)


def _notes(choice: Choice, shown: int) -> list[str]:
    of = ", ".join(QUANTITIES[quantity].word for quantity in choice.objectives)
    notes = [
        f"{len(choice.kept):,} of {choice.total:,} candidates keep every limit;"
        f" * is on the Pareto front of {of}."
    ]
    if shown < len(choice.kept):
        notes.append(f"Shown are the first {shown}; --rows 0 shows all.")
    if choice.excluded:
        first = any(limit.quantity not in LATER for limit in choice.limits)
        late = {limit.written for limit in choice.limits if first and limit.quantity in LATER}
        for said, options in (
            ("Each by itself", choice.excluded.keys() - late),
            ("Of those that keep the others", late),
        ):
            parts = [
                f"{each} excludes {count:,}" for each, count in choice.excluded.items() if each in options
            ]
            if parts:
                notes.append(f"{said}: {'; '.join(parts)}.")
    if any(limit.quantity == "peak" for limit in choice.limits):
        notes.append("Peak memory is that of PyTorch in float32.")
    if choice.run.runtime:
        notes.append(runtime_note(choice.run))
    if choice.uncounted:
        whole = sum(choice.uncounted.values())
        why = [f"{count:,}: {reason}" for reason, count in choice.uncounted.items()]
        more = ["others: see --format json"] if len(why) > REASONS else []
        said = "; ".join([*why[:REASONS], *more])
        notes.append(f"{whole:,} networks with a published accuracy are not counted ({said}).")
    if choice.partly:
        notes.append(f"Of {choice.partly:,} candidates only parameters and MACs are known.")
    for count in sorted(set(choice.unknown.values())):
        unknown = [q for q in LATER if choice.unknown.get(q) == count]
        said = " and ".join(f"the {QUANTITIES[quantity].word}" for quantity in unknown)
        are = "is" if len(unknown) == 1 else "are"
        notes.append(f"Of {count:,} that keep the other limits {said} {are} not known.")
    if choice.on is not None:
        from cnncost.devices import device
        from cnncost.predict import setting_of

        setting = setting_of(device(choice.on), **choice.run.predicting)
        notes.append(f"Latency is predicted: {choice.on}, {setting}.")
        notes += _of_latency(choice)
    if "int8" in (runtime_dtype(choice.run) if choice.run.runtime else "", choice.run.precision):
        notes.append("Accuracies are as they were published, of floats: in int8 a network may lose some.")
    notes.append("Costs are of batch 1 at the resolution at which the accuracy was published.")
    if any(each.candidate.origin == "zoo" and each.candidate.top1 is not None for each in choice.kept):
        notes.append(
            "Of several published accuracies the best counts; list and compare show the first recipe's."
        )
    return notes


def _of_latency(choice: Choice) -> list[str]:
    """How sure it is that the predicted times keep their limit."""
    kept, notes = [each.candidate for each in choice.kept], []
    bounds = sum(each.calibrated is False for each in kept)
    if bounds:
        notes.append(
            f"Of {bounds:,} it is only a lower bound: {choice.on} is not calibrated for it. {LONGER}"
        )
    for limit in choice.limits:
        if limit.quantity == "latency":
            longer = sum(each.high_ms is not None and each.high_ms / 1e3 > limit.value for each in kept)
            if longer:
                notes.append(
                    f"Of {longer:,} that keep it the 90% interval goes beyond {limit.written}: they may not."
                )
    warned = sum(bool(each.warnings) for each in kept if each.calibrated)
    if warned:
        notes.append(
            f"Of {warned:,} something is outside of what was calibrated, or does not fit:"
            f" cnncost predict NAME --on {choice.on} says what, --format json of all."
        )
    return notes
