"""Measurements as tables: a line per model, and its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncost import units
from cnncost.analysis.conventions import convention
from cnncost.report import head
from cnncost.tables.grid import Cell, Column, Grid, text, with_words
from cnncost.tables.unknown import at_least, estimate

if TYPE_CHECKING:
    from cnncost.measure.latency import Measurement
    from cnncost.measure.memory import Memory


OPTIONAL = (
    "outliers", "samples", "ops_per_second", "low", "high", "p10", "p90", "flops_per_second", "error",
)  # fmt: skip
"""What a narrow terminal leaves out of a table of latencies, the first to go first."""


def seconds_cell(seconds: float) -> Cell:
    """A duration, for a reader with a unit."""
    return Cell(units.duration(seconds), seconds)


def share_cell(share: float | None) -> Cell:
    """A share in percent with its sign."""
    return Cell("" if share is None else f"{share:+.1%}", share)


def rate_cell(rate: float | None) -> Cell:
    """Operations per second."""
    return Cell("" if rate is None else units.count(rate), rate)


def predicted_cell(memory: Memory | None) -> Cell:
    """The memory that was predicted, marked where it is an estimate."""
    if memory is None:
        return Cell("", None)
    return Cell(at_least(units.size(memory.predicted), 0, memory.estimated), memory.predicted)


def model_grid(measured: list[Measurement]) -> Grid:
    """A row per model (there is one): latency with its interval, throughput, memory and its prediction."""
    rules = convention(measured[0].convention)
    columns = (
        Column("model", "model", False),
        Column("median", "median"),
        Column("p10", "p10"),
        Column("p90", "p90"),
        Column("low", "95% from"),
        Column("high", "to"),
        Column("samples", "samples"),
        Column("outliers", "outliers"),
        Column("images_per_second", "images/s"),
        Column("flops_per_second", "FLOP/s"),
        Column("ops_per_second", f"{rules.name} {rules.ops_name}/s"),
        Column("peak_bytes", "memory"),
        Column("predicted_bytes", "predicted"),
        Column("error", "error"),
    )
    rows = []
    for one in measured:
        found, memory = one.statistics, one.memory
        rows.append((
            text(one.model),
            *(seconds_cell(value) for value in (found.median, found.p10, found.p90, found.low, found.high)),
            Cell(f"{found.count:,}", found.count),
            Cell(str(found.outliers), found.outliers),
            Cell(f"{one.images_per_second:,.1f}", one.images_per_second),
            rate_cell(one.flops_per_second),
            rate_cell(one.ops_per_second),
            Cell(units.size(memory.peak) if memory else "", memory.peak if memory else None),
            predicted_cell(memory),
            share_cell(memory.error if memory else None),
        ))  # fmt: skip
    rates = (
        "FLOP/s: 2 per MAC and every other arithmetic operation.",
        f"Convention {rules.name}: {rules.statement}",
    )
    grid = Grid(
        columns, tuple(rows), title=title(measured[0]), notes=(*notes(measured), *rates), optional=OPTIONAL
    )
    estimated = [", ".join(one.memory.estimated) if one.memory else "" for one in measured]
    return with_words(grid, "estimated", estimated)


def title(one: Measurement) -> str:
    """What all rows share."""
    setting = one.setting
    machine = one.environment
    ways = [way for way, on in (("CUDA graph", setting.graph), ("compiled", setting.compile)) if on]
    where = machine.get("gpu") or f"{machine['cpu']}, {units.things(machine['threads'], 'thread')}"
    parts = [f"batch {setting.batch}", setting.dtype, setting.layout, setting.mode, *ways]
    return f"{where}, torch {machine['torch']}: {', '.join(parts)}"


def notes(measured: list[Measurement]) -> tuple[str, ...]:
    """How it was measured, and every warning."""
    lines = [f"Time by {clock}, outliers counted, none dropped." for clock in {one.clock for one in measured}]
    for one in measured:
        lines += [f"{one.model}: {warning}" for warning in one.warnings]
        lines += apart(one)
        lines += estimate(one.model, one.memory.estimated if one.memory else ())
    methods = {one.memory.method for one in measured if one.memory}
    return (*lines, *(f"Memory by {method}, weights included." for method in sorted(methods)))


def apart(one: Measurement) -> list[str]:
    """What a CUDA device gave beside the tensors: rounding, workspaces, slack."""
    memory = one.memory
    if memory is None or memory.requested is None or memory.reserved is None:
        return []
    parts = [f"{units.size(memory.peak - memory.requested)} the allocator's rounding"]
    if memory.kernels is not None:
        parts.insert(0, f"{units.size(memory.kernels)} are workspaces of kernels (cuDNN)")
    kept = memory.workspaces or 0
    beside = [f"{units.size(kept)} of workspaces that libraries keep (cuBLAS)"]
    beside.append(f"{units.size(max(memory.reserved - memory.peak - kept, 0))} reserved without use")
    return [f"{one.model}: of the memory {' and '.join(parts)}; beside it {' and '.join(beside)}."]


def measured_values(one: Measurement) -> dict[str, float]:
    """What a comparison shows of a measurement, in base units."""
    values = {"latency": one.statistics.median, "images_per_second": one.images_per_second}
    if one.flops_per_second is not None:
        values["flops_per_second"] = one.flops_per_second
    if one.memory is not None:
        values |= {"measured_bytes": one.memory.peak, "memory_error": one.memory.error}
    return values


def warnings_of(measured: list[Measurement]) -> tuple[str, ...]:
    """What a comparison's reader must know of the measurements."""
    return (title(measured[0]), *notes(measured)) if measured else ()


