"""cnncost reconcile: one network under every convention."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.cli.spread import MODEL, asks
from cnncost.request import Model, Run

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
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Show how every convention's total comes from the MACs, term by term."""
    from cnncost.analysis.conventions import CONVENTIONS
    from cnncost.analysis.conventions import convention as named
    from cnncost.analysis.reconcile import reconcile
    from cnncost.tables.output import chosen_format, emit
    from cnncost.tables.reconcile import reconcile_document, reconcile_grid

    chosen_format(format, output)
    chosen = [named(name) for name in convention or CONVENTIONS]
    graphs = options.load(models, run.batch)
    rows = [reconcile(graph, batch=run.batch, mode=run.mode, conventions=chosen) for graph in graphs]
    unknown = any(graph.unknown for graph in graphs)  # in every table: CSV has one header
    grids = [
        reconcile_grid(graph, each, run.batch, unknown) for graph, each in zip(graphs, rows, strict=True)
    ]
    emit(grids, reconcile_document(graphs, rows, run), format=format, output=output)
