"""cnncost memory: what is alive when, the peak, and the largest batch that fits."""

from __future__ import annotations

import re
from typing import Annotated, Any, Optional

import typer

from cnncost import units
from cnncost.cli import options
from cnncost.cli.spread import asks
from cnncost.errors import UsageError, known_word
from cnncost.request import Model, Run

EXAMPLES = (
    "cnncost memory alexnet",
    "cnncost memory vgg16 --batch 32 --train --optimizer adam",
    "cnncost memory resnet50 --fits 24GiB",
    "cnncost memory resnet50 --round 512 --format json",
    "cnncost memory vgg16 --convention cs231n",
)


def command(
    model: Model,
    run: Annotated[Run, asks("batch", "dtype", "convention")] = Run(),
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
    from cnncost.analysis.cost import analyze
    from cnncost.execution.fits import fits as fitting
    from cnncost.execution.memory import timeline, weight_bytes
    from cnncost.execution.plan import plan
    from cnncost.execution.training import OPTIMIZERS, training_memory
    from cnncost.tables import memory as tables
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    if round < 1:
        raise UsageError(f"--round {round} is not a number of bytes\n  CUDA's allocator rounds to 512")
    known_word("unknown optimizer", optimizer, OPTIMIZERS)
    (graph,) = options.load([model], run.batch)
    inference = graph.without_heads()
    report = analyze(inference, **run.counting)
    running = plan(inference, batch=run.batch, dtype=run.dtype)
    weights = weight_bytes(running, round)
    step: dict[str, Any] = {
        "dtype": run.dtype, "optimizer": optimizer, "together": together, "round_to": round
    }  # fmt: skip
    if train:
        memory = training_memory(graph, batch=run.batch, **step)
        found = tables.training_document(memory, optimizer)
        grid = tables.training_grid(graph, run.batch, optimizer, memory)
    else:
        line = timeline(running, round)
        found = tables.timeline_document(inference, line)
        grid = tables.timeline_grid(inference, run.batch, weights, line)
    notes = [tables.APART, tables.counted(report)]
    if fits is not None:
        largest = fitting(graph, parse_size(fits), **step)
        found["fits"] = largest._asdict()
        notes.insert(0, tables.largest(largest, graph.unknown))
    run = run._replace(mode="train" if train else "eval")
    document = tables.document(report, run, round, weights, found)
    emit([tables.with_notes(grid, notes)], document, format=format, output=output)


_SIZES = {unit.symbol.lower(): unit.size for unit in (*units.BINARY, *units.DECIMAL)}


def parse_size(text: str) -> int:
    """`24GiB`, `500 MB` or a number of bytes; UsageError for anything else."""
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?)\s*([a-zA-Z]*)", text.strip())
    unit = match[2].lower() if match else ""
    if match is None or (unit and unit not in _SIZES):
        raise UsageError(f"--fits {text!r} is not a size\n  write 24GiB, 500MB or a number of bytes")
    return int(float(match[1]) * _SIZES.get(unit, 1))
