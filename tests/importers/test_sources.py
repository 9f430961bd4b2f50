"""Names of networks: what they mean, what is refused, and that an ordinary command imports none of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cnncost
from cnncost.importers.names import is_import

NETWORK = """
from torch import nn


def net(width, classes=10):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.Flatten(), nn.LazyLinear(classes))


class Net(nn.Module):
    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, classes)

    def forward(self, x):
        return self.head(self.conv(x).mean((2, 3)))


number = 3
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "mynets.py").write_text(NETWORK)
    return tmp_path


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cnncost", *arguments]
    root = Path(cnncost.__file__).parent.parent
    return subprocess.run(
        command,
        cwd=directory,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{root}{os.pathsep}{directory / 'first'}", "COLUMNS": "120"},
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torchvision:resnet50", True),
        ("timm:convnext_tiny", True),
        ("mypackage.models:Net", True),
        ("a folder/my-net.py:Net", True),
        ("net.py", False),
        ("model.onnx", True),
        ("dir.of/Model.ONNX", True),
        ("alexnet", False),
        ("my.yaml:small", False),
        ("dir/my.yaml:small", False),
        ("a:b:c", False),
    ],
)
def test_which_names_are_imports(name: str, expected: bool) -> None:
    assert is_import(name) is expected


def test_import_writes_a_spec_that_costs_the_same(directory: Path) -> None:
    model = ("mynets:Net", "--input", "3x16x16")
    done = run(directory, "import", *model, "--kwargs", '{"classes": 7}', "-o", "my.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (directory / "my.yaml").read_text() == (
        "# Imported from mynets:Net.\n"
        "family: Net\n"
        "input: [3, 16, 16]\n"
        "body:\n"
        "  - {conv: {out: 4, kernel: 3}, as: conv}\n"
        "  - {global_avgpool: {}, as: global_avgpool}\n"
        "  - {flatten: {}, as: flatten}\n"
        "  - {linear: {out: 7}, as: head}\n"
    )
    direct = run(directory, "table", *model, "--set", "classes=7")
    assert direct.returncode == 0
    road = "Imported by torch.export.\n"
    assert direct.stdout.replace(road, "") == run(directory, "table", "my.yaml").stdout
    assert road in direct.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["import", "alexnet"], 2, "'alexnet' is not a network to import\n  write torchvision:resnet50, timm:convnext_tiny, model.onnx, net.py:Net or package.module:factory"),
        (["import", "mynets:Nett"], 2, "mynets has no 'Nett': did you mean 'Net'?"),
        (["import", "mynets:Net"], 2, "mynets:Net: the input shape is not known\n  pass it without the batch: --input 3x224x224 (an image), --input 784, --input ids=int64:128"),
        (["import", "mynets:number"], 2, "mynets:number is of type int, not an nn.Module class or a function that gives one"),
        (["import", "nonets:Net"], 2, "nonets:Net: there is no module 'nonets'\n  it is looked for in the current directory and among what is installed; of a file elsewhere: FOLDER/nonets.py:Net"),
        (["import", "mynets:net"], 2, "mynets:net cannot be built: net() missing 1 required positional argument: 'width'\n  its arguments: --set width=VALUE, or all in one: --kwargs JSON"),
        (["import", "mynets:Net", "--kwargs", "[1]"], 2, "--kwargs '[1]' is not a JSON object\n  for example: --kwargs '{\"num_classes\": 10}'"),
    ],
    ids=lambda item: item[1] if isinstance(item, list) else "",
)  # fmt: skip
def test_what_is_refused(directory: Path, arguments: list[str], code: int, message: str) -> None:
    done = run(directory, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.removeprefix("error: ") == f"{message}\n"


def test_a_library_that_is_missing(directory: Path) -> None:
    (directory / "first").mkdir()
    (directory / "first" / "timm.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'timm'\", name='timm')\n"
    )
    done = run(directory, "import", "timm:resnet18")
    assert (done.returncode, done.stderr) == (3, "error: timm is not installed\n  pip install timm\n")


def test_a_library_that_is_broken(directory: Path) -> None:
    (directory / "first").mkdir()
    (directory / "first" / "timm.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')\n"
    )
    done = run(directory, "import", "timm:resnet18")
    assert done.returncode == 3
    assert done.stderr.endswith(
        "error: timm cannot be imported beside this torch: operator torchvision::nms does not exist\n"
        "  install both from the same index: https://pytorch.org/get-started/locally\n"
    )


def test_an_ordinary_command_imports_nothing_of_this(directory: Path) -> None:
    code = (
        "import sys, cnncost.cli.main as m\n"
        "sys.argv[1:] = ['table', 'alexnet']\n"
        "try: m.main()\n"
        "except SystemExit: pass\n"
        "found = [n for n in sys.modules if n.startswith('cnncost.importers.') or n == 'torch']\n"
        "print(sorted(found), file=sys.stderr)"
    )
    root = Path(cnncost.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=directory,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(root)},
    )
    assert done.stderr == "['cnncost.importers.names']\n"


def test_torchvision_beside_another_build_of_pytorch_comes_in() -> None:
    """Whether it fits the PyTorch here or not: at most one line says that it does not."""
    done = subprocess.run(
        [sys.executable, "-m", "cnncost", "table", "torchvision:alexnet", "--input", "64", "-f", "json"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr in (
        "",
        "note: torchvision was compiled for another build of PyTorch; its own operators have no kernels here\n",
    )
    assert json.loads(done.stdout)["models"][0]["totals"]["params"] == 61_100_840
