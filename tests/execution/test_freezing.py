"""Frozen layers: a training step to the byte against a traced one, weights and optimizer state by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cnncost
from cnncost.errors import UsageError
from cnncost.execution.freezing import freeze, hold
from cnncost.execution.plan import plan
from cnncost.execution.step import TrainingStep
from cnncost.execution.training import training_memory
from cnncost.measure.trace import LiveStorages, backward, saved_bytes, states
from cnncost.measure.twin import Twin


@pytest.mark.parametrize(
    ("name", "patterns"),
    [
        ("lenet5", ["F*"]),
        ("vgg11", ["fc6"]),
        ("vgg11_bn", ["conv*"]),
        ("resnet18", ["conv1", "stage1"]),
        ("resnet18", ["*.bn"]),
        ("resnet18", ["stage3"]),
        ("resnet18", ["*.conv"]),
        ("mobilenet_v2", ["stage[1-4]*", "stem"]),
        ("convnext_tiny", ["stage1"]),
    ],
)
def test_to_the_byte(name: str, patterns: list[str]) -> None:
    graph = freeze(cnncost.load(name), patterns)
    twin = Twin.of(graph, "train").to("meta")
    names = tuple(f"{graph.nodes[index].name}." for index in graph.frozen)
    for parameter, weight in twin.named_parameters():
        weight.requires_grad_(not parameter.startswith(names))
    x = torch.zeros(2, *graph.input_shape, device="meta")
    with LiveStorages(x.device, [x], states(twin)) as live:
        backward(twin, x)
    step = TrainingStep(plan(graph, batch=2, training=True))
    step.run()
    assert step.ledger.top.alive == live.peak
    trained = sum(weight.nbytes for weight in twin.parameters() if weight.requires_grad)
    found = training_memory(graph, batch=2, optimizer="adam")
    assert found.optimizer_state == 2 * trained
    assert found.weights == training_memory(cnncost.load(name), batch=2).weights


def test_indices_of_a_frozen_pooling_are_saved_by_its_unpooling() -> None:
    whole = cnncost.load("segnet_basic", input=(64, 64))
    layers = [node for node in whole.nodes[1:] if node.op.weights(*whole.input_shapes(node))]
    graph = freeze(whole, [node.name for node in layers[: len(layers) // 2]])
    twin = Twin.of(graph, "train").to("meta")
    names = tuple(f"{graph.nodes[index].name}." for index in graph.frozen)
    for parameter, weight in twin.named_parameters():
        weight.requires_grad_(not parameter.startswith(names))
    x = torch.zeros(2, *graph.input_shape, device="meta")
    with LiveStorages(x.device, [x], states(twin)) as live:
        backward(twin, x)
    memory = training_memory(graph, batch=2)
    assert memory.peak - memory.weights == live.peak


def test_a_pattern_that_matches_nothing() -> None:
    with pytest.raises(UsageError) as error:
        freeze(cnncost.load("resnet18"), ["stage9"])
    assert str(error.value) == (
        "--freeze 'stage9' matches no layer with weights of resnet18: did you mean 'stage4'?\n"
        "  for example: --freeze 'conv1', or '*.bn'"
    )


def test_nothing_has_weights(tmp_path: Path) -> None:
    spec = tmp_path / "plain.yaml"
    spec.write_text("input: [3, 8, 8]\nbody: [relu, global_avgpool]\n")
    for change, option, what in (
        (freeze, "--freeze", "layer with weights"),
        (hold, "--eval", "batch norm or dropout"),
    ):
        with pytest.raises(UsageError) as error:
            change(cnncost.load(str(spec)), ["relu"])
        assert str(error.value) == f"{option} 'relu' matches no {what} of plain"


@pytest.mark.parametrize(
    ("name", "frozen", "held"),
    [
        ("resnet18", [], ["*.bn"]),
        ("resnet18", ["conv1", "*.bn"], ["*.bn"]),
        ("mobilenet_v2", ["stem"], ["stage[1-4]*"]),
        ("densenet121", [], ["*"]),
        ("alexnet", [], ["dropout*"]),
        ("inception_v3", ["conv1a"], ["*.bn"]),
    ],
)
def test_eval_mode_inside_training_to_the_byte(name: str, frozen: list[str], held: list[str]) -> None:
    graph = hold(freeze(cnncost.load(name), frozen), held)
    twin = Twin.of(graph, "train").to("meta")
    names = tuple(f"{graph.nodes[index].name}." for index in graph.frozen)
    for parameter, weight in twin.named_parameters():
        weight.requires_grad_(not (names and parameter.startswith(names)))
    x = torch.zeros(2, *graph.input_shape, device="meta")
    with LiveStorages(x.device, [x], states(twin)):  # in here meta tensors make no statistics in eval mode
        saved = saved_bytes(twin, x)
    with LiveStorages(x.device, [x], states(twin)) as live:
        backward(twin, x)
    found = training_memory(graph, batch=2)
    whole = training_memory(freeze(cnncost.load(name), frozen), batch=2)
    assert (found.peak - found.weights, found.saved) == (live.peak, saved)
    assert found.saved < whole.saved


def test_a_pattern_that_holds_nothing() -> None:
    with pytest.raises(UsageError) as error:
        hold(cnncost.load("resnet18"), ["stage9"])
    assert str(error.value) == (
        "--eval 'stage9' matches no batch norm or dropout of resnet18: did you mean 'stage4'?\n"
        "  for example: --eval 'conv1', or '*.bn'"
    )
    with pytest.raises(UsageError) as error:
        hold(cnncost.load("lenet5"), ["*"])
    assert str(error.value) == "--eval '*' matches no batch norm or dropout of lenet5"
