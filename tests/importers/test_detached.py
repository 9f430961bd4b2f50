"""Modules that run part of themselves under no_grad, detach tensors, or keep batch norms in eval mode."""

from __future__ import annotations

import pytest
import torch
from importers.parts import ThreeParts
from torch import Tensor, nn

from cnncost.analysis import analyze
from cnncost.execution.training import training_memory
from cnncost.graph import Graph
from cnncost.importers import from_module
from cnncost.measure import build
from cnncost.measure.trace import LiveStorages, training_step


class Parts(ThreeParts):
    """Its ways."""

    def frozen_first(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = self.first(x)
        return self.third(self.second(x))  # type: ignore[no-any-return]

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        return self.first(x)  # type: ignore[no-any-return]

    def decorated(self, x: Tensor) -> Tensor:
        return self.third(self.second(self.features(x)))  # type: ignore[no-any-return]

    def nested(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = self.first(x)
            with torch.enable_grad():
                x = self.second(x)
        return self.third(x)  # type: ignore[no-any-return]

    def cut(self, x: Tensor) -> Tensor:
        return self.third(self.second(self.first(x).detach()))  # type: ignore[no-any-return]

    def gate(self, x: Tensor) -> Tensor:
        x = self.second(self.first(x))
        return self.third(x * x.mean((2, 3), keepdim=True).sigmoid().detach())  # type: ignore[no-any-return]

    def beside(self, x: Tensor) -> Tensor:
        x = self.first(x)
        with torch.no_grad():
            scale = x.amax((2, 3), keepdim=True) + 1
        return self.third(self.second(x / scale))  # type: ignore[no-any-return]


WAYS = ["frozen_first", "decorated", "nested", "cut", "gate", "beside"]


def traced(module: nn.Module, x: Tensor) -> tuple[int, int]:
    """(peak, gradients) of a step of the module itself; the caller keeps input and output."""
    weights = [*module.parameters(), *module.buffers()]
    with LiveStorages(x.device, [x], weights) as live:
        before = live.live
        output = module(x)
        output.backward(torch.ones_like(output))
        del output
        return live.peak, live.live - before


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("road", ["export", "run"])
def test_to_the_byte(way: str, road: str) -> None:
    module = Parts(way)
    graph = from_module(module, (3, 20, 20), batch=2, mode="train", road=road)
    assert graph.detached
    memory = training_memory(graph, batch=2)
    x = torch.zeros(2, 3, 20, 20)
    assert (memory.peak - memory.weights, memory.gradients) == traced(module, x)
    twin = build(graph, "train")
    step = training_step(twin, x, torch.optim.SGD(twin.parameters(), lr=0.1))
    assert step.backward_peak == memory.peak - memory.weights
    assert step.gradients == memory.gradients
    learned = sum(weight.nbytes for weight in module.parameters() if weight.grad is not None)
    assert memory.gradients == learned
    assert training_memory(graph, batch=2, optimizer="adam").optimizer_state == 2 * learned


@pytest.mark.parametrize("way", WAYS)
def test_backward_macs(way: str) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    module = Parts(way)
    graph = from_module(module, (3, 20, 20), batch=2, mode="train")
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(2, 3, 20, 20)).sum().backward()
    totals = analyze(graph, batch=2, mode="train").totals
    assert 2 * (totals.macs + (totals.backward_macs or 0)) == counter.get_total_flops()


class Norms(nn.Module):
    """A network with learned scales and slopes of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.deep = nn.Conv2d(3, 24, 3), nn.Conv2d(24, 8, 3)
        self.maps = nn.Sequential(nn.BatchNorm2d(24), nn.PReLU(24), nn.GroupNorm(4, 24), nn.PReLU())
        self.instance = nn.InstanceNorm2d(8, affine=True)
        self.gamma = nn.Parameter(torch.ones(8, 1, 1))
        self.tokens = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 12), nn.RMSNorm(12))
        self.head = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.instance(self.deep(self.maps(self.conv(x)))) * self.gamma
        return self.head(self.tokens(x.flatten(2).transpose(1, 2)).mean(1))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "trained",
    ["", "head", "conv", "maps.1", "maps.2", "gamma", "instance tokens", "conv deep head", "maps.0 head"],
)
def test_what_the_module_has_frozen_itself(trained: str) -> None:
    """To the byte, and as many values as learn: requires_grad_(False) on layers of every kind."""
    module = Norms()
    if trained:
        for name, weight in module.named_parameters():
            weight.requires_grad_(name.startswith(tuple(trained.split())))
    graph = from_module(module, (3, 12, 12), batch=2, mode="train")
    memory = training_memory(graph, batch=2)
    assert (memory.peak - memory.weights, memory.gradients) == traced(module, torch.zeros(2, 3, 12, 12))
    assert memory.estimated == ()
    learn = sum(weight.numel() for weight in module.parameters() if weight.requires_grad)
    assert analyze(graph).totals.trainable == learn == memory.gradients // 4
    twin = build(graph, "train")
    assert sum(weight.numel() for weight in twin.parameters() if weight.requires_grad) == learn


def held(module: nn.Module) -> nn.Module:
    """A network in training whose batch norms stay as they are."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()
    return module


def test_batch_norm_in_eval_mode() -> None:
    module = held(Parts("cut"))
    graph = from_module(module, (3, 20, 20), batch=2, mode="train")
    assert [node.op.given("fixed") for node in graph.nodes if node.op.name == "bn"] == [True] * 3
    memory = training_memory(graph, batch=2)
    found = traced(module, torch.zeros(2, 3, 20, 20))
    assert (memory.peak - memory.weights, memory.gradients) == found
    assert not any(part.training for part in module.modules() if isinstance(part, nn.BatchNorm2d))
    assert module.training
    module.eval()
    graph = from_module(module, (3, 20, 20), batch=2, mode="train")
    assert not any(node.op.given("fixed") for node in graph.nodes if node.op.name == "bn")


def check_twin(graph: Graph, batch: int = 2) -> None:
    twin = build(graph, "train").to("meta")
    x = torch.zeros(batch, *graph.input_shape, device="meta")
    step = training_step(twin, x, torch.optim.SGD(twin.parameters(), lr=0.1))
    memory = training_memory(graph, batch=batch)
    assert (memory.saved, memory.peak - memory.weights, memory.gradients) == (
        step.saved, max(step.backward_peak, step.step_peak), step.gradients,
    )  # fmt: skip
