"""cnncost explain: the lecture's working, layer by layer."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from cnncost.cli import options

EXAMPLES = (
    "cnncost explain alexnet conv1",
    "cnncost explain googlenet inception3a --batch 32",
    "cnncost explain vgg16",
    "cnncost explain lenet5_1998 C3 --format markdown",
)


def command(
    spec: options.Spec,
    layer: Annotated[
        Optional[str],
        typer.Argument(
            metavar="[LAYER]",
            help="A layer, a block, or the last parts of a name. Without it: totals and the biggest layers.",
            show_default=False,
        ),
    ] = None,
    batch: options.Batch = 1,
    input: options.Input = None,
    dtype: options.Dtype = "float32",
    mode: options.Mode = "eval",
    set: options.Set = None,
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Show how a layer's figures come about: formula, numbers, result."""
    from cnncost import __version__, analyze
    from cnncost.analysis.cost import DTYPES
    from cnncost.analysis.explain import biggest, by_kin, explain
    from cnncost.tables import working
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    graph = options.load(spec, input, set)
    report = analyze(graph, batch=batch, dtype=dtype, mode=mode, by="op")
    if mode == "eval":
        graph = graph.without_heads()
    if layer is None:
        kins, most = by_kin(graph, report), biggest(report)
        grids = [working.model_grid(report, kins, most)]
        document = working.document(report, __version__, kins=kins, biggest=most)
    else:
        layers = explain(graph, layer, batch=batch, element_bytes=DTYPES[dtype])
        grids = working.layer_grids(report.name, layers)
        document = working.document(report, __version__, layers=layers)
    emit(grids, document, format=format, output=output)
