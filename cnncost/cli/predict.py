"""cnncost predict: how long a network takes on a device, before the device is there."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.cli.spread import asks
from cnncost.request import PREDICTED, Model, Run
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost predict resnet50 --on h100-sxm",
    "cnncost predict resnet18 resnet50 vgg16 --on a100-80gb --batch 64 --dtype float16",
    "cnncost predict resnet50 --on v100-sxm2 --layers",
    "cnncost predict mobilenet_v2 --on t4 --by stage --format json",
    "cnncost predict resnet50 --on a100-80gb --batch 256 --watts 400 --price 1.79",
    "cnncost predict my.yaml:small --on ./my-laptop.yaml",
)


def command(
    models: list[Model],
    run: Annotated[
        Run,
        asks(
            "batch",
            "mode",
            *PREDICTED,
            on="One of ours (rtx-4090), or a file ./mine.yaml.",
            dtype="float32, float16, ...; an import has its own; else as the device is calibrated.",
        ),
    ] = Run(),
    layers: Annotated[bool, typer.Option("--layers", help="The time of every layer, too.")] = False,
    by: Annotated[
        Optional[str],
        typer.Option("--by", help="The time of every op, layer, block or stage.", show_default=False),
    ] = None,
    watts: Annotated[
        Optional[float], typer.Option("--watts", help="Power drawn throughout: adds joules per image.")
    ] = None,
    price: Annotated[
        Optional[float], typer.Option("--price", help="Of an hour: adds the cost of a million images.")
    ] = None,
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Predict latency and images per second on a device, with a 90% interval; nothing is run.

    A calibrated device gives an estimate with its interval; a data sheet only the time that nothing goes
    below, and that is said. Times are of the whole batch.
    """
    from cnncost import api
    from cnncost.errors import UsageError
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    if run.on is None:
        raise UsageError(
            "predict needs a device\n  for example: --on rtx-4090, or --on ./mine.yaml (cnncost help devices)"
        )
    answer = api.latency(
        *options.load(models, run.batch, run.mode),
        on=run.on,
        **run.predicting,
        by=by or ("layer" if layers else None),
        watts=watts,
        price=price,
    )
    emit(answer.grids, answer.document, format=format, output=output, paper=paper)
