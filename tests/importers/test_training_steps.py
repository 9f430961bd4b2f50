"""Training steps of imports to the byte: accumulation, frozen parts, autocast, on tensors without memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from measure import autocasting
from torch import Tensor, nn
from torch.nn import functional as fn

from cnncost.execution.freezing import freeze
from cnncost.execution.training import training_memory
from cnncost.graph import Graph
from cnncost.importers import from_module
from cnncost.importers.sources import library
from cnncost.measure import build
from cnncost.measure.trace import LiveStorages, backward, states


class Unet(nn.Module):
    """Two levels, with code of its own between them."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep, self.up = self.pair(3, 16), self.pair(16, 32), self.pair(48, 16)
        self.head = nn.Conv2d(16, 2, 1)

    @staticmethod
    def pair(inside: int, out: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(inside, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        skip = self.down(x)
        x = self.deep(fn.max_pool2d(skip, 2))
        x = fn.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return self.head(self.up(torch.cat([skip, x], 1)))  # type: ignore[no-any-return]


class Tokens(nn.Module):
    """A block of a vision transformer, its attention spelled out."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 48, 8, 8)
        self.places = nn.Parameter(torch.zeros(1, 16, 48))
        self.norm1, self.norm2 = nn.LayerNorm(48), nn.LayerNorm(48)
        self.qkv, self.out = nn.Linear(48, 144), nn.Linear(48, 48)
        self.mlp = nn.Sequential(nn.Linear(48, 96), nn.GELU(), nn.Linear(96, 48))
        self.head = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.places
        q, k, v = self.qkv(self.norm1(x)).reshape(x.shape[0], 16, 3, 4, 12).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1) * 12**-0.5).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(x.shape[0], 16, 48))
        return self.head((x + self.mlp(self.norm2(x))).mean(1))  # type: ignore[no-any-return]


def of_torchvision(name: str) -> Callable[[], nn.Module]:
    """What makes a classifier of torchvision's."""
    return lambda: getattr(library("torchvision"), name)(weights=None)  # type: ignore[no-any-return]


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str]] = {
    "unet": (Unet, (3, 32, 32), "down*"),
    "tokens": (Tokens, (3, 32, 32), "norm*"),
    "resnet18": (of_torchvision("resnet18"), (3, 64, 64), "layer1*"),
    "mobilenet_v2": (of_torchvision("mobilenet_v2"), (3, 64, 64), "features.[0-4]*"),
    "densenet121": (of_torchvision("densenet121"), (3, 64, 64), "features.denseblock1*"),
}


def imported(name: str) -> Graph:
    """The graph of one of them, in training."""
    make, shape, _ = NETWORKS[name]
    return from_module(make(), shape, batch=2, mode="train")


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("mobilenet_v2", "densenet121")]


@pytest.mark.parametrize("name", ["unet", "tokens", "resnet18", *SLOW])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_autocast(name: str, device: str) -> None:
    graph = imported(name)
    memory = training_memory(graph, batch=2, device=device, autocast="bfloat16")
    assert memory.estimated == ()
    own, xs = autocasting.faked(NETWORKS[name][0], (2, *graph.input_shape))
    found = autocasting.step(own, xs, "bfloat16", device)
    assert (memory.saved, memory.peak - memory.weights, memory.gradients) == found


@pytest.mark.parametrize("name", NETWORKS)
def test_accumulation_and_frozen_layers(name: str) -> None:
    graph = freeze(imported(name), [NETWORKS[name][2]])
    # The twin refers to nothing after its last reader, and takes parts of a tensor one by one.
    graph = replace(graph, running=None, parts=())
    twin = build(graph, "train").to("meta")
    names = tuple(f"{graph.nodes[index].name}." for index in graph.frozen)
    for parameter, weight in twin.named_parameters():
        weight.requires_grad_(not parameter.startswith(names))
    x = torch.zeros(2, *graph.input_shape, device="meta")
    with LiveStorages(x.device, [x], states(twin)) as live:
        for micro_batches in (1, 2):
            live.peak = live.live
            backward(twin, x)
            memory = training_memory(graph, batch=2 * micro_batches, micro_batches=micro_batches)
            assert memory.peak - memory.weights == live.peak


class Mixed(nn.Module):
    """Turns autocast on itself, or off."""

    def __init__(self, on: bool) -> None:
        super().__init__()
        self.on, self.conv = on, nn.Conv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.on):
            return self.conv(x).relu()  # type: ignore[no-any-return]


def test_a_module_with_autocast_of_its_own_is_an_estimate() -> None:
    on, off = (from_module(Mixed(way), (3, 8, 8), mode="train") for way in (True, False))
    assert training_memory(on).estimated == ("autocast",)
    assert training_memory(off).estimated == ()
    assert training_memory(off, autocast="bfloat16").estimated == ("autocast",)
