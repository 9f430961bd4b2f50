"""Whole imported networks: the peak of inference and of a training step, to the byte against a trace."""

from __future__ import annotations

import pytest
import torch
import torchvision_shim

import cnncost
from cnncost.analysis.cost import at_batch
from cnncost.analysis.memory import peak_bytes
from cnncost.analysis.training import training_memory
from cnncost.measure import build
from cnncost.measure.trace import inference_peak, training_step
from cnncost.measure.twin import example_input

META = torch.device("meta")
NETWORKS = ["convnext_tiny", "efficientnet_b0", "vit_b_16", "swin_t", "swin_v2_t", "maxvit_t"]
QUICK = {"convnext_tiny", "vit_b_16"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in NETWORKS]
)
def test_to_the_byte(name: str) -> None:
    torchvision_shim.models()
    graph = cnncost.load(f"torchvision:{name}")
    for batch in (1, 2):  # axes of size 1 need no copies where others do
        with META:
            twin = build(graph)
        x = example_input(graph, batch, META)
        assert peak_bytes(graph, at_batch(graph, batch), 4) == inference_peak(twin, x)
        with META:
            twin = build(graph, "train")
        traced = training_step(twin, x, torch.optim.SGD(twin.parameters(), lr=0.1))
        memory = training_memory(graph, batch=batch)
        assert memory.saved == traced.saved
        assert memory.gradients == traced.gradients
        assert memory.peak - memory.weights == max(traced.backward_peak, traced.step_peak)
