"""Options that several commands share, declared once, and what they parse to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from cnncost.errors import UsageError
from cnncost.graph import Graph


def complete_model(incomplete: str) -> list[str]:
    """Zoo names for tab completion; files complete by the shell."""
    from cnncost.spec import zoo

    return [name for name in zoo.index() if name.startswith(incomplete)]


Specs = Annotated[
    list[str],
    typer.Argument(
        metavar="SPEC...",
        help="A zoo name, a spec file (my.yaml, my.yaml:small), or an import (torchvision:resnet50).",
        autocompletion=complete_model, show_default=False,
    ),
]  # fmt: skip
Spec = Annotated[
    str,
    typer.Argument(
        metavar="SPEC",
        help="A zoo name, a spec file (my.yaml, my.yaml:small), or an import (torchvision:resnet50).",
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


def load(name: str, input: str | None, set: list[str] | None, allow_unknown: bool = False) -> Graph:
    """The graph that a command's SPEC, --input and --set describe."""
    import cnncost

    sizes: Any = parse_input(input)
    return cnncost.load(name, input=sizes, set=parse_set(set), allow_unknown=allow_unknown)


def folded(graph: Graph, fold_bn: bool, mode: str) -> Graph:
    """The graph, its batch norms folded if --fold-bn asks for it; UsageError in training."""
    if not fold_bn:
        return graph
    if mode == "train":
        raise UsageError("--fold-bn is for inference: training needs its batch norms\n  drop --mode train")
    from cnncost.analysis.fold import fold_batch_norms

    return fold_batch_norms(graph)
