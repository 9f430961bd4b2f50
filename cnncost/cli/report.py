"""cnncost report: one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cnncost.cli import options

EXAMPLES = (
    "cnncost report resnet50 -o resnet50.html",
    "cnncost report vgg16 resnet50 mobilenet_v2 -o nets.html --batch 8",
    "cnncost report resnet50 -o resnet50.html --measured run.json",
    "cnncost report my.yaml:small -o site/",
)


def command(
    specs: options.Specs,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="An .html file, or a directory (index.html)."),
    ],
    batch: options.Batch = 1,
    input: options.Input = None,
    dtype: options.Dtype = "float32",
    mode: options.Mode = "eval",
    set: options.Set = None,
    kwargs: options.Kwargs = None,
    allow_unknown: options.AllowUnknown = False,
    measured: Annotated[
        Optional[list[Path]],
        typer.Option("--measured", metavar="FILE", help="What cnncost measure -o wrote.", show_default=False),
    ] = None,
) -> None:
    """Write a page with sortable tables, pictures, the graph and switchable conventions."""
    from cnncost import __version__
    from cnncost.errors import UsageError
    from cnncost.html.content import model_content
    from cnncost.html.page import page
    from cnncost.measure.files import read_all
    from cnncost.writing import write

    path = output / "index.html" if output.is_dir() or str(output).endswith("/") else output
    if path.suffix not in (".html", ".htm"):
        raise UsageError(f"{path}: a report is an HTML page\n  pass -o {path.stem}.html, or a directory")
    measurements = read_all(measured or [])
    models = [
        model_content(graph, batch=batch, dtype=dtype, mode=mode, measured=measurements)
        for graph in options.load_all(specs, input, set, kwargs, allow_unknown)
    ]
    title = "Cost of " + ", ".join(dict.fromkeys(str(model["name"]) for model in models))
    made_by = f"cnncost {__version__}: cnncost report {' '.join(specs)}"
    write(path, page(models, title=title, made_by=made_by))
