"""cnncost list: the models of the zoo."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer

from cnncost.cli import completing, options
from cnncost.cli.spread import asks
from cnncost.limits import ON_DEVICE, CostLimits
from cnncost.request import PREDICTED, Run
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost list",
    "cnncost list resnet vgg",
    "cnncost list --year 2015- --max-params 10M --sort top1",
    "cnncost list --max-macs 600M --min-top1 70 --format json",
    "cnncost list --family resnet --convention keras",
    "cnncost list --min-top1 75 --on t4 --sort latency",
)
LIMITED = [name for name in CostLimits._fields if name not in ON_DEVICE]


def command(
    words: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[WORD]...",
            help="Only models with one of these in their name: resnet, vgg16.",
            autocompletion=completing.model,
            show_default=False,
        ),
    ] = None,
    family: Annotated[Optional[str], typer.Option("--family", help="Only this family.")] = None,
    year: Annotated[Optional[str], typer.Option("--year", help="Only of 2015, 2012-2014 or 2015-.")] = None,
    limits: Annotated[CostLimits, asks(*LIMITED)] = CostLimits(),
    sort: Annotated[
        str, typer.Option("--sort", help="name, family, year, params, macs, top1 or latency; -macs reverses.")
    ] = "family",
    run: Annotated[
        Run,
        asks(
            "convention",
            "on",
            *PREDICTED,
            batch="With --on: images per batch.",
            dtype="With --on: element type; else as the device is calibrated.",
        ),
    ] = Run(),
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """List the zoo: family, year, input, parameters, MACs, published top-1 with its protocol."""
    from cnncost import api
    from cnncost.limits import limits as thresholds
    from cnncost.limits import meant
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    given = {name: getattr(limits, name) for name in LIMITED}
    answer = api.zoo(
        *(words or ()),
        family=family,
        years=year,
        sort=sort,
        convention=run.convention,
        on=run.on,
        batch=run.batch,
        dtype=run.precision,
        layout=run.layout,
        launch=run.launch,
        tf32=not run.no_tf32,
        stack=run.stack,
        **given,
    )
    if not answer.document["zoo"]:
        written = [limit.written for limit in thresholds(limits)]
        for asked in [each + meant(each) for each in written if meant(each)]:
            print(f"note: {asked}", file=sys.stderr)
    emit(answer.grids, answer.document, format=format, output=output, paper=paper)
