"""Layer norm in a map turns its axes: what follows lies with channels last, and memory is exact all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cnncost
from cnncost.execution.memory import peak_bytes
from cnncost.execution.plan import plan
from cnncost.execution.training import training_memory
from cnncost.measure import build
from cnncost.measure.trace import inference_peak, training_step

CONV = "conv: {out: 16, kernel: 3, pad: 1, bias: false}"
BODIES = {
    "conv": f"[{CONV}, layer_norm, {CONV}]",
    "relu": f"[{CONV}, layer_norm, relu, {CONV}]",
    "gelu": f"[{CONV}, layer_norm, gelu, {CONV}]",
    "pooling": f"[{CONV}, layer_norm, relu, maxpool: {{kernel: 2}}, {CONV}, bn, relu]",
    "depthwise": f"[{CONV}, layer_norm, relu, conv: {{out: 16, kernel: 3, groups: 16}}, bn, relu6, {CONV}]",
    "flatten": f"[{CONV}, layer_norm, relu, flatten, linear: {{out: 3}}]",
    "global pooling": f"[{CONV}, layer_norm, relu, global_avgpool, flatten, linear: {{out: 3}}]",
    "residual": f"[{CONV}, layer_norm, relu, add: {{main: [{CONV}, layer_norm, relu, {CONV}], shortcut: []}}, relu]",
}


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_memory(body: str, batch: int, tmp_path: Path) -> None:
    """On the CPU: convolutions of tensors without memory (meta) do not keep channels last."""
    path = tmp_path / "net.yaml"
    path.write_text(f"input: [3, 8, 8]\nbody: {body}\n")
    graph = cnncost.load(str(path))
    x, twin = torch.rand(batch, *graph.input_shape), build(graph, "train")
    assert peak_bytes(plan(graph, batch=batch, device="cpu")) == inference_peak(build(graph), x)
    traced = training_step(twin, x, torch.optim.SGD(twin.parameters(), lr=0.1))
    memory = training_memory(graph, batch=batch, device="cpu")
    assert (memory.saved, memory.gradients) == (traced.saved, traced.gradients)
    assert memory.peak - memory.weights == max(traced.backward_peak, traced.step_peak)
