"""cnncost draw: the graph of a model as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cnncost.cli import options

EXAMPLES = (
    "cnncost draw resnet50 -o resnet50.svg",
    "cnncost draw googlenet --by op --color params -o googlenet.pdf",
    "cnncost draw unet --by layer --direction right -o unet.png",
    "cnncost draw resnet50 --convention fvcore",
)


def command(
    spec: options.Spec,
    by: Annotated[str, typer.Option("--by", help="A box per op, layer, block or stage.")] = "block",
    color: Annotated[
        str,
        typer.Option(
            "--color",
            help="What colours boxes: ops, params, memory as the convention counts; macs, activation_bytes.",
        ),
    ] = "ops",
    direction: Annotated[
        str, typer.Option("--direction", help="Where data flows to: down or right.")
    ] = "down",
    batch: options.Batch = 1,
    input: options.Input = None,
    dtype: options.Dtype = "float32",
    mode: options.Mode = "eval",
    set: options.Set = None,
    kwargs: options.Kwargs = None,
    allow_unknown: options.AllowUnknown = False,
    convention: options.ConventionName = "cnncost",
    output: Annotated[
        Optional[Path],
        typer.Option(
            "--output", "-o", metavar="FILE", help="A .svg, .png or .pdf file.", show_default="SPEC.svg"
        ),
    ] = None,
) -> None:
    """Draw the graph into an SVG, PNG or PDF file; its name is printed. Needs Graphviz."""
    from cnncost.plots.diagram import picture
    from cnncost.plots.drawing import picture_format
    from cnncost.writing import write

    graph = options.load(spec, input, set, kwargs, allow_unknown)
    path = output or Path(f"{graph.name}.svg")
    format = picture_format(path)
    counting = {"batch": batch, "dtype": dtype, "mode": mode, "convention": convention}
    write(path, picture(graph, format, by=by, color=color, direction=direction, **counting))
    print(path)
