"""cnncost reconcile: one network under every convention."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.cli.spread import MODEL, asks
from cnncost.request import Model, Run
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost reconcile resnet50",
    "cnncost reconcile resnet50 -c fvcore -c thop --format markdown",
    "cnncost reconcile alexnet vgg16 --format json",
)


def command(
    models: Annotated[list[Model], asks(*MODEL, "fold_bn")],
    run: Annotated[Run, asks("batch", "mode")] = Run(),
    convention: Annotated[
        Optional[list[str]],
        typer.Option(
            "--convention", "-c", metavar="NAME", help="Only this one; may be repeated.", show_default="all"
        ),
    ] = None,
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Show how every convention's total comes from the MACs, term by term."""
    from cnncost import api
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    graphs = options.load(models, run.batch, run.mode)
    answer = api.reconcile(*graphs, conventions=convention or (), batch=run.batch, mode=run.mode)
    emit(answer.grids, answer.document, format=format, output=output, paper=paper)
