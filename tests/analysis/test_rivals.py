"""The rivals themselves, run in processes of their own, against our conventions of their names.

On our PyTorch twins every total agrees to the last integer, model by model and operator by operator, and
on torchvision's own networks: an import knows how their code writes a call.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from analysis import rival_networks
from analysis import rivals as programs

import cnncost
import cnncost.importers
from cnncost.analysis.conventions import CONVENTIONS, Convention
from cnncost.analysis.rivals import ANSWERS
from cnncost.graph import Graph
from cnncost.importers.sources import library

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
    for name, text in rival_networks.specs().items():
        file = folder / f"{name}.yaml"
        file.write_text(text)
        files[name] = str(file)
    return files


@pytest.fixture(scope="module")
def found(specs: dict[str, str]) -> Found:
    """What a rival counts of a model: a rival runs once on all small networks, once on all models."""
    models = (*MODELS, *[f"torchvision:{name}" for name in NETWORKS_OF_TORCHVISION])

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


def test_a_line_that_is_not_untested_has_a_network(specs: dict[str, str]) -> None:
    """Every program is run on it below."""
    answered = {name for name, line in ANSWERS.items() if line.rules}
    assert answered <= names_in(specs.values()), "add them to tests/analysis/rival_networks.py"


ON_TWO_AXES = {"deform_conv", "grid_sample", "pixel_shuffle", "pixel_unshuffle", "roi_pool", "subsample"}
"""Operators that have a meaning on maps of two axes only."""
OF_NO_SPACE = {"einsum", "gru", "linear_given", "lstm", "rnn"}
"""Operators on matrices and tokens."""
THAT_MOVE = {"constant", "expand", "flip", "overwrite", "permute", "reshape", "roll", "view"}
"""Operators that move values along axes by their numbers, and matmul: no program asks how many there are."""


def test_operators_are_run_on_one_two_and_three_axes(specs: dict[str, str]) -> None:
    seen = {
        axes: names_in(file for name, file in specs.items() if name.endswith(axes)) for axes in ("_1d", "_3d")
    }
    every = names_in(specs.values())
    left_out = ON_TWO_AXES | OF_NO_SPACE | THAT_MOVE
    for found in seen.values():
        assert every - found <= left_out | {"matmul"}
    for name in ON_TWO_AXES:
        assert name not in seen["_1d"] | seen["_3d"]


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


# torchvision's own networks -----------------------------------------------------------------------

NETWORKS_OF_TORCHVISION = (
    "alexnet", "vgg11_bn", "googlenet", "inception_v3", "resnet18", "resnext50_32x4d", "densenet121",
    "squeezenet1_0", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5",
    "efficientnet_b0", "convnext_tiny", "regnet_y_400mf", "swin_t", "swin_v2_t", "vit_b_32", "maxvit_t",
)  # fmt: skip
"""One of every family: layers that are modules, functions, classes of torchvision's own, bare parameters."""
MULTIPLIES_SIZES = {"swin_t", "swin_v2_t", "vit_b_32", "maxvit_t"}
"""torchprofile counts the multiplications of sizes in their code, which an import does not see."""


@functools.cache
def imported(model: str) -> Graph:
    module, shape = programs.of_torchvision(model)
    return cnncost.importers.from_module(module, shape)


@pytest.mark.slow
@pytest.mark.parametrize("model", NETWORKS_OF_TORCHVISION)
@pytest.mark.parametrize("rival", RIVALS)
def test_a_rival_on_torchvisions_network_counts_what_its_convention_says_of_the_import(
    rival: str, model: str, found: Found
) -> None:
    counts, graph = found(rival, f"torchvision:{model}"), imported(model)
    report = cnncost.analyze(graph, convention=rival)
    expected = report.totals.counted._asdict()
    if rival == "calflops":
        expected["flops"] = cnncost.analyze(graph, convention="calflops_flops").totals.counted.ops
    if rival == "torchprofile" and model in MULTIPLIES_SIZES:
        assert report.untested
        assert 0 < counts["ops"] - expected["ops"] < 100
    else:
        assert not report.untested
        assert counts == {key: expected[key] for key in counts}


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_torchvision_publishes_our_macs(model: str) -> None:
    """Its GFLOPS are printed to three decimals; ours in its unit and rounding are the same."""
    weights = library("torchvision").get_model_weights(MODELS[model]).DEFAULT
    rules = CONVENTIONS["torchvision"]
    printed = rules.ops_unit.format(counted(model, rules)["ops"], rules.decimals)
    assert printed == f"{weights.meta['_ops']:.3f}"
