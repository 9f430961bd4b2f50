"""Receptive fields against two oracles: the decks' figures, and PyTorch's gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import cnncost
from cnncost.analysis.explain import explain
from cnncost.analysis.receptive import receptive_fields
from cnncost.graph import Graph
from cnncost.importers import from_module
from cnncost.language.instance import graph_of
from cnncost.language.zoo import parse_text
from cnncost.measure import build
from cnncost.ops.sizes import axes_of


def field_of(name: str, node: str) -> tuple[int, int]:
    graph = cnncost.load(name)
    (index,) = [n.index for n in graph.nodes if n.name == node or n.name == f"{node}.conv"]
    height, width = receptive_fields(graph)[index].size
    return int(height), int(width)


# Known from the literature: VGG-16 sees 212 pixels after pool5 (Araujo et al. 2019), AlexNet's 195 after pool5.
@pytest.mark.parametrize(
    ("name", "node", "size"), [("vgg16", "pool5", 212), ("alexnet_torchvision", "pool5", 195)]
)
def test_known_sizes(name: str, node: str, size: int) -> None:
    assert field_of(name, node) == (size, size)


class Calls(nn.Module):
    """Some modules, called by a function."""

    def __init__(self, function: Callable[..., Tensor], *modules: nn.Module) -> None:
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(modules)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.parts, x)


def windows(m: nn.ModuleList, x: Tensor) -> Tensor:
    """Attention within windows of 4 x 4, as Swin's."""
    n, c = x.shape[0], 3
    x = m[0](x).permute(0, 2, 3, 1).reshape(n, 4, 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, c)
    x = nn.functional.scaled_dot_product_attention(x, x, x)
    return x.reshape(n, 4, 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(n, 16, 16, c).permute(0, 3, 1, 2)


def focus(m: nn.ModuleList, x: Tensor) -> Tensor:
    """Every second row and column as channels, as in YOLOv5."""
    parts = [x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return m[0](torch.cat(parts, 1))


THROUGH_VIEWS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "three dilated Conv1d": (
        nn.Sequential(nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 3, dilation=2), nn.Conv1d(1, 1, 3, dilation=3)),
        (1, 100),
    ),
    "slices": (Calls(lambda m, x: m[0](x)[:, :, 3:] + m[0](x)[:, :, :-3], nn.Conv1d(1, 1, 2)), (1, 50)),
    "roll": (Calls(lambda m, x: x.roll(2, 2) + x), (1, 50)),
    "flip": (Calls(lambda m, x: m[0](x).flip(2), nn.Conv1d(1, 1, 3)), (1, 51)),
    "transposes": (
        Calls(
            lambda m, x: m[1](m[0](x).transpose(2, 3)).transpose(2, 3),
            nn.Conv2d(1, 1, (3, 1)),
            nn.Conv2d(1, 1, (5, 1)),
        ),
        (1, 30, 30),
    ),
    "strided indexing": (Calls(lambda m, x: m[0](x[:, :, ::2, ::3]), nn.Conv2d(1, 1, 3)), (1, 40, 40)),
    "unfold": (Calls(lambda m, x: x.unfold(2, 4, 2).sum(-1)), (1, 50)),
    "focus": (Calls(focus, nn.Conv2d(4, 1, 3)), (1, 40, 40)),
    "windows": (Calls(windows, nn.Conv2d(1, 3, 3, padding=1)), (1, 16, 16)),
    "tokens": (
        Calls(
            lambda m, x: m[1](m[0](x).transpose(1, 2)).transpose(1, 2), nn.Conv1d(2, 2, 5), nn.Linear(2, 3)
        ),
        (2, 40),
    ),
    "a view and back": (
        Calls(
            lambda m, x: m[1](m[0](x).flatten(2).reshape(x.shape[0], 1, 28, 28)),
            nn.Conv2d(1, 1, 3),
            nn.Conv2d(1, 1, 3),
        ),
        (1, 30, 30),
    ),
    "pixel shuffle": (
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.PixelShuffle(2), nn.Conv2d(1, 1, 3)),
        (1, 30, 30),
    ),
    "a mixer": (
        Calls(
            lambda m, x: m[1](m[0](x).flatten(2)).reshape(x.shape[0], 1, 14, 14),
            nn.Conv2d(1, 1, 3, stride=2),
            nn.Linear(196, 196),
        ),
        (1, 30, 30),
    ),
    "a 3-D convolution of a slice": (
        Calls(lambda m, x: m[0](x[:, :, ::2]), nn.Conv3d(1, 1, (3, 1, 5))),
        (1, 20, 9, 9),
    ),
}


