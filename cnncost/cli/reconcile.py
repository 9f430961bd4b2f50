"""cnncost reconcile: one network under every convention."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from cnncost.cli import options

EXAMPLES = (
    "cnncost reconcile resnet50",
    "cnncost reconcile resnet50 -c fvcore -c thop --format markdown",
    "cnncost reconcile alexnet vgg16 --format json",
)


def command(
    specs: options.Specs,
    convention: Annotated[
        Optional[list[str]],
        typer.Option(
            "--convention", "-c", metavar="NAME", help="Only this one; may be repeated.", show_default="all"
        ),
    ] = None,
    batch: options.Batch = 1,
    input: options.Input = None,
    mode: options.Mode = "eval",
    set: options.Set = None,
    kwargs: options.Kwargs = None,
    allow_unknown: options.AllowUnknown = False,
    fold_bn: options.FoldBn = False,
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Show how every convention's total comes from the MACs, term by term."""
    from cnncost import __version__
    from cnncost.analysis.conventions import CONVENTIONS
    from cnncost.analysis.conventions import convention as named
    from cnncost.analysis.reconcile import reconcile
    from cnncost.tables.output import chosen_format, emit
    from cnncost.tables.reconcile import reconcile_document, reconcile_grid

    chosen_format(format, output)
    chosen = [named(name) for name in convention or CONVENTIONS]
    loaded = options.load_all(specs, input, set, kwargs, allow_unknown)
    graphs = [options.folded(graph, fold_bn, mode) for graph in loaded]
    rows = [reconcile(graph, batch=batch, mode=mode, conventions=chosen) for graph in graphs]
    unknown = any(graph.unknown for graph in graphs)  # in every table: CSV has one header
    grids = [reconcile_grid(graph, each, batch, unknown) for graph, each in zip(graphs, rows, strict=True)]
    emit(grids, reconcile_document(graphs, rows, batch, __version__), format=format, output=output)
