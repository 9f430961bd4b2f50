"""cnncost explain: the lecture's working, layer by layer."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.cli.spread import MODEL, asks
from cnncost.request import Model, Run
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost explain alexnet conv1",
    "cnncost explain googlenet inception3a --batch 32",
    "cnncost explain vgg16",
    "cnncost explain resnet50 stage1.unit1.main.conv_bn1 --convention fvcore",
    "cnncost explain resnet18 conv1.conv --bits w4a8",
    "cnncost explain lenet5_1998 C3 --format markdown",
)


def command(
    model: Annotated[Model, asks(*MODEL, "bits")],
    layer: Annotated[
        Optional[str],
        typer.Argument(
            metavar="[LAYER]",
            help="A layer, a block, or the last parts of a name. Without it: totals and the biggest layers.",
            show_default=False,
        ),
    ] = None,
    run: Run = Run(),
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Show how a layer's figures come about: formula, numbers, result; then what a convention counts."""
    from cnncost import api
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    (graph,) = options.load([model], run.batch, run.mode)
    answer = api.explain(graph, layer, **{**run.counting, "dtype": model.dtype})
    emit(answer.grids, answer.document, format=format, output=output, paper=paper)
