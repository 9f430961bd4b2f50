"""torchvision's tensors in our twins, by order and shape, give torchvision's outputs."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
import torch

import cnncost
from cnncost.importers.sources import library
from cnncost.measure import build

MODELS = {
    "alexnet_torchvision": "alexnet",
    "vgg11": "vgg11",
    "vgg11_bn": "vgg11_bn",
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "resnext50_32x4d": "resnext50_32x4d",
    "densenet121": "densenet121",
    "googlenet_torchvision": "googlenet",
    "inception_v3": "inception_v3",
    "squeezenet1_1": "squeezenet1_1",
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3_small": "mobilenet_v3_small",
    "shufflenet_v2_x1_0": "shufflenet_v2_x1_0",
    "efficientnet_b0": "efficientnet_b0",
    "mnasnet1_0": "mnasnet1_0",
    "regnet_y_400mf": "regnet_y_400mf",
    "convnext_tiny": "convnext_tiny",
}
"""Our name, torchvision's name."""
WITHOUT_HEADS = {"aux_logits": False, "init_weights": False}


def theirs(name: str) -> torch.nn.Module:
    """torchvision's model with random values in every tensor, also those that begin as 0 or 1."""
    torch.manual_seed(0)
    options: dict[str, Any] = WITHOUT_HEADS if name in ("googlenet", "inception_v3") else {}
    model = getattr(library("torchvision"), name)(weights=None, **options).eval()
    for key, tensor in model.state_dict().items():
        if tensor.dim() == 1 or key.endswith("layer_scale"):
            around = 0.0 if key.endswith(("bias", "running_mean")) else 1.0
            tensor.uniform_(around - 0.3, around + 0.3)
    return model


def learned(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The tensors that a file of weights holds, the counts of batches left out."""
    return {
        key: value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")
    }


def kind(key: str, tensor: torch.Tensor) -> tuple[Any, ...]:
    """What tensors must share to stand for each other: shape, and mean is no variance.

    Sizes of 1 are left out: a linear layer on channels is a convolution of size 1.
    """
    role = key.rpartition(".")[2] if tensor.dim() == 1 else ""
    return role, tuple(size for size in tensor.shape if size > 1)


def load(twin: torch.nn.Module, model: torch.nn.Module) -> None:
    """Give the twin the model's tensors: the first of each shape to the first of that shape, and so on."""
    waiting: dict[tuple[Any, ...], list[torch.Tensor]] = defaultdict(list)
    for key, tensor in learned(model).items():
        waiting[kind(key, tensor)].append(tensor)
    state = {
        key: waiting[kind(key, tensor)].pop(0).reshape(tensor.shape) for key, tensor in learned(twin).items()
    }
    assert not any(waiting.values())
    assert not twin.load_state_dict(state, strict=False).unexpected_keys


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_same_output(name: str) -> None:
    model = theirs(MODELS[name])
    graph = cnncost.load(name)
    twin = build(graph)
    load(twin, model)
    x = torch.randn(2, *graph.input_shape)
    with torch.no_grad():
        expected, found = model(x), twin(x)
    scale = expected.abs().max()
    torch.testing.assert_close(found / scale, expected / scale, rtol=1e-5, atol=1e-5)
