"""The zoo on CUDA as far as PyTorch itself can tell without a GPU: fake tensors that say they are on one.

Every operation asks PyTorch what CUDA would return, shapes, memory layouts and copies included, and
refuses tensors of two devices; nothing is computed. A build of PyTorch without CUDA can do so for
inference only, and not where tensors are indexed.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

import cnncost
from cnncost.execution.memory import peak_bytes
from cnncost.execution.plan import plan
from cnncost.execution.training import training_memory
from cnncost.language import zoo
from cnncost.measure import build
from cnncost.measure.trace import inference_peak, saved_bytes
from cnncost.measure.twin import Twin

META, CUDA = torch.device("meta"), torch.device("cuda", 0)
INDEXED = {"crop", "max_unpool"}
"""Operators that index tensors, beside convolutions with a connection table."""
MODELS = [next(iter(family.variants), family.name) for family in zoo.families()]
"""One model per family."""


def on_cuda(name: str, mode: str, batch: int) -> tuple[Twin, FakeTensor, FakeTensorMode]:
    """A model whose parameters and buffers say they are on CUDA, and a batch of its input."""
    graph = cnncost.load(name)
    with META:
        twin = build(graph, mode)
        x = torch.empty(batch, *graph.input_shape)
    fake = FakeTensorMode()
    for module in twin.modules():
        for key, weight in module._parameters.items():
            if weight is not None:
                module._parameters[key] = nn.Parameter(FakeTensor(fake, weight.detach(), CUDA))
        for key, value in module._buffers.items():
            if value is not None:
                module._buffers[key] = FakeTensor(fake, value, CUDA)
    return twin, FakeTensor(fake, x, CUDA), fake


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_inference(name: str) -> None:
    twin, x, fake = on_cuda(name, "eval", 4)
    nodes = twin.graph.nodes
    indexed = any(node.op.name in INDEXED or getattr(node.op, "connections", None) for node in nodes)
    if indexed and torch.version.cuda is None:
        pytest.skip("indexing needs a PyTorch that is built with CUDA")
    with fake:
        assert inference_peak(twin, x) == peak_bytes(plan(twin.graph, batch=4))


@pytest.mark.slow
@pytest.mark.skipif(torch.version.cuda is None, reason="PyTorch is built without CUDA")
def test_what_training_keeps() -> None:
    for name in MODELS:
        twin, x, fake = on_cuda(name, "train", 8)
        with fake:
            assert saved_bytes(twin, x) == training_memory(twin.graph, batch=8).saved, name
