"""cnncost verify: every layer's figures against PyTorch."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.errors import CheckFailed, UsageError

EXAMPLES = (
    "cnncost verify resnet50",
    "cnncost verify googlenet --mode train --device cpu",
    "cnncost verify --all",
    "cnncost verify my.yaml --format json",
    "cnncost verify resnet18 --convention fvcore",
)


def command(
    specs: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="SPEC...",
            help="Zoo names, spec files, variants, imports (torchvision:resnet50).",
            show_default=False,
        ),
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Every model of the zoo; a line per model.")] = False,
    device: Annotated[
        str, typer.Option("--device", help="meta (nothing is computed), cpu, cuda, cuda:1.")
    ] = "meta",
    batch: options.Batch = 2,
    input: options.Input = None,
    set: options.Set = None,
    kwargs: options.Kwargs = None,
    mode: options.Mode = "eval",
    convention: options.ConventionName = "cnncost",
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Compare output shapes, parameters, buffers, MACs and output bytes of every node with PyTorch's."""
    from cnncost import __version__
    from cnncost.analysis.conventions import convention as named
    from cnncost.cli.progress import progress
    from cnncost.language import zoo
    from cnncost.measure.device import device as of_name
    from cnncost.tables import verify as tables
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    if bool(specs) == all:
        raise UsageError("verify needs models, or --all\n  for example: cnncost verify resnet50")
    rules = named(convention)
    target = of_name(device)
    from cnncost.measure.verify import verify

    graphs = options.load_all(zoo.names() if all else specs or [], input, set, kwargs)
    with progress("verifying", len(graphs)) as step:
        found = []
        for graph in graphs:
            step(graph.name)
            found.append(verify(graph, target, mode, batch, convention=rules))
    grids = [tables.model_grid(found)] if all else [tables.layer_grid(one) for one in found]
    emit(grids, tables.document(found, __version__), format=format, output=output)
    if message := tables.differing(found):
        raise CheckFailed(message)
