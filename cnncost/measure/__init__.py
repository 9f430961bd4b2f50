"""From a graph to a running network: is what the analysis says true?

    device.py       torch and the device that was asked for, or what to install or pass
    twin.py         Graph -> nn.Module
    fold.py         batch norms folded into the layers before them
    onnx.py         the twin as an ONNX file, checked by onnxruntime
    verify.py       per layer, the analysis against PyTorch
    original.py     an imported module itself as a witness
    checkpointed.py a training step with checkpoints and micro-batches, as PyTorch runs it
    trace.py        live storages of a run: what the memory model is held to
    clock.py        clocks for CPU and CUDA
    sampling.py     warm-up, sampling until the median is known, statistics
    setting.py      device, batch, number format, layout and mode of a run
    runner.py       a twin with its input on a device, run so
    memory.py       peak bytes of a run, predicted and measured
    latency.py      time and memory of one model on one device
    layers.py       the time of every layer
    environment.py  what a measurement ran on
    spread.py       measuring as a piece of work, each worker with its own device
    files.py        what `cnncost measure -o` wrote, read again

The only room, with the importers and the operators' `module`, that imports torch; its files do so
when they are used. No table and no text layout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import UsageError
from cnncost.graph import Graph

if TYPE_CHECKING:
    from cnncost.measure.twin import Twin

__all__ = ["build"]


def build(graph: Graph, mode: str = "eval") -> Twin:
    """The PyTorch twin of a graph with fresh random weights, in mode eval or train.

    Submodules have the names and the order of the graph's nodes (dots separate modules). In mode
    train the training heads are part of it and their outputs follow the main one. Under
    `with torch.device("meta")` it is built without memory. Raises UnavailableError without torch,
    UsageError for what is no graph, an unknown mode or an operator that has no PyTorch counterpart.
    """
    from cnncost.measure.device import require_torch

    if not isinstance(graph, Graph):
        raise UsageError(
            f"build needs a graph, not {type(graph).__name__}\n"
            "  load it: cnncost.build(cnncost.load('resnet50'))"
        )
    require_torch()
    from cnncost.measure.twin import Twin

    return Twin.of(graph, mode)
