"""Every network of the zoo comes in again from its PyTorch twin, layer by layer what its spec says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cnncost
from cnncost.graph import Graph
from cnncost.importers import from_module
from cnncost.language import zoo
from cnncost.measure import build
from cnncost.measure import onnx as exchange

TURNED = "convnext"
"""The twin's norm of a map turns it, so that its channels come last."""
INNER = (".norm", ".1")
"""What the layer is called in a twin's module of two: a norm between two turns, a convolution after a pad."""
IN_ANOTHER_ORDER = "nasnet"
"""A separable convolution is one module: its two are called one after the other, branches in between or not."""
IN_PARTS = {"lenet5_1998"}
"""Its subsampling and its tables of connections are several layers of PyTorch, the centres of its last layer a
buffer: only params and MACs are the same."""
QUICK = {"alexnet", "lenet5", "resnet18", "googlenet", "segnet_basic", "mobilenet_v2"}

Layer = tuple[str, str, int, int, int, tuple[int, ...]]


def layers(graph: Graph) -> list[Layer]:
    """Name, operator, params, buffers, MACs and output shape of every node that has any of these, and is read."""
    found = []
    for node in graph.nodes:
        shapes = graph.input_shapes(node)
        counts = node.op.params(*shapes), node.op.buffers(*shapes), node.op.macs(node.shape, *shapes)
        if any(counts) and node.op.name != "unused":
            found.append((node.name, node.op.name, *counts, tuple(node.shape)))
    return found


def either_way(layer: Layer) -> Layer:
    """A layer in terms that do not depend on where its channels stand."""
    return *layer[:-1], tuple(sorted(layer[-1]))  # type: ignore[return-value]


def outer(layer: Layer, given: set[str]) -> Layer:
    """A layer by the name that the spec gives it, of those it gives."""
    name, *rest = layer
    for inner in INNER:
        name = name.removesuffix(inner)
    name = name.replace(".layer_scale.layer_scale", ".layer_scale")
    half = len(name) // 2
    if name[:half] == name[half + 1 :] and name not in given:
        name = name[:half]  # ONNX's exporter gives the path of the inner layer, and its own
    return name, *rest  # type: ignore[return-value]


def same(name: str, spec: Graph, again: Graph) -> None:
    """Two graphs have the same layers, and the same sums."""
    ours = layers(spec)
    given = {layer[0] for layer in ours}
    theirs = [outer(layer, given) for layer in layers(again)]
    if name.startswith(TURNED):
        ours, theirs = list(map(either_way, ours)), list(map(either_way, theirs))
    if name.startswith(IN_ANOTHER_ORDER):
        ours, theirs = sorted(ours), sorted(theirs)
    mine, other = cnncost.analyze(spec).totals, cnncost.analyze(again).totals
    assert (mine.params, mine.macs) == (other.params, other.macs)
    if name not in IN_PARTS:
        assert ours == theirs
        assert mine.buffers == other.buffers


def held(name: str, road: str | None) -> None:
    """Import a twin that has no memory, and hold it to its spec."""
    spec = cnncost.load(name).without_heads()
    with torch.device("meta"):
        twin = build(spec)
    again = from_module(twin, spec.input_shape, road=road)
    same(name, spec, again)
    given = [[graph.nodes[index].shape for index in graph.outputs] for graph in (spec, again)]
    assert given[0] == given[1]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in zoo.names()]
)
def test_a_twin_comes_in_again(name: str) -> None:
    """By one run on tensors without memory, which is quick enough for all of them."""
    held(name, "run")


def families() -> list[str]:
    """The first variant of every family."""
    first: dict[str, str] = {}
    for name in zoo.names():
        first.setdefault(cnncost.load(name).source, name)
    return list(first.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", families()[::4])
def test_a_twin_comes_in_again_by_the_road_that_a_user_takes(name: str) -> None:
    held(name, None)


NOT_IN_ONNX = {
    "enet": "aten::max_unpool2d",
    "segnet": "aten::max_unpool2d",
    "segnet_basic": "aten::max_unpool2d",
}
"""What ONNX has no operator for."""
SMALLER = {"unet": (1, 188, 188), "vnet": (1, 16, 16, 16), "wrn_28_10": (3, 16, 16)}
"""Inputs that are smaller than 3 x 64 x 64, or for networks that do not take that: an export computes."""
TOO_LARGE = {"unet3d", "c3d", "fcn32s_vgg16"}
"""No input of theirs is small: 15 thousand million MACs and more."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in families() if name not in TOO_LARGE])
def test_an_onnx_file_comes_in_again(name: str, tmp_path: Path) -> None:
    """One of every family, as `export` writes it and onnxruntime has run it."""
    try:
        spec = cnncost.load(name, input=SMALLER.get(name, (3, 64, 64))).without_heads()
    except cnncost.CnncostError:
        spec = cnncost.load(name).without_heads()
    file = tmp_path / "net.onnx"
    if name in NOT_IN_ONNX:
        with pytest.raises(cnncost.UsageError, match=NOT_IN_ONNX[name]):
            exchange.export(spec, file)
        return
    exchange.export(spec, file)
    again = cnncost.load(str(file))
    same(name, spec, again)
