"""cnncost list: the models of the zoo."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.cli.spread import asks
from cnncost.request import Run
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost list",
    "cnncost list --family resnet",
    "cnncost list --year 2015- --max-params 10M --sort top1",
    "cnncost list --max-macs 600M --format json",
    "cnncost list --family resnet --convention keras",
)


def command(
    family: Annotated[Optional[str], typer.Option("--family", help="Only this family.")] = None,
    year: Annotated[Optional[str], typer.Option("--year", help="Only of 2015, 2012-2014 or 2015-.")] = None,
    max_params: Annotated[
        Optional[str], typer.Option("--max-params", metavar="COUNT", help="At most so many: 10M.")
    ] = None,
    max_macs: Annotated[
        Optional[str], typer.Option("--max-macs", metavar="COUNT", help="At most so many: 600M, 4.5G.")
    ] = None,
    sort: Annotated[
        str, typer.Option("--sort", help="name, family, year, params, macs or top1; -macs reverses.")
    ] = "family",
    run: Annotated[Run, asks("convention")] = Run(),
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """List the zoo: family, year, input, parameters, MACs, published top-1 with its protocol."""
    from cnncost import api
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    answer = api.zoo(
        family=family,
        years=year,
        max_params=options.parse_count("--max-params", max_params),
        max_macs=options.parse_count("--max-macs", max_macs),
        sort=sort,
        convention=run.convention,
    )
    emit(answer.grids, answer.document, format=format, output=output, paper=paper)
