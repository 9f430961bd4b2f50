"""cnncost report: one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.cli.spread import asks
from cnncost.request import PREDICTED, Model, Run

EXAMPLES = (
    "cnncost report resnet50 -o resnet50.html",
    "cnncost report vgg16 resnet50 mobilenet_v2 -o nets.html --batch 8",
    "cnncost report resnet50 -o resnet50.html --measured run.json",
    "cnncost report my.yaml:small -o site/",
    "cnncost report resnet50 -o resnet50.html --on rtx-4090 --dtype float16",
)


def command(
    models: list[Model],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="An .html file, or a directory (index.html)."),
    ],
    run: Annotated[Run, asks("batch", "dtype", "mode", "on", *PREDICTED)] = Run(),
    measured: Annotated[
        Optional[list[Path]],
        typer.Option("--measured", metavar="FILE", help="What cnncost measure -o wrote.", show_default=False),
    ] = None,
) -> None:
    """Write a page with sortable tables, pictures, the graph and switchable conventions."""
    from cnncost.errors import UsageError
    from cnncost.html.content import model_content
    from cnncost.html.differences import differences_content
    from cnncost.html.page import page
    from cnncost.measure.files import read_all
    from cnncost.version import __version__
    from cnncost.writing import is_stream, write

    run.check_predicting()
    path = output / "index.html" if output.is_dir() or str(output).endswith("/") else output
    if path.suffix not in (".html", ".htm") and not is_stream(path):
        raise UsageError(f"{path}: a report is an HTML page\n  pass -o {path.stem}.html, or a directory")
    measurements = read_all(measured or [])
    graphs = list(options.load(models, run.batch, run.mode))
    contents = [model_content(graph, run, measured=measurements) for graph in graphs]
    title = "Cost of " + ", ".join(dict.fromkeys(str(content["name"]) for content in contents))
    made_by = f"cnncost {__version__}: cnncost report {' '.join(model.spec for model in models)}"
    pairs = differences_content(graphs, run)
    write(path, page(contents, title=title, made_by=made_by, differences=pairs))
