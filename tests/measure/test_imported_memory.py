"""Whole imported networks: the peak of inference and of a training step, to the byte against a trace."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import cnncost
from cnncost.execution.memory import liveness_bytes, peak_bytes, timeline
from cnncost.execution.plan import plan
from cnncost.execution.training import training_memory
from cnncost.importers.sources import library
from cnncost.measure import build
from cnncost.measure.trace import inference_peak, training_step
from cnncost.measure.twin import example_input

NETWORKS = [
    "torchvision:convnext_tiny", "torchvision:efficientnet_b0", "torchvision:vit_b_16", "torchvision:swin_t",
    "torchvision:swin_v2_t", "torchvision:maxvit_t", "timm:resmlp_12_224", "timm:pvt_v2_b0", "timm:davit_tiny",
]  # fmt: skip
QUICK = {"torchvision:convnext_tiny", "torchvision:vit_b_16"}
# Their convolutions read permuted tokens, which lie in memory with channels last: kernels keep that, meta's do not.
CHANNELS_LAST = {"timm:pvt_v2_b0", "timm:davit_tiny"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in NETWORKS]
)
def test_to_the_byte(name: str) -> None:
    library("torchvision")
    graph = replace(cnncost.load(name), parts=())  # the twin takes parts of a tensor one by one
    device = torch.device("cpu" if name in CHANNELS_LAST else "meta")
    kernels = "cpu" if name in CHANNELS_LAST else "cuda"
    with device:
        inference, training = build(graph), build(graph, "train")
    optimizer = torch.optim.SGD(training.parameters(), lr=0.1)
    for batch in (1, 2):  # axes of size 1 need no copies where others do
        x = example_input(graph, batch, device)
        running = plan(graph, batch=batch, device=kernels)
        line = timeline(running)
        with sdpa_kernel(SDPBackend.MATH):
            peak, traced = inference_peak(inference, x), training_step(training, x, optimizer)
        assert line.peak.alive == peak_bytes(running) >= liveness_bytes(running) == peak
        assert [moment.node for moment in line.moments] == [node.name for node in graph.nodes[1:]]
        memory = training_memory(graph, batch=batch, device=kernels)
        assert memory.saved == traced.saved
        assert memory.gradients == traced.gradients
        assert memory.peak - memory.weights == max(traced.backward_peak, traced.step_peak)
