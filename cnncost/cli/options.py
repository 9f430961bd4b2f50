"""Options that several commands share, declared once, and what they parse to."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from cnncost.errors import UsageError
from cnncost.graph import Graph
from cnncost.importers.names import is_import


def complete_model(incomplete: str) -> list[str]:
    """Zoo names for tab completion; files complete by the shell."""
    from cnncost.language import zoo

    return [name for name in zoo.index() if name.startswith(incomplete)]


Specs = Annotated[
    list[str],
    typer.Argument(
        metavar="SPEC...",
        help="A zoo name, a spec file (my.yaml, my.yaml:small), or an import: torchvision:resnet50,"
        " timm:convnext_tiny, model.onnx, package.module:factory, whose code is run.",
        autocompletion=complete_model, show_default=False,
    ),
]  # fmt: skip
Spec = Annotated[
    str,
    typer.Argument(
        metavar="SPEC",
        help="A zoo name, a spec file (my.yaml, my.yaml:small), or an import: torchvision:resnet50,"
        " timm:convnext_tiny, model.onnx, package.module:factory, whose code is run.",
        autocompletion=complete_model, show_default=False,
    ),
]  # fmt: skip
Input = Annotated[
    Optional[str],
    typer.Option(
        "--input",
        "-i",
        metavar="CxHxW",
        help="Another input: 3x256x256, or 256x256, or 256.",
        show_default=False,
    ),
]
Set = Annotated[
    Optional[list[str]],
    typer.Option(
        "--set", "-s", metavar="NAME=VALUE", help="Override a parameter of the spec.", show_default=False
    ),
]
Batch = Annotated[int, typer.Option("--batch", "-b", metavar="N", help="Images per batch.")]
Dtype = Annotated[
    str, typer.Option("--dtype", help="Element type: float32, float16, bfloat16, float64, int8.")
]
Mode = Annotated[str, typer.Option("--mode", help="eval, or train (with training-only heads).")]
ConventionName = Annotated[
    str, typer.Option("--convention", "-c", help="How to count: cnncost, deeprob, keras, fvcore, thop, ...")
]
Kwargs = Annotated[
    Optional[str],
    typer.Option(
        "--kwargs",
        metavar="JSON",
        help="Keyword arguments of what builds an imported network, as a JSON object.",
        show_default=False,
    ),
]
FoldBn = Annotated[
    bool, typer.Option("--fold-bn", help="Fold batch norms into the layers before them, as for inference.")
]
AllowUnknown = Annotated[
    bool,
    typer.Option(
        "--allow-unknown",
        help="Go on where an import meets an operator without a declaration; totals are lower bounds.",
    ),
]
Format = Annotated[
    Optional[str],
    typer.Option(
        "--format",
        "-f",
        help="text, markdown, csv, latex or json.",
        show_default="by --output's suffix, else text",
    ),
]
Output = Annotated[
    Optional[Path],
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write to a file (.txt .md .csv .tex .json).",
        show_default=False,
    ),
]

_SIZE = re.compile(r"\d{1,9}(?:[x×]\d{1,9}){0,2}\Z")


def parse_input(text: str | None) -> tuple[int, ...] | None:
    """`3x224x224`, `224x224` or `224` as sizes; UsageError for anything else."""
    if text is None:
        return None
    if not _SIZE.match(text):
        raise UsageError(
            f"--input {text!r} is not a size\n  write channels x height x width: --input 3x256x256"
        )
    sizes = tuple(int(part) for part in re.split("[x×]", text))
    return sizes * 2 if len(sizes) == 1 else sizes


def parse_set(items: list[str] | None) -> dict[str, str]:
    """`name=value` options as a dict; UsageError for one without `=`."""
    values = {}
    for item in items or []:
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set {item!r} is not name=value\n  for example: --set classes=10")
        values[name.strip()] = value.strip()
    return values


def parse_kwargs(text: str | None) -> dict[str, str]:
    """--kwargs as --set would write it, the values as JSON; UsageError if it is not a JSON object."""
    if text is None:
        return {}
    example = "for example: --kwargs '{\"num_classes\": 10}'"
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--kwargs {text!r} is not JSON: {error}\n  {example}") from None
    if not isinstance(found, dict):
        raise UsageError(f"--kwargs {text!r} is not a JSON object\n  {example}")
    return {name: json.dumps(value) for name, value in found.items()}


def values(names: Sequence[str], set: list[str] | None, kwargs: str | None) -> dict[str, dict[str, str]]:
    """For every model's name what --set, and for an import --kwargs, give it.

    Raises UsageError if there are --kwargs but no import.
    """
    arguments, parameters = parse_kwargs(kwargs), parse_set(set)
    if kwargs is not None and not any(map(is_import, names)):
        raise UsageError(
            f"--kwargs are for a network that is imported, which {', '.join(names)} is not\n"
            "  parameters of a spec: --set classes=10"
        )
    return {name: {**arguments, **parameters} if is_import(name) else parameters for name in names}


def load_all(
    names: Sequence[str],
    input: str | None,
    set: list[str] | None,
    kwargs: str | None = None,
    allow_unknown: bool = False,
) -> list[Graph]:
    """The graphs that a command's SPECs, --input, --set, --kwargs and --allow-unknown describe."""
    import cnncost

    sizes: Any = parse_input(input)
    given = values(names, set, kwargs)
    return [cnncost.load(name, input=sizes, set=given[name], allow_unknown=allow_unknown) for name in names]


def load(
    name: str,
    input: str | None,
    set: list[str] | None,
    kwargs: str | None = None,
    allow_unknown: bool = False,
) -> Graph:
    """The same for one model."""
    return load_all([name], input, set, kwargs, allow_unknown)[0]


def folded(graph: Graph, fold_bn: bool, mode: str) -> Graph:
    """The graph, its batch norms folded if --fold-bn asks for it; UsageError in training."""
    if not fold_bn:
        return graph
    if mode == "train":
        raise UsageError("--fold-bn is for inference: training needs its batch norms\n  drop --mode train")
    from cnncost.analysis.fold import fold_batch_norms

    return fold_batch_norms(graph)
