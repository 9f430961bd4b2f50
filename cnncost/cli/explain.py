"""cnncost explain: the lecture's working, layer by layer."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.request import Model, Run

EXAMPLES = (
    "cnncost explain alexnet conv1",
    "cnncost explain googlenet inception3a --batch 32",
    "cnncost explain vgg16",
    "cnncost explain resnet50 stage1.unit1.main.conv_bn1 --convention fvcore",
    "cnncost explain lenet5_1998 C3 --format markdown",
)


def command(
    model: Model,
    layer: Annotated[
        Optional[str],
        typer.Argument(
            metavar="[LAYER]",
            help="A layer, a block, or the last parts of a name. Without it: totals and the biggest layers.",
            show_default=False,
        ),
    ] = None,
    run: Run = Run(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Show how a layer's figures come about: formula, numbers, result; then what a convention counts."""
    from cnncost.analysis import analyze
    from cnncost.analysis.conventions import convention as named
    from cnncost.analysis.explain import biggest, by_kin, explain
    from cnncost.dtypes import element_bytes
    from cnncost.tables import working
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    rules = named(run.convention)
    (graph,) = options.load([model], run.batch)
    report = analyze(graph, by="op", **run.counting)
    if run.mode == "eval":
        graph = graph.without_heads()
    if layer is None:
        kins, most = by_kin(graph, report), biggest(report)
        grids = [working.model_grid(report, kins, most)]
        document = working.document(report, kins=kins, biggest=most)
    else:
        layers = explain(graph, layer, batch=run.batch, element_bytes=element_bytes(run.dtype), rules=rules)
        grids = working.layer_grids(report.name, layers, rules)
        document = working.document(report, layers=layers)
    emit(grids, document, format=format, output=output)
