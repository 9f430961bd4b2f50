"""Memory as tables: a forward pass node by node, a training step part by part."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from cnncost import units
from cnncost.analysis.conventions import convention
from cnncost.execution.autocast import Autocast
from cnncost.execution.fits import Fits
from cnncost.execution.memory import Timeline
from cnncost.execution.parallel import Buckets
from cnncost.execution.training import TrainingMemory
from cnncost.graph import Graph
from cnncost.report import Report, head
from cnncost.request import Run
from cnncost.tables.grid import Cell, Column, Grid, text, with_words
from cnncost.tables.unknown import at_least, estimate, lower_bound, marked

APART = (
    "Tensors only. On CUDA there are also its context, cuBLAS and cuDNN workspaces and the allocator's "
    "slack, which depend on device and version: `cnncost measure` states them."
)

PACKED = (
    "Tensors only, their values side by side, each tensor filled up to a byte; which temporaries the kernels"
    " of a runtime need beside them is not known here."
)
LIVENESS = "A tensor is freed after its last reader; code that refers to it longer needs more."


def size_cell(value: int, estimated: Collection[str] = ()) -> Cell:
    """Bytes, for a reader with a unit; `estimated` are operators that make them an estimate."""
    return Cell(at_least(units.size(value), 0, estimated) if value else "", value)


def timeline_grid(graph: Graph, batch: int, weights: int, line: Timeline) -> Grid:
    """Every node with what it makes and how long that lives."""
    columns = (
        Column("name", "node", False),
        Column("op", "op", False),
        Column("made_bytes", "makes"),
        Column("temporary_bytes", "temporary"),
        Column("alive_bytes", "alive"),
        Column("tensors", "tensors alive"),
        Column("until", "lives until", False),
    )
    until = {tensor.name: tensor.last for tensor in line.tensors}
    rows = []
    for node, moment in zip(graph.nodes[1:], line.moments, strict=True):
        alive = sum(tensor.first <= node.index <= tensor.last for tensor in line.tensors)
        last = until.get(node.name)
        rows.append((
            text(node.name + (" *" if moment == line.peak else "")),
            text(node.op.name),
            size_cell(moment.made),
            size_cell(moment.temporary),
            size_cell(moment.alive, line.estimated if moment == line.peak else ()),
            Cell(str(alive), alive),
            text("in place or a view" if last is None else name_of(graph, last)),
        ))  # fmt: skip
    peak = line.peak
    grid = Grid(
        columns,
        tuple(rows),
        title=f"{graph.name}, batch {batch}: memory of a forward pass",
        optional=("tensors", "until", "temporary_bytes", "op"),
        caption=f"{graph.name}, batch {batch}: memory of a forward pass.",
        label=f"{graph.name}-memory",
        notes=(
            *lower_bound(graph.name, graph.unknown),
            *estimate(graph.name, line.estimated),
            f"* Peak: {at_least(f'{peak.alive:,}', graph.unknown, line.estimated)} bytes"
            f" ({units.size(peak.alive)}) while {peak.node} runs, the input "
            f"included; weights apart: {units.size(weights)}.",
            lifetimes(line),
            *attended(graph),
        ),
    )
    estimated = [node.op.name if node.op.name in line.estimated else "" for node in graph.nodes[1:]]
    return with_words(grid, "estimated", estimated)


def attended(graph: Graph) -> list[str]:
    """The closing line about attention."""
    if not any(node.op.name == "attention" for node in graph.nodes):
        return []
    return [
        "Attention is that of PyTorch's plain kernels (SDPBackend.MATH), which make the weights; with fused"
        " ones memory differs, and is less where the weights are large."
    ]


def lifetimes(line: Timeline) -> str:
    """The closing line about when tensors are freed."""
    if line.liveness is None:
        return LIVENESS
    return (
        "Tensors live as long as the module's own code refers to them; freed after their last reader they"
        f" would need {at_least(f'{line.liveness:,}', 0, line.estimated)} bytes"
        f" ({units.size(line.liveness)})."
    )


def name_of(graph: Graph, index: int) -> str:
    """A node's name; past the last, the end."""
    return graph.nodes[index].name if index < len(graph.nodes) else "the end"


def timeline_document(graph: Graph, line: Timeline) -> dict[str, Any]:
    """The JSON form."""
    return {
        "peak_bytes": line.peak.alive,
        "liveness_bytes": line.peak.alive if line.liveness is None else line.liveness,
        "peak_node": line.peak.node,
        **({"estimated": list(line.estimated)} if line.estimated else {}),
        "nodes": [moment._asdict() for moment in line.moments],
        "tensors": [
            {
                "name": tensor.name,
                "bytes": tensor.bytes,
                "from": graph.nodes[tensor.first].name,
                "until": name_of(graph, tensor.last),
            }
            for tensor in line.tensors
        ],
    }


def document(
    report: Report, run: Run, round_to: int, weights: int, found: Mapping[str, Any]
) -> dict[str, Any]:
    """The JSON document: what was asked, the weights' bytes, what a convention counts, and what was found."""
    return {
        **head([report.model], run),
        **{"model": report.name, "batch": report.batch, "dtype": report.dtype},
        **{"round_to": round_to, "weight_bytes": weights},
        **{"convention": report.convention, "counted_memory_bytes": report.totals.counted.memory_bytes},
        **({"unknown": report.unknown} if report.unknown else {}),
        **found,
    }


