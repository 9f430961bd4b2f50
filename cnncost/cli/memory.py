"""cnncost memory: what is alive when, the peak, and the largest batch that fits."""

from __future__ import annotations

import re
from typing import Annotated, Any, Optional

import typer

from cnncost import units
from cnncost.cli import options
from cnncost.errors import UsageError, known_word

EXAMPLES = (
    "cnncost memory alexnet",
    "cnncost memory vgg16 --batch 32 --train --optimizer adam",
    "cnncost memory resnet50 --fits 24GiB",
    "cnncost memory resnet50 --round 512 --format json",
    "cnncost memory vgg16 --convention cs231n",
)


def command(
    spec: options.Spec,
    batch: options.Batch = 1,
    input: options.Input = None,
    dtype: options.Dtype = "float32",
    set: options.Set = None,
    kwargs: options.Kwargs = None,
    allow_unknown: options.AllowUnknown = False,
    convention: options.ConventionName = "cnncost",
    train: Annotated[
        bool, typer.Option("--train", help="A training step instead of a forward pass.")
    ] = False,
    optimizer: Annotated[str, typer.Option("--optimizer", help="sgd, momentum or adam.")] = "sgd",
    together: Annotated[
        bool,
        typer.Option("--together", help="The optimizer updates all weights at once (torch's way on CUDA)."),
    ] = False,
    fits: Annotated[
        Optional[str], typer.Option("--fits", metavar="SIZE", help="The largest batch in so much: 24GiB.")
    ] = None,
    round: Annotated[
        int, typer.Option("--round", metavar="BYTES", help="Tensors in whole blocks; CUDA: 512.")
    ] = 1,
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Show the memory of a forward pass node by node, or of a training step; weights stated apart."""
    from cnncost import __version__
    from cnncost.analysis.cost import analyze
    from cnncost.dtypes import element_bytes
    from cnncost.execution.memory import largest_batch, peak_bytes, timeline, weight_bytes
    from cnncost.execution.training import OPTIMIZERS, training_memory
    from cnncost.graph import at_batch
    from cnncost.tables import memory as tables
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    if round < 1:
        raise UsageError(f"--round {round} is not a number of bytes\n  CUDA's allocator rounds to 512")
    known_word("unknown optimizer", optimizer, OPTIMIZERS)
    graph = options.load(spec, input, set, kwargs, allow_unknown)
    inference = graph.without_heads()
    report = analyze(inference, batch=batch, dtype=dtype, convention=convention)
    size = element_bytes(dtype)
    weights = weight_bytes(inference, at_batch(inference, batch), size, round)
    document: dict[str, Any] = {
        "schema_version": 1,
        "tool": {"name": "cnncost", "version": __version__},
        "model": graph.name,
        "batch": batch,
        "dtype": dtype,
        "round_to": round,
        "weight_bytes": weights,
        "convention": report.convention,
        "counted_memory_bytes": report.totals.counted.memory_bytes,
        **({"unknown": graph.unknown} if graph.unknown else {}),
    }

    def training(images: int) -> Any:
        return training_memory(
            graph, batch=images, dtype=dtype, optimizer=optimizer, together=together, round_to=round
        )

    if train:
        memory = training(batch)
        document |= {"optimizer": optimizer, "training": memory._asdict()}
        grid = tables.training_grid(graph, batch, optimizer, memory)
    else:
        line = timeline(inference, at_batch(inference, batch), size, round)
        document |= {"peak_bytes": line.peak.alive, **tables.timeline_document(inference, line)}
        grid = tables.timeline_grid(inference, batch, weights, line)
    notes = [tables.APART, tables.counted(report)]
    if fits is not None:
        limit = parse_size(fits)

        def inferring(images: int) -> int:
            return weights + peak_bytes(inference, at_batch(inference, images), size, round)

        largest = largest_batch(inferring, limit), largest_batch(lambda images: training(images).peak, limit)
        document["fits"] = {
            "bytes": limit,
            "inference": largest[0],
            "training": largest[1],
            "optimizer": optimizer,
        }
        found = "at most " if graph.unknown else ""
        found += f"{largest[0]:,} for inference, {largest[1]:,} for training ({optimizer})"
        notes.insert(0, f"Largest batch in {units.size(limit)}: {found}.")
    emit([tables.with_notes(grid, notes)], document, format=format, output=output)


_SIZES = {unit.symbol.lower(): unit.size for unit in (*units.BINARY, *units.DECIMAL)}


def parse_size(text: str) -> int:
    """`24GiB`, `500 MB` or a number of bytes; UsageError for anything else."""
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?)\s*([a-zA-Z]*)", text.strip())
    unit = match[2].lower() if match else ""
    if match is None or (unit and unit not in _SIZES):
        raise UsageError(f"--fits {text!r} is not a size\n  write 24GiB, 500MB or a number of bytes")
    return int(float(match[1]) * _SIZES.get(unit, 1))
