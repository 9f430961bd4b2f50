"""How an import says that a network's code writes its calls."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

import cnncost
from cnncost.graph import Node
from cnncost.importers import from_module


class Norm(nn.LayerNorm):
    """A class of one's own that inherits from a layer."""


class Mine(nn.Module):
    """A network that writes its calls in every way."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 1)
        self.norm = Norm(8)
        self.held = nn.Linear(8, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.gamma = nn.Parameter(torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = fn.relu(x)
        x = torch.sigmoid(x)
        n, c, h, w = x.shape
        x = x.reshape(n, c, h * w).transpose(1, 2)
        x = self.norm(x)
        x = fn.linear(x, self.held.weight)
        x = self.attention(x, x, x, need_weights=False)[0]
        x = x @ x.transpose(1, 2)
        x = x.matmul(x.transpose(1, 2))
        x = torch.matmul(x, x.transpose(1, 2))
        x = x.mul(x)
        x = x * x
        return x.mean(1)


def ways() -> dict[str, list[set[str]]]:
    found: dict[str, list[set[str]]] = {}
    for node in nodes():
        assert node.written is not None or node.op.name == "unused"
        found.setdefault(node.op.name, []).append(set(node.written or ()))
    return found


def nodes() -> tuple[Node, ...]:
    return from_module(Mine(), (3, 4, 4)).nodes[1:]


def test_every_way() -> None:
    found = ways()
    assert found["conv"] == [{"class", "leaf", "function"}]
    assert found["relu"] == [{"function"}]
    assert found["sigmoid"] == [set()]
    assert found["layer_norm"] == [{"leaf", "function"}]
    assert found["linear"][0] == {"function"}
    assert all(way == {"function", "multihead"} for way in found["linear"][1:])
    assert found["attention"] == [{"function", "multihead"}]
    assert found["matmul"] == [set(), {"named"}, {"named"}]
    assert found["mul"] == [{"named"}, set()]
    assert {"sizes"} in found["view"]


def test_pytorch_is_left_as_it_was() -> None:
    before = {name: getattr(Tensor, name) for name in ("matmul", "mul", "add")}
    own = before.keys() & vars(Tensor).keys()  # other programs leave theirs
    nodes()
    assert {name: getattr(Tensor, name) for name in before} == before
    assert before.keys() & vars(Tensor).keys() == own


def test_a_network_of_ones_own_counts_as_thop_and_ptflops_do() -> None:
    """thop: the convolution alone, with its own parameters; ptflops: products by name and attention, too."""
    graph = from_module(Mine(), (3, 4, 4))
    thop = cnncost.analyze(graph, convention="thop").totals.counted
    assert (thop.ops, thop.params) == (3 * 8 * 16, 3 * 8 + 8)
    conv = 3 * 8 * 16 + 8 * 16
    relu = 8 * 16  # F.relu
    attention = 16 * 8 + 3 * 16 * 64 + 3 * 16 * 8 + 2 * (16 * 16 * 4 * 2 + 16 * 16) + 16 * 8 * 9
    products = 2 * 16**3  # x.matmul and torch.matmul, of 16 x 16 with 16 x 16
    multiplied = 16 * 16  # x.mul
    ptflops = cnncost.analyze(graph, convention="ptflops").totals.counted
    assert ptflops.ops == conv + relu + attention + products + multiplied


def test_a_spec_says_nothing() -> None:
    assert {node.written for node in cnncost.load("alexnet").nodes} == {None}