def largest(fits: Fits, unknown: int, estimated: Collection[str] = ()) -> str:
    """The closing line about the largest batches that fit."""
    bound = "at most " if unknown else "about " if estimated else ""
    return (
        f"Largest batch in {units.size(fits.bytes)}: {bound}{fits.inference:,} for inference,"
        f" {fits.training:,} for training ({fits.optimizer})."
        + missing("inference", fits.inference_missing)
        + missing("training", fits.training_missing)
    )


def missing(what: str, size: int) -> str:
    """By how much the smallest batch does not fit; nothing if it does."""
    return f" The smallest batch for {what} needs {size:,} bytes more." if size else ""


def dropped(graph: Graph, device: str) -> tuple[str, ...]:
    """The note about masks of dropout; none without dropout."""
    if not any(node.op.name == "dropout" and node.op.values["p"] for node in graph.nodes):
        return ()
    if device == "cpu":
        return ("Masks of dropout are floats, as on the CPU.",)
    return ("Masks of dropout have a byte per value, as on CUDA; the CPU's are floats: --device cpu.",)


LOSSES = {
    "none": "The gradients of the outputs are given: a loss is not part of the step.",
    "cross_entropy": "With the cross entropy of every output, and its targets (int64).",
}
"""What a step has of a loss, in words."""


def training_grid(
    graph: Graph,
    batch: int,
    optimizer: str,
    memory: TrainingMemory,
    device: str = "cuda",
    loss: str = "none",
) -> Grid:
    """The parts of a training step: all of each, and what of it is alive at the peak."""
    columns = (Column("part", "part", False), Column("bytes", "bytes"), Column("at_peak", "at the peak"))
    parts: tuple[tuple[str, int | None, int], ...] = (
        ("weights", memory.weights, memory.weights),
        ("gradients of weights", memory.gradients, memory.gradients_at_peak),
        (f"optimizer state ({optimizer})", memory.optimizer_state, memory.optimizer_state),
        ("saved for backward", memory.saved, memory.saved_at_peak),
        ("transient", None, memory.transient),
    )
    if memory.buckets and memory.buckets.way == "copies":
        own = memory.buckets.bytes
        parts = (*parts[:2], ("buckets of gradients (DDP)", own, own), *parts[2:])
    rows = tuple(
        (text(part), Cell("", None) if whole is None else size_cell(whole), size_cell(peak))
        for part, whole, peak in parts
    )
    at = f"while {memory.node} runs {memory.phase}" if memory.node else f"in the {memory.phase}"
    grid = Grid(
        columns,
        rows,
        title=f"{graph.name}, batch {batch}: memory of a training step",
        total=(text(marked("peak", graph.unknown)), Cell("", None), size_cell(memory.peak, memory.estimated)),
        caption=f"{graph.name}, batch {batch}: memory of a training step.",
        label=f"{graph.name}-training",
        notes=(
            *lower_bound(graph.name, graph.unknown),
            *estimate(graph.name, memory.estimated),
            f"The peak of {at_least(f'{memory.peak:,}', 0, memory.estimated)} bytes falls {at}.",
            "Transient: input, outputs, gradients of activations, tensors between steps of an operator."
            + f" {LOSSES[loss]}",
            *dropped(graph, device),
            *attended(graph),
        ),
    )
    names = ", ".join(memory.estimated)
    return with_words(grid, "estimated", [names] * len(rows), names)


def training_document(memory: TrainingMemory, optimizer: str, loss: str = "none") -> dict[str, Any]:
    """The JSON form."""
    parts = memory._asdict()
    estimated = parts.pop("estimated")
    del parts["buckets"]
    return {
        "optimizer": optimizer,
        **({"loss": loss} if loss != "none" else {}),
        "training": parts,
        **({"estimated": list(estimated)} if estimated else {}),
    }


def counted(report: Report) -> str:
    """The closing line: what a convention counts as memory, which is a sum, not a peak."""
    rules, size = convention(report.convention), report.totals.counted.memory_bytes
    return (
        f"Counted as {rules.name}, a forward pass makes {size:,} bytes ({units.size(size)}) in all."
        f" Convention {rules.name}: {rules.statement}"
    )


def accumulated(batch: int, parts: int) -> str:
    """The closing line about micro-batches."""
    return (
        f"In {parts} micro-batches of {batch // parts}, whose gradients are accumulated: all else is of one"
        " of them, and batch norm sees one only."
    )


def mixed(context: Autocast) -> str:
    """The closing line about autocast."""
    here, other, there = (
        ("the CPU", "CUDA", "cuda") if context.device == "cpu" else ("CUDA", "the CPU", "cpu")
    )
    return (
        f"Under torch.autocast to {context.dtype} by the rules of {here}: weights, their gradients and the"
        f" optimizer's state are float32. The rules of {other}: --device {there}."
    )


def gathered(found: Buckets) -> str:
    """The closing line about the buckets of DistributedDataParallel, and what is assumed."""
    are = "gradients are views of them" if found.way == "views" else "gradients are copied into them"
    return (
        f"DistributedDataParallel, by formula: {units.things(len(found.sizes), 'bucket')} of"
        f" {units.size(found.bytes)}; {are}. Assumed: caps of 1 MiB for the first and 25 MiB (bucket_cap_mb),"
        " filled from the last weight on; what the backend (NCCL) takes and buffers that are broadcast are"
        " left out."
    )


def untrained(graph: Graph) -> str:
    """The closing line about frozen layers."""
    layers = units.things(len(graph.frozen), "layer")
    return f"{layers} frozen by --freeze: no gradients and no optimizer state of theirs."


def with_notes(grid: Grid, notes: list[str]) -> Grid:
    """The grid with more closing notes."""
    return replace(grid, notes=(*grid.notes, *notes))
