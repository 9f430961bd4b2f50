"""CONTRIBUTING's recipes, followed on a copy of the project; the copy's own tests judge the result."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from recipes import played

OPERATOR = """
import cnncost, onnx, torch
from onnx import TensorProto as T, helper
from torch import nn

def names(graph):
    return [node.op.name for node in graph.nodes]

class Net(nn.Module):
    def forward(self, x):
        return nn.functional.hardshrink(x, 0.25)

from cnncost.importers import from_module
graph = from_module(Net(), (3, 8, 8))
assert names(graph) == ["input", "hard_shrink"] and graph.nodes[1].op.bound == 0.25, graph
assert cnncost.analyze(graph).totals.flops == 2 * 3 * 8 * 8

x, y = (helper.make_tensor_value_info(name, T.FLOAT, ["N", 3, 8, 8]) for name in "xy")
node = helper.make_node("Shrink", ["x"], ["y"], lambd=0.75)
model = helper.make_model(helper.make_graph([node], "net", [x], [y]), opset_imports=[helper.make_opsetid("", 17)])
onnx.save(model, "net.onnx")
graph = cnncost.load("net.onnx")
assert names(graph) == ["input", "hard_shrink"] and graph.nodes[1].op.bound == 0.75, graph
"""


def run(root: Path, *arguments: str) -> str:
    """Python on the copy; what it printed, its errors if it failed."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def run_tests(root: Path, *arguments: str) -> None:
    """Some of the copy's own tests."""
    run(root, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *arguments)


@pytest.mark.slow
def test_an_operator_and_its_import(tmp_path: Path) -> None:
    root = played("Adding an operator", tmp_path / "copy")
    played("Adding an importer's operator", root)
    run_tests(
        root,
        *(
            "tests/ops",
            "tests/execution",
            "tests/measure/test_operator_memory.py",
            "tests/analysis/test_rivals.py",
        ),
        *("tests/language/test_schema.py", "-k", "hard_shrink or registry or vocabulary or every"),
        *("-m", "not slow"),
    )
    run(root, "-c", OPERATOR)


def test_a_column(tmp_path: Path) -> None:
    root = played("Adding a table, a format, a plot", tmp_path / "copy")
    table = run(root, "-m", "cnncost", "table", "lenet5", "--columns", "name,reads", "--format", "csv")
    assert table.splitlines()[1:3] == ["C1,input", "S2,C1"]


@pytest.mark.slow
def test_a_plot(tmp_path: Path) -> None:
    root = played("Adding a plot", tmp_path / "copy")
    run_tests(root, "tests/plots/test_plots.py", "-k", "windows or kind")
    run(root, "-m", "cnncost", "plot", "windows", "lenet5", "-o", "windows.svg", "--data", "windows.csv")
    # C1: 6 maps of 28x28, windows of 5x5x1; C3: 16 maps of 10x10, windows of 5x5x6.
    whole = 6 * 28 * 28 * 25 + 16 * 10 * 10 * 150
    assert (root / "windows.csv").read_text() == f"model,window,macs\nlenet5,5x5,{whole}\n"
    assert "windows" in run(root, "-m", "cnncost", "plot", "--help")
