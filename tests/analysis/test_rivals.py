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
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path

import pytest
import torchvision_shim
from analysis.rival_networks import NETWORKS

import cnncost
from cnncost.analysis.conventions import CONVENTIONS, Convention
from cnncost.analysis.rivals import ANSWERS, PROGRAMS
from cnncost.graph import Graph, Node
from cnncost.ops import REGISTRY
from cnncost.ops.adaptive import AdaptiveAvgPool
from cnncost.ops.linear import Linear
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


Found = Callable[[str, str], dict[str, int]]


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A spec file for each of the operators."""
    folder = tmp_path_factory.mktemp("operators")
    files = {}
    for name, steps in NETWORKS.items():
        file = folder / f"{name}.yaml"
        file.write_text(f"family: {name}\ninput: [3, 16, 16]\nbody: [{{conv: {{out: 8}}}}, {steps}]\n")
        files[name] = str(file)
    return files


@pytest.fixture(scope="module")
def found(specs: dict[str, str]) -> Found:
    """What a rival counts of a model: a rival runs once on all small networks, once on all models."""
    models = (*MODELS, *[f"torchvision:{name}" for name in MODELS.values()])

    @functools.cache
    def run(rival: str, names: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(PROGRAM), rival, *names]
        return subprocess.run(command, capture_output=True, text=True, timeout=600)

    def counts(rival: str, model: str) -> dict[str, int]:
        program = run(rival, models if model in models else tuple(specs.values()))
        if "No module named 'distutils'" in program.stderr:
            pytest.skip("thop imports distutils, gone from Python 3.12 (setuptools brings it back)")
        assert program.returncode == 0, f"{rival} crashes:\n{program.stderr}"
        every: dict[str, dict[str, int]] = json.loads(program.stdout.splitlines()[-1])
        return every[model]

    return counts


def counted(name: str, rules: Convention) -> dict[str, int]:
    return cnncost.analyze(cnncost.load(name), convention=rules).totals.counted._asdict()


def ours(rival: str, name: str) -> dict[str, int]:
    """Our counts of what a rival counts, under its names for them."""
    if rival == "calflops":
        flops = counted(name, CONVENTIONS["calflops_flops"])["ops"]
        return {**counted(name, CONVENTIONS["calflops"]), "flops": flops}
    return counted(name, CONVENTIONS[rival])


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("rival", RIVALS)
def test_a_rival_on_our_twin_counts_what_its_convention_says(rival: str, model: str, found: Found) -> None:
    counts = found(rival, model)
    expected = ours(rival, model)
    assert counts == {key: expected[key] for key in counts}


# Operator by operator -----------------------------------------------------------------------------


def test_every_operator_has_a_line() -> None:
    """What every program makes of it, or that it was not tried: no operator counts a silent zero."""
    assert set(REGISTRY) - set(ANSWERS) == set(), "write their lines in cnncost/analysis/rivals.py"
    assert set(ANSWERS) <= set(REGISTRY)
    assert {program for line in ANSWERS.values() for program in line} == set(PROGRAMS)


def test_a_line_that_is_not_untested_has_a_network(specs: dict[str, str]) -> None:
    """Every program is run on it below."""
    answered = {name for name, line in ANSWERS.items() if line}
    assert answered <= names_in(specs.values()), "add them to tests/analysis/rival_networks.py"


def names_in(models: Iterable[str]) -> set[str]:
    return {node.op.name for model in models for node in cnncost.load(model).nodes[1:]}


def untested(rival: str, file: str) -> bool:
    rules = CONVENTIONS[rival]
    return any(rules.untested(node.op) for node in cnncost.load(file).nodes)


@pytest.mark.slow
@pytest.mark.parametrize("rival", RIVALS)
def test_a_rival_on_an_operator_counts_what_its_convention_says(
    rival: str, specs: dict[str, str], found: Found
) -> None:
    for name, file in specs.items():
        if untested(rival, file):
            continue
        counts, expected = found(rival, file), ours(rival, file)
        assert counts == {key: expected[key] for key in counts}, name


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
def test_a_rival_on_torchvision_differs_by_how_torchvision_writes_it(
    rival: str, model: str, found: Found
) -> None:
    counts = found(rival, f"torchvision:{MODELS[model]}")
    expected = total(rival, rival, model)._asdict()
    if rival == "calflops":
        expected["flops"] = total(rival, "calflops_flops", model).ops
    assert counts == {key: expected[key] for key in counts}


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_torchvision_publishes_our_macs(model: str) -> None:
    """Its GFLOPS are printed to three decimals; ours in its unit and rounding are the same."""
    weights = torchvision_shim.models().get_model_weights(MODELS[model]).DEFAULT
    rules = CONVENTIONS["torchvision"]
    printed = rules.ops_unit.format(counted(model, rules)["ops"], rules.decimals)
    assert printed == f"{weights.meta['_ops']:.3f}"
