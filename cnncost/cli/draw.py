"""cnncost draw: the graph of a model as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.request import Model, Run

EXAMPLES = (
    "cnncost draw resnet50 -o resnet50.svg",
    "cnncost draw googlenet --by op --color params -o googlenet.pdf",
    "cnncost draw unet --by layer --direction right -o unet.png",
    "cnncost draw resnet50 --convention fvcore",
)


def command(
    model: Model,
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
    run: Run = Run(),
    output: Annotated[
        Optional[Path],
        typer.Option(
            "--output", "-o", metavar="FILE", help="A .svg, .png or .pdf file.", show_default="SPEC.svg"
        ),
    ] = None,
) -> None:
    """Draw the graph into an SVG, PNG or PDF file; its name is printed. Needs Graphviz."""
    from cnncost.escape import line
    from cnncost.plots.diagram import picture
    from cnncost.plots.drawing import picture_format
    from cnncost.writing import write

    (graph,) = options.load([model])
    path = output or Path(f"{graph.name}.svg")
    format = picture_format(path)
    write(path, picture(graph, format, by=by, color=color, direction=direction, **run.counting))
    print(line(str(path)))
