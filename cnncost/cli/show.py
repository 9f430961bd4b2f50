"""cnncost show: a model as a tree of blocks."""

from __future__ import annotations

import typer

from cnncost.cli import options

EXAMPLES = ("cnncost show resnet50", "cnncost show googlenet --set classes=10", "cnncost show my.yaml:small")


def command(
    spec: options.Spec,
    input: options.Input = None,
    set: options.Set = None,
    kwargs: options.Kwargs = None,
    allow_unknown: options.AllowUnknown = False,
) -> None:
    """Print the graph of a model: blocks, operators, shapes and where each comes from."""
    from cnncost.tables.tree import tree

    typer.echo(tree(options.load(spec, input, set, kwargs, allow_unknown)), nl=False)
