"""The rivals themselves, run in processes of their own, against our conventions of their names.

On our PyTorch twins every total agrees to the last integer, model by model and operator by operator.
torchvision writes some layers as functions, which some rivals overlook or count once instead of
twice, and some of its layers are none of ours: those differences are named below and computed too.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

import cnncost
from cnncost.analysis.conventions import CONVENTIONS, Convention
from cnncost.graph import Graph, Node
from cnncost.ops.linear import Linear
from cnncost.ops.pool import AdaptiveAvgPool
from cnncost.report import Counted

RIVALS = ("fvcore", "torch", "torchinfo", "ptflops", "ptflops_aten", "thop", "calflops", "torchprofile")
MODELS = {
    "alexnet_torchvision": "alexnet",
    "vgg16": "vgg16",
    "googlenet_torchvision": "googlenet",
    "resnet50": "resnet50",
    "densenet121": "densenet121",
    "mobilenet_v2": "mobilenet_v2",
    "efficientnet_b0": "efficientnet_b0",
    "inception_v3": "inception_v3",
    "convnext_tiny": "convnext_tiny",
    "squeezenet1_0": "squeezenet1_0",
}
"""Our name and torchvision's."""

PROGRAM = Path(__file__).with_name("rivals.py")


def run(rival: str, *models: str) -> dict[str, dict[str, int]]:
    """What a rival counts of some models; skips where it cannot run at all, by name."""
    program = subprocess.run(
        [sys.executable, str(PROGRAM), rival, *models], capture_output=True, text=True, timeout=300
    )
    if "No module named 'distutils'" in program.stderr:
        pytest.skip("thop imports distutils, which is gone from Python 3.12 (setuptools brings it back)")
    assert program.returncode == 0, f"{rival} crashes:\n{program.stderr}"
    found: dict[str, dict[str, int]] = json.loads(program.stdout.splitlines()[-1])
    return found


@functools.cache
def on_torchvision(rival: str) -> dict[str, dict[str, int]]:
    return run(rival, *[f"torchvision:{name}" for name in MODELS.values()])


@functools.cache
def on_twins(rival: str) -> dict[str, dict[str, int]]:
    return run(rival, *MODELS)


def counted(name: str, rules: Convention) -> dict[str, int]:
    return cnncost.analyze(cnncost.load(name), convention=rules).totals.counted._asdict()


def ours(rival: str, found: dict[str, int], name: str) -> dict[str, int]:
    """Our counts of what a rival counts, under its names for them."""
    if rival == "calflops":
        flops = counted(name, CONVENTIONS["calflops_flops"])["ops"]
        return {**counted(name, CONVENTIONS["calflops"]), "flops": flops}
    return counted(name, CONVENTIONS[rival])


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("rival", RIVALS)
def test_a_rival_on_our_twin_counts_what_its_convention_says(rival: str, model: str) -> None:
    found = on_twins(rival)[model]
    expected = ours(rival, found, model)
    assert found == {key: expected[key] for key in found}


# torchvision's models -----------------------------------------------------------------------------

FUNCTIONS = {
    "googlenet_torchvision": ("*relu",),
    "inception_v3": ("*relu", "mixed*pool"),
    "densenet121": ("relu2", "pool"),
    "mobilenet_v2": ("global_avgpool",),
}
"""Nodes that torchvision runs as functions of torch.nn.functional, not as modules."""
SUBCLASSES = {"convnext_tiny": ("layer_norm*", "stage?.layer_norm")}
"""Nodes that are a subclass of torch.nn's class there, which a table of classes does not find."""
LINEARS = {"convnext_tiny": ("*.expand", "*.project")}
"""Convolutions 1x1 that are linear layers over the positions there."""
BARE = {"convnext_tiny": ("*.layer_scale",)}
"""Nodes whose parameter belongs to the block there, so that no layer of its own shows."""
ADDED = {"vgg16": (AdaptiveAvgPool(size=7), (1, 512, 7, 7))}
"""A layer that ours has not and its input: the pooling to 7x7 that lets other images in."""


def written(node: Node, how: dict[str, tuple[str, ...]], model: str) -> bool:
    return any(fnmatch(node.name, pattern) for pattern in how.get(model, ()))


def seen(rival: str, rules: Convention, model: str, graph: Graph, node: Node) -> Counted:
    """What a rival counts of one of our nodes as torchvision writes it."""
    op, output, inputs = node.op, node.shape, graph.input_shapes(node)
    if written(node, LINEARS, model):
        (_, channels, height, width) = inputs[0]
        op, inputs = Linear(out=output[1]), ((1, height * width, channels),)
        output = op.output_shape(*inputs)
    counted = rules.count(op, output, inputs, 0, 4)
    macs = op.macs(output, *inputs)
    if written(node, FUNCTIONS, model) and rival == "ptflops":
        return counted._replace(ops=macs + (counted.ops - macs) // 2)
    if written(node, FUNCTIONS, model) and rival == "thop":
        return counted._replace(ops=macs)
    if written(node, SUBCLASSES, model) and rival == "ptflops":
        return counted._replace(ops=macs)
    if written(node, SUBCLASSES, model) and rival == "thop":
        return counted._replace(ops=macs, params=0)
    if written(node, BARE, model):
        return counted._replace(memory_bytes=0)
    return counted


def total(rival: str, convention: str, model: str) -> Counted:
    """What a rival counts of torchvision's model, from our graph."""
    graph, rules = cnncost.load(model).without_heads(), CONVENTIONS[convention]
    parts = [seen(rival, rules, model, graph, node) for node in graph.nodes[1:]]
    if model in ADDED:
        layer, shape = ADDED[model]
        parts.append(rules.count(layer, layer.output_shape(shape), (shape,), 0, 4))
    return Counted(*map(sum, zip(*parts, strict=True)))


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("rival", RIVALS)
def test_a_rival_on_torchvision_differs_by_how_torchvision_writes_it(rival: str, model: str) -> None:
    found = on_torchvision(rival)[f"torchvision:{MODELS[model]}"]
    expected = total(rival, rival, model)._asdict()
    if rival == "calflops":
        expected["flops"] = total(rival, "calflops_flops", model).ops
    assert found == {key: expected[key] for key in found}
