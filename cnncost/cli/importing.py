"""cnncost import: a network that is already written, as a spec to keep, edit and lock."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.cli.spread import NETWORK, asks
from cnncost.errors import UsageError
from cnncost.request import Model

EXAMPLES = (
    "cnncost import torchvision:resnet50 -o my.yaml",
    "cnncost import timm:convnext_tiny --input 3x288x288 -o my.yaml",
    "cnncost import model.onnx -o my.yaml",
    "cnncost import mypackage.models:Net --input 3x64x64 --kwargs '{\"classes\": 10}'",
)

Network = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="torchvision:NAME, timm:NAME, FILE.onnx, or package.module:FACTORY, whose code is run.",
        show_default=False,
    ),
]
SpecFile = Annotated[
    Optional[Path],
    typer.Option("--output", "-o", metavar="FILE", help="Write the spec to a file.", show_default=False),
]


def command(
    spec: Network,
    changed: Annotated[Model, asks(*NETWORK)] = Model(""),
    output: SpecFile = None,
) -> None:
    """Write the inference pass of a PyTorch network or an ONNX file as a spec.

    Importing a module runs its code. Nothing is unpickled, no weights are read or downloaded.
    """
    from cnncost.importers import write
    from cnncost.importers.names import is_import

    if not is_import(spec):
        raise UsageError(
            f"{spec!r} is not a network to import\n"
            "  write torchvision:resnet50, timm:convnext_tiny, model.onnx, net.py:Net"
            " or package.module:factory"
        )
    (graph,) = options.load(options.models(changed, [spec]))
    text = write.text(graph)
    if output is None:
        typer.echo(text, nl=False)
    else:
        from cnncost.writing import write as write_file

        write_file(output, text)
