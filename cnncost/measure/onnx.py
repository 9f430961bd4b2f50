"""A graph's PyTorch twin as an ONNX file, and whether that computes what the twin does.

Imports torch at the top: import this module only where a file is really written.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnncost.errors import CheckFailed, UnavailableError, UsageError
from cnncost.graph import Graph
from cnncost.measure.twin import Twin, example_inputs
from cnncost.writing import write

TOLERANCE = 1e-3
"""Largest difference from the twin, as a part of its largest value: float32 in another order of sums."""


class Written(NamedTuple):
    """What was written, and how far it is from the twin."""

    opset: int
    difference: float | None  #: the largest, of all outputs; None: onnxruntime is not installed
    largest: float  #: the twin's largest value


class Named(nn.Module):
    """A twin whose layers have their whole names as attributes: the exporter calls nodes by these.

    Parts are divided by slashes, as in the names of ONNX's nodes; of dots it would keep the last part.
    """

    def __init__(self, twin: Twin):
        super().__init__()
        for step in twin.steps:
            self._modules[twin.graph.nodes[step.makes].name.replace(".", "/")] = step.module
        self.held = (twin,)  # not a submodule, or every layer would be there twice

    def forward(self, *given: Tensor) -> Tensor | tuple[Tensor, ...]:
        return self.held[0](*given)  # type: ignore[no-any-return]


def export(graph: Graph, path: Path, batch: int | None = None) -> Written:
    """Write the twin of a graph, with random weights, as ONNX for a batch (None: any), and check it.

    Batch norms stay as they are, nodes are called as in the graph. The file is checked by the package
    `onnx` and, if it is installed, by onnxruntime on random images; one that fails is not written.
    Raises UsageError for an operator that ONNX does not have or a path that cannot be written,
    UnavailableError without `onnx`, CheckFailed if the outputs differ.
    """
    if importlib.util.find_spec("onnx") is None:
        raise UnavailableError("writing ONNX needs the package onnx\n  pip install 'cnncost[onnx]'")
    import onnx

    graph = graph.without_heads()  # inference: what only training has is not exported
    twin = Twin.of(graph)
    outputs = [f"output{place or ''}" for place in range(len(graph.outputs))]
    inputs = names_of(graph)
    axes = None if batch else {name: {0: "batch"} for name in (*inputs, *outputs)}
    given = example_inputs(graph, batch or 2, torch.device("cpu"))
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "twin.onnx"))
        try:
            with quiet(), spelled_out():
                torch.onnx.export(
                    Named(twin).eval(),
                    given,
                    file,
                    dynamo=False,  # needs no other package, and keeps names
                    training=torch.onnx.TrainingMode.PRESERVE,
                    do_constant_folding=False,
                    input_names=inputs,
                    output_names=outputs,
                    dynamic_axes=axes,
                )
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise UsageError(f"{graph.name}: its twin cannot be written as ONNX: {reason}") from None
        onnx.checker.check_model(file)
        opset = onnx.load(file, load_external_data=False).opset_import[0].version
        difference, largest = compared(twin, file, example_inputs(graph, batch or 3, torch.device("cpu")))
        if difference is not None and not difference <= TOLERANCE * largest:
            raise CheckFailed(
                f"{graph.name}: onnxruntime's outputs differ from PyTorch's by {difference:.1e},"
                f" the largest of which is {largest:.1e}"
            )
        write(path, Path(file).read_bytes())
    return Written(opset, difference, largest)


def names_of(graph: Graph) -> list[str]:
    """What the inputs of a file are called: of several as the network calls them."""
    if len(graph.inputs) == 1:
        return ["image"]
    return [item.name for item in graph.facts["inputs"]]


def compared(twin: Twin, path: str, given: tuple[Tensor, ...]) -> tuple[float | None, float]:
    """(largest difference of onnxruntime's outputs from the twin's, the twin's largest value)."""
    if importlib.util.find_spec("onnxruntime") is None:
        return None, 0.0
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    taken = {item.name for item in session.get_inputs()}  # one that only gives a shape is left out
    named = dict(zip(names_of(twin.graph), given, strict=True))
    found = session.run(None, {name: x.numpy() for name, x in named.items() if name in taken})
    with torch.no_grad():
        result: Any = twin(*[x.clone() for x in given])
    expected = result if isinstance(result, tuple) else (result,)
    pairs = list(zip(found, expected, strict=True))
    differences = [float((torch.from_numpy(ours) - theirs).abs().max()) for ours, theirs in pairs]
    return max(differences), max(float(theirs.abs().max()) for theirs in expected)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """In here the exporter says nothing, its C++ part neither: what concerns the user is in the error."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    kept = [os.dup(stream) for stream in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for stream, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, stream)
            os.close(copy)
        os.close(nowhere)
        logging.disable(before)


@contextlib.contextmanager
def spelled_out() -> Iterator[None]:
    """In here functions that the exporter lacks, or writes wrongly, are put together from others.

    It has no channel shuffle, and leaves out a divisor of average pooling without a word.
    """
    average = functional.avg_pool2d

    def avg_pool2d(x: Tensor, kernel: Any, *more: Any, divisor_override: Any = None, **rest: Any) -> Tensor:
        pooled: Tensor = average(x, kernel, *more, **rest)
        if divisor_override is not None:
            height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
            pooled = pooled * (height * width / divisor_override)
        return pooled

    def channel_shuffle(x: Tensor, groups: int) -> Tensor:
        n, channels, *size = x.shape
        return x.reshape(n, groups, channels // groups, *size).transpose(1, 2).reshape(x.shape)

    with (
        patch.object(functional, "avg_pool2d", avg_pool2d),
        patch.object(functional, "channel_shuffle", channel_shuffle),
    ):
        yield
