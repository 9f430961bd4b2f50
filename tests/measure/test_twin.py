"""The twin: names, order, modes, outputs, places."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import cnncost
from cnncost.measure import build
from cnncost.measure.twin import Twin, example_input
from cnncost.ops.base import Storage

NAMES = [
    "alexnet",
    "googlenet",
    "resnet50",
    "preact_resnet50",
    "densenet121",
    "mobilenet_v3_small",
    "unet",
    "segnet",
]


def twin_of(name: str, mode: str = "eval") -> Twin:
    with torch.device("meta"):
        return build(cnncost.load(name), mode)


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("name", NAMES)
def test_same_names_in_the_same_order(name: str, mode: str) -> None:
    twin = twin_of(name, mode)
    modules = dict(twin.named_modules())
    nodes = twin.graph.nodes[1:]
    assert [modules[node.name] for node in nodes] == [step.module for step in twin.steps]
    order = {module: place for place, module in enumerate(twin.modules())}
    places = [order[step.module] for step in twin.steps]
    assert places == sorted(places)


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("name", NAMES)
def test_in_place_where_the_analysis_says_so(name: str, mode: str) -> None:
    twin = twin_of(name, mode)
    marked = 0
    for node, step in zip(twin.graph.nodes[1:], twin.steps, strict=True):
        if node.op.storage() is Storage.IN_PLACE:
            assert step.module.inplace == (twin.owners[node.index] != node.index)
            marked += 1
    assert marked


def test_heads_are_outputs_in_training_only() -> None:
    x = torch.empty(2, 3, 224, 224, device="meta")
    main, *heads = twin_of("googlenet", "train")(x)
    assert [tuple(output.shape) for output in (main, *heads)] == [(2, 1000)] * 3
    assert tuple(twin_of("googlenet")(x).shape) == (2, 1000)


def test_dropout_drops_in_training_only() -> None:
    graph = cnncost.load("alexnet")
    with torch.device("meta"):
        modes = {mode: build(graph, mode).training for mode in ("eval", "train")}
    assert modes == {"eval": False, "train": True}


def test_frozen_weights_are_not_trained() -> None:
    for name in ("fcn32s_vgg16", "alexnet"):
        twin = twin_of(name, "train")
        for node, step in zip(twin.graph.nodes[1:], twin.steps, strict=True):
            frozen = [weight.frozen for weight in node.op.weights(*twin.graph.input_shapes(node))]
            assert [not weight.requires_grad for weight in step.module.parameters()] == frozen


@pytest.mark.parametrize("name", ["lenet5_1998", "resnet20_cifar", "densenet40_cifar", "shufflenet_v2_x0_5"])
def test_gradients_reach_every_weight(name: str) -> None:
    graph = cnncost.load(name)
    torch.manual_seed(0)
    twin = build(graph, "train")
    output = twin(example_input(graph, 4, torch.device("cpu")))
    output.square().mean().backward()
    for key, weight in twin.named_parameters():
        assert weight.grad is not None, key
        assert weight.grad.isfinite().all(), key


def test_in_place_changes_no_value() -> None:
    graph = cnncost.load("resnet20_cifar")
    torch.manual_seed(0)
    twin = build(graph)
    x = example_input(graph, 2, torch.device("cpu"))
    kept = x.clone()
    with torch.no_grad():
        before = twin(x)
        for module in twin.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False
        torch.testing.assert_close(twin(x), before, rtol=0, atol=0)
    torch.testing.assert_close(x, kept, rtol=0, atol=0)


def test_an_unknown_mode() -> None:
    with pytest.raises(cnncost.UsageError, match=r"unknown mode 'test'\n  modes: eval, train"):
        build(cnncost.load("lenet5"), "test")
