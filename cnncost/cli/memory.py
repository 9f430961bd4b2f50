"""cnncost memory: what is alive when, the peak, and the largest batch that fits."""

from __future__ import annotations

import re
from typing import Annotated, Optional

import typer

from cnncost import units
from cnncost.cli import options
from cnncost.cli.spread import asks
from cnncost.errors import UsageError
from cnncost.request import Model, Run
from cnncost.tables.paper import Paper

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
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Show the memory of a forward pass node by node, or of a training step; weights stated apart."""
    from cnncost import api
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    (graph,) = options.load([model], run.batch)
    answer = api.memory(
        graph,
        batch=run.batch,
        dtype=run.dtype,
        convention=run.convention,
        train=train,
        optimizer=optimizer,
        together=together,
        fits=None if fits is None else parse_size(fits),
        round_to=round,
    )
    emit(answer.grids, answer.document, format=format, output=output, paper=paper)


_SIZES = {unit.symbol.lower(): unit.size for unit in (*units.BINARY, *units.DECIMAL)}


def parse_size(text: str) -> int:
    """`24GiB`, `500 MB` or a number of bytes; UsageError for anything else."""
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?)\s*([a-zA-Z]*)", text.strip())
    unit = match[2].lower() if match else ""
    if match is None or (unit and unit not in _SIZES):
        raise UsageError(f"--fits {text!r} is not a size\n  write 24GiB, 500MB or a number of bytes")
    return int(float(match[1]) * _SIZES.get(unit, 1))
