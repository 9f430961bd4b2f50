"""cnncost list: the models of the zoo."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from cnncost.cli import budget, options
from cnncost.cli.spread import asks
from cnncost.request import PREDICTED, Run
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost list",
    "cnncost list --family resnet",
    "cnncost list --year 2015- --max-params 10M --sort top1",
    "cnncost list --max-macs 600M --min-top1 70 --format json",
    "cnncost list --family resnet --convention keras",
    "cnncost list --min-top1 75 --on t4 --sort latency",
)


def command(
    family: Annotated[Optional[str], typer.Option("--family", help="Only this family.")] = None,
    year: Annotated[Optional[str], typer.Option("--year", help="Only of 2015, 2012-2014 or 2015-.")] = None,
    max_params: budget.MaxParams = None,
    max_macs: budget.MaxMacs = None,
    max_flops: budget.MaxFlops = None,
    max_activations: budget.MaxActivations = None,
    max_peak: budget.MaxPeak = None,
    min_top1: budget.MinTop1 = None,
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
            dtype="With --on: element type.",
        ),
    ] = Run(),
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """List the zoo: family, year, input, parameters, MACs, published top-1 with its protocol."""
    from cnncost import api
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    limits = budget.parsed(
        params=max_params,
        macs=max_macs,
        flops=max_flops,
        activations=max_activations,
        peak=max_peak,
        top1=min_top1,
    )
    given = {budget.option(quantity)[2:].replace("-", "_"): value for quantity, value in limits.items()}
    answer = api.zoo(
        family=family,
        years=year,
        sort=sort,
        convention=run.convention,
        on=run.on,
        batch=run.batch,
        dtype=run.dtype,
        layout=run.layout,
        launch=run.launch,
        tf32=not run.no_tf32,
        stack=run.stack,
        **given,
    )
    emit(answer.grids, answer.document, format=format, output=output, paper=paper)
