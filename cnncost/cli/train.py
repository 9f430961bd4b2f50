"""cnncost train: device-hours, energy and money of a whole training, before it is started."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.cli.spread import asks
from cnncost.request import Model, Run
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost train resnet50 --on rtx-3090 --images 1281167 --epochs 90 --batch 256",
    "cnncost train resnet18 resnet50 vgg16 --on a100-80gb --images 1281167 --epochs 90 --dtype float16",
    "cnncost train resnet50 --on rtx-3090 --images 1.28M --epochs 90 --watts 350 --price 0.22",
    "cnncost train my.yaml:small --on ./my-laptop.yaml --images 50000 --epochs 30 --batch 64 --format json",
)


def command(
    models: list[Model],
    images: Annotated[
        int, typer.Option("--images", metavar="N", help="Images of an epoch: 1281167, 50k, 1.28M.")
    ],
    epochs: Annotated[int, typer.Option("--epochs", metavar="N", help="How often all are seen.")],
    run: Annotated[
        Run,
        asks(
            "batch",
            "layout",
            "no_tf32",
            "stack",
            on="One of ours (rtx-3090), or a file ./mine.yaml.",
            dtype="float32, float16 or bfloat16; else what the device was calibrated for.",
        ),
    ] = Run(batch=256),
    watts: Annotated[
        Optional[float], typer.Option("--watts", help="Power drawn throughout: adds kilowatt-hours.")
    ] = None,
    price: Annotated[
        Optional[float], typer.Option("--price", help="Of an hour of the device: adds the cost.")
    ] = None,
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Predict what a whole training costs on one device: hours with a 90% interval; nothing is run.

    A step is a forward pass, a backward pass and an update by gradient descent with momentum. A data sheet
    gives the hours that nothing goes below, and that is said.
    """
    from cnncost import api
    from cnncost.errors import UsageError
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    if run.on is None:
        raise UsageError(
            "train needs a device\n  for example: --on rtx-3090, or --on ./mine.yaml (cnncost help devices)"
        )
    answer = api.training_run(
        *options.load(models, run.batch, "train"),
        on=run.on,
        images=images,
        epochs=epochs,
        batch=run.batch,
        dtype=run.precision,
        layout=run.layout,
        tf32=not run.no_tf32,
        stack=run.stack,
        watts=watts,
        price=price,
    )
    emit(answer.grids, answer.document, format=format, output=output, paper=paper)
