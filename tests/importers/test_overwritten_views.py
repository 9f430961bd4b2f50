"""Modules whose own code computes in place of a view: backward autograd copies gradients for it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cnncost.execution.training import training_memory
from cnncost.importers import from_module
from cnncost.measure.trace import LiveStorages

MAKERS = {
    "flatten": lambda: (nn.Flatten(2), nn.Conv1d(12, 4, 3), (4, 16, 16)),
    "instance_norm": lambda: (nn.InstanceNorm2d(12, affine=True), nn.Conv2d(12, 4, 3), (4, 16, 16)),
    "batch_norm": lambda: (nn.BatchNorm2d(12), nn.Conv2d(12, 4, 3), (4, 16, 16)),
    "group_norm": lambda: (nn.GroupNorm(2, 12), nn.Conv2d(12, 4, 3), (4, 16, 16)),
    "shuffle": lambda: (nn.PixelShuffle(2), nn.Conv2d(3, 4, 3), (4, 16, 16)),
    "avgpool of one axis": lambda: (nn.AvgPool1d(2), nn.Conv1d(12, 4, 3), (4, 64)),
    "maxpool of one axis": lambda: (nn.MaxPool1d(2), nn.Conv1d(12, 4, 3), (4, 64)),
    "maxpool": lambda: (nn.MaxPool2d(2), nn.Conv2d(12, 4, 3), (4, 16, 16)),
}


@pytest.mark.parametrize("inplace", [True, False])
@pytest.mark.parametrize("name", MAKERS)
def test_to_the_byte(name: str, inplace: bool) -> None:
    torch.manual_seed(0)
    before, last, shape = MAKERS[name]()
    first = (nn.Conv1d if len(shape) == 2 else nn.Conv2d)(shape[0], 12, 3)
    module = nn.Sequential(first, before, nn.ReLU(inplace=inplace), last).train()
    memory = training_memory(from_module(module, shape, batch=2, mode="train"), batch=2, device="cpu")
    assert memory.estimated == ()
    assert memory.peak - memory.weights == traced(module, shape)


def traced(module: nn.Module, shape: tuple[int, ...]) -> int:
    """The peak of a step of the module itself, weights left out."""
    x = torch.rand(2, *shape)
    with LiveStorages(x.device, [x], [*module.parameters(), *module.buffers()]) as live:
        y = module(x)
        y.backward(torch.ones_like(y))
    return live.peak


class Half(nn.Module):
    """Of what a convolution gives a half is overwritten."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(4, 12, 3), nn.Conv2d(6, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x)[:, :6].relu_())


def test_a_part_is_an_estimate() -> None:
    graph = from_module(Half().train(), (4, 16, 16), batch=2, mode="train")
    assert training_memory(graph, batch=2, device="cpu").estimated == ("relu",)


class Arithmetic(nn.Module):
    """What a convolution gives is viewed, and the view is changed by no activation."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.first, self.last = nn.Conv2d(4, 12, 3), nn.Conv1d(12, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x).flatten(2)
        if self.way == "product":
            y *= 2
        else:
            y = nn.functional.dropout(y, 0.5, inplace=True)
        return self.last(y)  # type: ignore[no-any-return]


@pytest.mark.parametrize("way", ["product", "dropout"])
def test_arithmetic_is_an_estimate(way: str) -> None:
    graph = from_module(Arithmetic(way).train(), (4, 16, 16), batch=2, mode="train")
    assert training_memory(graph, batch=2, device="cpu").estimated == ("arithmetic in place of a view",)
