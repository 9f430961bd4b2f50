"""Models as ONNX files: they come back as what they were, and onnxruntime runs them as PyTorch does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import onnx
import pytest
import torch

import cnncost
from cnncost.analysis.fold import fold_batch_norms
from cnncost.graph import Graph
from cnncost.language import zoo
from cnncost.measure import onnx as exchange

MODELS = {
    "lenet5": (1, 32, 32), "alexnet": (3, 227, 227), "resnet18": (3, 64, 64), "mobilenet_v2": (3, 64, 64),
    "squeezenet1_0": (3, 64, 64), "unet": (1, 188, 188), "googlenet": (3, 224, 224), "shufflenet_v2_x1_0": (3, 64, 64),
    "efficientnet_b0": (3, 64, 64),
}  # fmt: skip
FAST = {"lenet5", "resnet18"}


def learned(graph: Graph) -> list[tuple[object, ...]]:
    """Name, operator, parameters, MACs and shape of every layer that has learned something."""
    report = cnncost.analyze(graph, by="op")
    return [(row.name, row.op, row.params, row.macs, row.output_shape) for row in report.rows if row.params]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in MODELS]
)
def test_what_is_written_comes_back(name: str, tmp_path: Path) -> None:
    graph = cnncost.load(name, input=MODELS[name]).without_heads()
    written = exchange.export(graph, tmp_path / "model.onnx")
    assert written.difference is not None and written.difference <= 1e-4 * written.largest
    read = cnncost.load(str(tmp_path / "model.onnx"))
    assert learned(read) == learned(graph)
    ours, theirs = cnncost.analyze(graph).totals, cnncost.analyze(read).totals
    assert (theirs.params, theirs.buffers, theirs.macs) == (ours.params, ours.buffers, ours.macs)


HEADED = {
    "googlenet": None, "googlenet_torchvision": (3, 64, 64), "inception_v3": None, "fcn_resnet50": (3, 64, 64),
    "fcn_resnet101": (3, 64, 64), "deeplabv3_resnet50": (3, 64, 64), "deeplabv3_resnet101": (3, 64, 64),
}  # fmt: skip


def test_the_nets_with_training_heads_are_all_here() -> None:
    graphs = {name: cnncost.load(name) for name in zoo.names()}
    assert set(HEADED) == {name for name, graph in graphs.items() if graph.without_heads() is not graph}


@pytest.mark.slow
@pytest.mark.parametrize("name", HEADED)
def test_training_heads_are_left_out(name: str, tmp_path: Path) -> None:
    """As the command gives it, with its heads: what is written is the inference pass."""
    graph = cnncost.load(name, input=HEADED[name])
    written = exchange.export(graph, tmp_path / "model.onnx")
    assert written.difference is not None and written.difference <= 1e-4 * written.largest
    read = cnncost.load(str(tmp_path / "model.onnx"))
    assert len(read.outputs) == 1 and learned(read) == learned(graph.without_heads())
    ours, theirs = cnncost.analyze(graph).totals, cnncost.analyze(read).totals
    assert (theirs.params, theirs.macs) == (ours.params, ours.macs)


def test_a_divisor_of_its_own_is_not_lost(tmp_path: Path) -> None:
    """LeNet-5's trainable pooling sums its windows; PyTorch's exporter would write their mean."""
    graph = cnncost.load("lenet5_1998")
    written = exchange.export(graph, tmp_path / "model.onnx")
    assert written.difference is not None and written.difference <= 1e-4 * written.largest
    ours = cnncost.analyze(graph).totals
    theirs = cnncost.analyze(cnncost.load(str(tmp_path / "model.onnx"))).totals
    assert (theirs.params, theirs.macs) == (ours.params, ours.macs)


def test_names_batch_and_folding(tmp_path: Path) -> None:
    graph = cnncost.load("resnet18", input=(3, 64, 64))
    path = tmp_path / "model.onnx"
    exchange.export(graph, path)
    assert [node.name for node in cnncost.load(str(path)).nodes] == [node.name for node in graph.nodes]
    first = onnx.load(path, load_external_data=False).graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in first] == ["batch", 3, 64, 64]
    folded = fold_batch_norms(graph)
    exchange.export(folded, path, batch=2)
    fixed = onnx.load(path, load_external_data=False)
    assert [dim.dim_value for dim in fixed.graph.input[0].type.tensor_type.shape.dim] == [2, 3, 64, 64]
    assert "BatchNormalization" not in {node.op_type for node in fixed.graph.node}
    assert learned(cnncost.load(str(path))) == learned(folded)
    assert [item.name for item in tmp_path.iterdir()] == ["model.onnx"]


def run(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """The program in a process of its own; `code` runs before it."""
    script = f"import sys\n{code}\nsys.argv = ['cnncost', *sys.argv[1:]]\nfrom cnncost.cli.main import main\nmain()"
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)


def without(package: str) -> str:
    """Code that hides a package."""
    return (
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        f"importlib.util.find_spec = lambda name, *rest: None if name == {package!r} else find(name, *rest)"
    )


def test_the_command_says_which_checks_ran(tmp_path: Path) -> None:
    path = tmp_path / "lenet5.onnx"
    done = run("export", "lenet5", "--onnx", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    opset = onnx.load(path).opset_import[0].version
    said, _, numbers = done.stdout.partition(" from PyTorch ")
    assert said == f"{path}: lenet5, opset {opset}, any batch; checked by onnxruntime: largest difference"
    difference, _, largest = numbers.strip().partition(" of ")
    assert 0 <= float(difference) <= 1e-4 * float(largest)
    done = run("export", "lenet5", "--onnx", str(path), "--batch", "4", code=without("onnxruntime"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"{path}: lenet5, opset {opset}, batch 4; not checked by onnxruntime, which is not installed:"
        " pip install onnxruntime\n"
    )


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("torch", 'this needs PyTorch, which is not installed\n  pip install "cnncost[torch]"'),
        ("onnx", "writing ONNX needs the package onnx\n  pip install 'cnncost[onnx]'"),
    ],
)
def test_missing_packages(package: str, message: str, tmp_path: Path) -> None:
    done = run("export", "lenet5", "--onnx", str(tmp_path / "a.onnx"), code=without(package))
    assert (done.returncode, done.stdout, done.stderr) == (3, "", f"error: {message}\n")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none" / "a.onnx"
    with pytest.raises(cnncost.UsageError) as caught:
        exchange.export(cnncost.load("lenet5"), path)
    assert str(caught.value) == (
        f"{path}: no directory {str(path.parent)!r}\n  make it first: mkdir -p {path.parent}"
    )


def test_an_operator_that_onnx_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(cnncost.UsageError) as caught:
        exchange.export(cnncost.load("segnet", input=(3, 32, 32)), tmp_path / "a.onnx")
    assert str(caught.value).startswith("segnet: its twin cannot be written as ONNX: ")
    assert "max_unpool2d" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_outputs_that_differ_are_a_failed_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "compared", lambda twin, path, image: (0.25, 2.0))
    with pytest.raises(cnncost.CheckFailed) as caught:
        exchange.export(cnncost.load("lenet5"), tmp_path / "a.onnx")
    assert str(caught.value) == (
        "lenet5: onnxruntime's outputs differ from PyTorch's by 2.5e-01, the largest of which is 2.0e+00"
    )
    assert not list(tmp_path.iterdir())


def test_the_comparison_sees_other_weights(tmp_path: Path) -> None:
    """A file of other weights is not the twin's: the check can fail."""
    graph = cnncost.load("lenet5")
    exchange.export(graph, tmp_path / "a.onnx")
    difference, largest = exchange.compared(
        cnncost.build(graph), str(tmp_path / "a.onnx"), (torch.randn(3, *graph.input_shape),)
    )
    assert difference is not None and difference > exchange.TOLERANCE * largest