def layer_grid(one: Measurement) -> Grid:
    """The time of every layer."""
    columns = (
        Column("name", "node", False),
        Column("op", "op", False),
        Column("seconds", "alone"),
        Column("scaled", "of the whole"),
        Column("share", "share"),
    )
    whole, total = one.statistics.median, sum(layer.seconds for layer in one.layers)
    rows = tuple(
        (
            text(layer.name),
            text(layer.op),
            seconds_cell(layer.seconds),
            seconds_cell(layer.scaled),
            Cell(units.share(layer.scaled, whole), layer.scaled / whole),
        )
        for layer in one.layers
    )
    return Grid(
        columns,
        rows,
        title=f"{one.model}: forward time by layer",
        notes=(
            f"Alone, the layers take {units.duration(total)}, the whole {units.duration(whole)}; the"
            " difference is the clock's overhead and noise. The second column scales to the whole.",
        ),
    )


def measurement(one: Measurement) -> dict[str, Any]:
    """One measurement in JSON, raw samples included."""
    setting = {**one.setting._asdict(), "device": str(one.setting.device)}
    memory = one.memory
    return {
        "model": one.model,
        "setting": setting,
        "seconds": one.statistics._asdict(),
        "images_per_second": one.images_per_second,
        "flops_per_second": one.flops_per_second,
        "ops_per_second": one.ops_per_second,
        "convention": one.convention,
        "counted": one.counted._asdict(),
        "macs": one.macs,
        "flops": one.flops,
        "memory": None if memory is None else memory_document(memory),
        "clock": one.clock,
        "clocks": one.clocks,
        "environment": one.environment,
        "warnings": list(one.warnings),
        "warmup_runs": one.samples.warmup_runs,
        "settled": one.samples.settled,
        "interrupted": one.samples.interrupted,
        "layers": [layer._asdict() for layer in one.layers],
        "samples": list(one.samples.seconds),
    }


def memory_document(memory: Memory) -> dict[str, Any]:
    """The memory of a run in JSON; `estimated` only where the prediction is an estimate."""
    found = {**vars(memory), "estimated": list(memory.estimated), "error": memory.error}
    return {name: value for name, value in found.items() if name != "estimated" or value}


def document(measured: list[Measurement]) -> dict[str, Any]:
    """The JSON form."""
    return {
        **head([one.asked for one in measured], measured[0].run if measured else None),
        "measured": [measurement(one) for one in measured],
    }