@pytest.mark.parametrize("name", THROUGH_VIEWS)
def test_through_views(name: str) -> None:
    """As far as the gradient of the middle output reaches."""
    network, shape = THROUGH_VIEWS[name]
    network = network.double().eval()
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, 0.5, 1.5)
    x = torch.rand(1, *shape, dtype=torch.double, requires_grad=True)
    y = network(x)[0]
    y[(slice(None), *[size // 2 for size in y.shape[1:]])].sum().backward()
    assert x.grad is not None
    reached = x.grad[0].abs().sum(0).nonzero()
    seen = (reached.max(0).values - reached.min(0).values + 1).tolist()
    field = receptive_fields(from_module(network.float(), shape))[-1]
    assert [-(-size // 1) for size in field.size] == seen


def reach(graph: Graph, last: int) -> list[int]:
    """How far the gradient of any position of a node, all its channels, reaches along the input's axes."""
    nodes = tuple(node for node in graph.nodes if node.index <= last)
    part = replace(graph, nodes=nodes, outputs=(last,), running=None, in_place=frozenset())
    network = build(part).double()
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, 0.5, 1.5)
    x = torch.rand(1, *graph.input_shape, dtype=torch.double, requires_grad=True)
    values = network(x)
    if axes_of(graph.nodes[last].shape).startswith("NC"):
        values = values.sum(1)
    values = values.flatten()
    most = [0] * (len(graph.input_shape) - 1)
    for at in {*range(0, len(values), max(len(values) // 97, 1)), len(values) // 2}:
        (gradient,) = torch.autograd.grad(values[at], x, retain_graph=True)
        reached = gradient[0].abs().sum(0).nonzero()
        seen = (reached.max(0).values - reached.min(0).values + 1).tolist()
        most = [max(pair) for pair in zip(most, seen, strict=True)]
    return most


@pytest.mark.parametrize("name", THROUGH_VIEWS)
def test_what_explain_prints_of_every_operator(name: str) -> None:
    """A followed field has no formula of one window, so the working proves nothing: the gradient does."""
    network, shape = THROUGH_VIEWS[name]
    graph = from_module(network, shape)
    for node in graph.nodes[1:]:
        ((*_, explained),) = [explain(graph, node.name)]
        printed = [
            math.ceil(line.value)
            for line in explained.lines
            if line.quantity == "receptive field" and line.value is not None
        ]
        if printed:
            expected = reach(graph, node.index)
            assert printed in (expected, sorted(set(expected))), node.name


NETS = {
    "chain": "- conv: {out: 2, kernel: 3, stride: 2}\n  - conv: {out: 2, kernel: [1, 5], dilation: 2}\n  - maxpool: {kernel: 2}",
    "residual": "- add: {main: [{conv: {out: 1, kernel: 3, pad: 1}}, {conv: {out: 1, kernel: 3, pad: 1}}], shortcut: []}",
    "inception": "- concat: {a: [{conv: {out: 1}}], b: [{conv: {out: 1, kernel: 5, pad: 2}}], "
    "c: [{avgpool: {kernel: 3, stride: 1, pad: 1}}]}\n  - conv: {out: 1, kernel: 3}",
    "dilated": "- conv: {out: 1, kernel: 3, pad: 4, dilation: 4}\n  - conv: {out: 1, kernel: 3, stride: 3}",
}


@pytest.mark.parametrize("name", NETS)
def test_gradients_reach_as_far(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(f"input: [1, 41, 41]\nbody:\n  {NETS[name]}\n")
    graph = cnncost.load(str(path))
    twin = cnncost.build(graph)
    for parameter in twin.parameters():
        torch.nn.init.ones_(parameter)
    x = torch.rand(1, 1, 41, 41, requires_grad=True)
    y = twin(x)
    y[:, :, y.shape[2] // 2, y.shape[3] // 2].sum().backward()
    assert x.grad is not None
    reached = x.grad[0, 0].nonzero()
    low, high = reached.min(0).values, reached.max(0).values
    seen = (high - low + 1).tolist()
    exact = [int(size) for size in receptive_fields(graph)[-1].size]
    if "maxpool" in NETS[name]:  # the gradient goes through one of the pooled values only
        assert all(part <= whole for part, whole in zip(seen, exact, strict=True))
    else:
        assert seen == exact


TOKENS = "input: {shape: [9, 6], axes: LC}\nbody:\n  - {linear: {out: 4}}\n"


@pytest.mark.parametrize(
    ("step", "seen"),
    [
        ("attention: {q: [], k: [{linear: {out: 4}}], v: []}", 9),
        ("matmul: {x: [{matmul: {q: [], k: [{permute: {axes: [0, 2, 1]}}]}}], y: []}", 9),
        ("einsum: {equation: blc_lm_bmc, x: [], w: [{learned: {shape: [9, 7]}}]}", 9),
        ("lstm: {hidden: 5, bidirectional: true}", 9),
        ("linear: {out: 3}", 1),
    ],
)
def test_tokens_that_read_each_other(step: str, seen: int) -> None:
    """A sequence whose axes are named from the input on: the middle token's gradient says what it sees."""
    graph = graph_of(parse_text(TOKENS + f"  - {step}\n", "tokens.yaml", "tokens"), None)
    x = torch.rand(1, 9, 6, dtype=torch.double, requires_grad=True)
    y = build(graph).double().eval()(x)
    y[0, y.shape[1] // 2].sum().backward()
    assert x.grad is not None
    reached = x.grad[0].abs().sum(1).nonzero()
    assert int(reached.max() - reached.min() + 1) == seen
    assert receptive_fields(graph)[-1].size == (seen,)


def test_a_class_token_does_not_hide_what_attention_sees() -> None:
    """A learned token beside those of the image, as in ViT: what follows the attention sees the whole image."""
    text = (
        "input: [3, 32, 32]\nbody:\n  - {conv: {out: 8, kernel: 8, stride: 8}}\n"
        "  - {reshape: {shape: [8, 16], axes: CL}}\n  - {permute: {axes: [0, 2, 1]}}\n"
        "  - concat: {axis: 1, token: [{learned: {shape: [1, 1, 8]}},"
        " {expand: {shape: [-1, 1, 8], like: input}}], image: []}\n"
        "  - attention: {q: [], k: [], v: []}\n"
    )
    graph = graph_of(parse_text(text, "vit.yaml", "vit"), None)
    assert receptive_fields(graph)[-1].size == (32, 32)
