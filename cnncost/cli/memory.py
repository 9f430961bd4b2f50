"""cnncost memory: what is alive when, the peak, and the largest batch that fits."""

from __future__ import annotations

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
    "cnncost memory alexnet --train --device cpu",
    "cnncost memory resnet50 --fits 24GiB",
    "cnncost memory resnet50 --round 512 --format json",
    "cnncost memory vgg16 --convention cs231n",
)


def command(
    model: Model,
    run: Annotated[Run, asks("batch", "dtype", "convention", "device")] = Run(),
    train: Annotated[
        bool, typer.Option("--train", help="A training step instead of a forward pass.")
    ] = False,
    optimizer: Annotated[str, typer.Option("--optimizer", help="sgd, momentum or adam.")] = "sgd",
    together: Annotated[
        bool,
        typer.Option("--together", help="The optimizer updates all weights at once (torch's way on CUDA)."),
    ] = False,
    fits: Annotated[
        Optional[str],
        typer.Option(
            "--fits",
            metavar="SIZE",
            help="The largest batch in so much memory: 24GiB, 500MB, or that of a device.",
        ),
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
    (graph,) = options.load([model], run.batch, "train" if train else "eval")
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
        device=run.device,
    )
    emit(answer.grids, answer.document, format=format, output=output, paper=paper)


def parse_size(text: str) -> int:
    """`24GiB`, `500 MB` or a device's name, whose memory it is; UsageError for anything else."""
    from cnncost.devices import device, names

    if text in names():
        return device(text).memory_bytes
    size = units.written_bytes(text)
    if size is None:
        bare = units.written_count(text)
        cure = f"{text.strip()}GiB" if bare is not None and text.strip().isdecimal() else "24GiB"
        raise UsageError(
            f"--fits {text!r} is not a size"
            + (": it has no unit" if bare is not None else "")
            + f"\n  write --fits {cure}, 500MB or 320KiB, or a device: {', '.join(names())}"
        )
    return size
