"""cnncost export: a model as a file that other programs run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from cnncost.border import MOST_RUN, whole_number
from cnncost.cli import options
from cnncost.cli.spread import NETWORK, asks
from cnncost.escape import line
from cnncost.request import Model

if TYPE_CHECKING:
    from cnncost.measure.onnx import Written

EXAMPLES = (
    "cnncost export resnet18 --onnx resnet18.onnx",
    "cnncost export my.yaml:small --onnx small.onnx --input 3x96x96 --batch 1",
    "cnncost export mobilenet_v2 --onnx mobilenet_v2.onnx --fold-bn",
)

Onnx = Annotated[
    Path, typer.Option("--onnx", metavar="FILE", help="The ONNX file to write.", show_default=False)
]
Batch = Annotated[
    Optional[int],
    typer.Option("--batch", "-b", metavar="N", help="Fix the batch.", show_default="any batch"),
]


def command(
    model: Annotated[Model, asks("spec", *NETWORK, "fold_bn")],
    onnx: Onnx,
    batch: Batch = None,
) -> None:
    """Write a model's PyTorch twin, with random weights, as an ONNX file.

    It is checked by onnxruntime if that is installed: its outputs against PyTorch's.
    """
    from cnncost.measure.device import require_torch

    if batch is not None:
        whole_number("a batch", batch, most=MOST_RUN)
    require_torch()
    (graph,) = options.load([model], batch or 1)
    from cnncost.measure.onnx import export

    written = export(graph, onnx, batch)
    typer.echo(line(f"{onnx}: {graph.name}, opset {written.opset}, {of(batch)}; {said(written)}"))


def of(batch: int | None) -> str:
    """The batch in words."""
    return "any batch" if batch is None else f"batch {batch}"


def said(written: Written) -> str:
    """Which checks ran, and what they found."""
    if written.difference is None:
        return "not checked by onnxruntime, which is not installed: pip install onnxruntime"
    return (
        f"checked by onnxruntime: largest difference from PyTorch {written.difference:.1e}"
        f" of {written.largest:.1e}"
    )
