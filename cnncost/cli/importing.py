"""cnncost import: a network that is already written, as a spec to keep, edit and lock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from cnncost.cli import options
from cnncost.errors import UsageError

EXAMPLES = (
    "cnncost import torchvision:resnet50 -o my.yaml",
    "cnncost import timm:convnext_tiny --input 3x288x288 -o my.yaml",
    "cnncost import mypackage.models:Net --input 3x64x64 --kwargs '{\"classes\": 10}'",
)

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="torchvision:NAME, timm:NAME, or package.module:FACTORY, whose code is run.",
        show_default=False,
    ),
]
Kwargs = Annotated[
    Optional[str],
    typer.Option(
        "--kwargs",
        metavar="JSON",
        help="Keyword arguments of what builds the network, as a JSON object.",
        show_default=False,
    ),
]
Spec = Annotated[
    Optional[Path],
    typer.Option("--output", "-o", metavar="FILE", help="Write the spec to a file.", show_default=False),
]


def command(
    model: Model,
    input: options.Input = None,
    kwargs: Kwargs = None,
    set: options.Set = None,
    output: Spec = None,
) -> None:
    """Write the inference pass of a PyTorch network as a spec.

    Importing a module runs its code. Nothing is unpickled, no weights are read or downloaded.
    """
    from cnncost import load
    from cnncost.importers import write
    from cnncost.importers.names import is_import

    if not is_import(model):
        raise UsageError(
            f"{model!r} is not a network to import\n"
            "  write torchvision:resnet50, timm:convnext_tiny or package.module:factory"
        )
    arguments = parse_kwargs(kwargs) | options.parse_set(set)
    sizes: Any = options.parse_input(input)
    graph = load(model, input=sizes, set=arguments)
    unused = graph.facts.get("unused_params")
    if unused:
        typer.echo(f"note: {unused:,} parameters that inference never reads are left out", err=True)
    text = write.text(graph)
    if output is None:
        typer.echo(text, nl=False)
    else:
        from cnncost.tables.output import write as write_file

        write_file(output, text)


def parse_kwargs(text: str | None) -> dict[str, Any]:
    """--kwargs as a dict; UsageError if it is not a JSON object."""
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"--kwargs {text!r} is not JSON: {error}\n  for example: --kwargs '{{\"num_classes\": 10}}'"
        ) from None
    if not isinstance(found, dict):
        raise UsageError(
            f"--kwargs {text!r} is not a JSON object\n  for example: --kwargs '{{\"num_classes\": 10}}'"
        )
    return found
