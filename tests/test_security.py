"""Data runs no code: names in locks and configurations, with and without the switch; what may be called at all."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.targets import onnx_seeds

MODULE = """
from pathlib import Path
Path("IMPORTED").touch()
import subprocess, os, functools
from subprocess import run
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, int(width), 3)

    @classmethod
    def wide(cls):
        return cls(8)

    def forward(self, x):
        return self.conv(x)

def net(width=4):
    return Net(width)

class Other:
    def __init__(self, **_):
        Path("CALLED").touch()

partial = functools.partial(Other)
shell = os.system
instance = Other
"""

LOCK = """# What these models cost.
cnncost-lock 1
convention cnncost

model {model}
input 3x8x8
digest 0000000000000000
params 1
buffers 1
macs 1
flops 1
activation_bytes 1
peak_bytes 1
nodes 1
  conv conv 00000000 1 1 1 1

end
"""

REFUSED = (
    "error: {name!r} stands in a file and would run Python code, which no file may ask for\n"
    "  if you trust this project: --allow-imports\n"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "mynets.py").write_text(MODULE)
    return tmp_path


def cnncost(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cnncost", *arguments], cwd=cwd, capture_output=True, text=True, timeout=300
    )


def traces(folder: Path) -> list[str]:
    """What code of the project, or a shell, has left behind."""
    return sorted(path.name for path in folder.iterdir() if path.name.isupper())


NAMES = [
    "mynets:Net --input 3x8x8", "mynets:net --input 3x8x8", "os:system --input 3x8x8 --set 'command=touch SHELLED'",
    "os:abort --input 3x8x8", "subprocess:run --input 3x8x8 --set args=abort",
]  # fmt: skip


@pytest.mark.parametrize("model", NAMES)
@pytest.mark.parametrize("where", ["lock", "cnncost.toml", "pyproject.toml", "budget", "lock command"])
def test_a_name_in_a_file_runs_nothing(model: str, where: str, project: Path) -> None:
    command = ["check"]
    quoted = model.replace("\\", "\\\\").replace('"', '\\"')
    if where == "lock":
        (project / "cnncost.lock").write_text(LOCK.format(model=model))
    elif where == "budget":
        (project / "cnncost.toml").write_text(f'[budgets."{quoted}"]\nmax_params = 5\n')
    elif where == "pyproject.toml":
        (project / where).write_text(f'[tool.cnncost]\nmodels = ["{quoted}"]\n[budgets.x]\n')
    else:
        (project / "cnncost.toml").write_text(f'models = ["{quoted}"]\n')
        (project / "cnncost.lock").write_text(LOCK.format(model="lenet5"))
    if where in ("lock command", "pyproject.toml"):
        command = ["lock"]
    done = cnncost(*command, cwd=project)
    assert (done.returncode, done.stderr) == (2, REFUSED.format(name=model.partition(" ")[0]))
    assert traces(project) == []


def test_pytest_collects_nothing_that_runs(project: Path) -> None:
    (project / "cnncost.lock").write_text(LOCK.format(model=NAMES[2]))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--cnncost"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300)
    assert done.returncode == 4 and "--allow-imports" in done.stderr, done.stdout + done.stderr
    assert traces(project) == []
    done = subprocess.run(
        [*command, "--cnncost-allow-imports"], cwd=project, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 4 and "'os'" not in done.stdout and traces(project) == []


@pytest.mark.parametrize("model", NAMES[:2])
def test_with_the_switch_a_projects_networks_are_counted(model: str, project: Path) -> None:
    (project / "cnncost.toml").write_text(f'models = ["{model}"]\n')
    done = cnncost("lock", "--allow-imports", cwd=project)
    assert done.returncode == 0, done.stderr
    assert traces(project) == ["IMPORTED"]
    assert cnncost("check", cwd=project).returncode == 2
    done = cnncost("check", "--allow-imports", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    name = model.partition(" ")[0]  # what a command line names needs no switch
    assert cnncost("check", name, cwd=project).returncode == 0


GADGETS = {
    "os:system --set 'command=touch SHELLED'": "os:system is of type builtin_function_or_method",
    "os:abort": "os:abort is of type builtin_function_or_method",
    'subprocess:run --set \'args=["touch", "SHELLED"]\'': "subprocess:run is a function of Python's own module 'subprocess'",
    'subprocess:Popen --set \'args=["touch", "SHELLED"]\'': "subprocess:Popen is the class Popen",
    "pathlib:Path.touch": "pathlib:Path.touch is a function of Python's own module 'pathlib",
    'mynets:run --set \'args=["touch", "SHELLED"]\'': "mynets:run is a function of Python's own module 'subprocess'",
    "mynets:os.system --set 'command=touch SHELLED'": "mynets:os.system is of type builtin_function_or_method",
    "mynets:shell --set 'command=touch SHELLED'": "mynets:shell is of type builtin_function_or_method",
    "mynets:Other": "mynets:Other is the class Other",
    "mynets:instance": "mynets:instance is the class Other",
    "mynets:partial": "mynets:partial is of type partial",
}


@pytest.mark.parametrize("model", GADGETS)
@pytest.mark.parametrize("asked", [True, False], ids=["by the command line", "by a file that is allowed"])
def test_nothing_else_is_called(model: str, asked: bool, project: Path) -> None:
    import shlex

    if asked:
        done = cnncost("table", *shlex.split(model), "--input", "3x8x8", cwd=project)
    else:
        (project / "cnncost.lock").write_text(LOCK.format(model=f"{model} --input 3x8x8"))
        done = cnncost("check", "--allow-imports", cwd=project)
    assert done.returncode == 2 and done.stderr.removeprefix("error: ").startswith(GADGETS[model]), (
        done.stderr
    )
    assert set(traces(project)) <= {"IMPORTED"}


def test_a_class_method_and_functions_of_packages(project: Path) -> None:
    """On the command line; in a file a function must be the project's own."""
    done = cnncost("table", "mynets:Net.wide", "--input", "3x8x8", cwd=project)
    assert done.returncode == 0, done.stderr
    (project / "cnncost.toml").write_text('models = ["torch.hub:load --input 3x8x8"]\n')
    (project / "cnncost.lock").write_text(LOCK.format(model="lenet5"))
    done = cnncost("check", "--allow-imports", cwd=project)
    assert done.returncode == 2
    assert done.stderr == (
        "error: 'torch.hub:load' stands in a file and names a function of 'torch.hub', which is not of this project\n"
        "  name it on the command line, where you ask for it yourself\n"
    )


def test_what_guards_a_repository_says_what_runs() -> None:
    root = Path(__file__).resolve().parent.parent
    for file in ("action.yml", ".pre-commit-hooks.yaml", "README.md", "docs/security.md"):
        assert "allow-imports" in (root / file).read_text(), file
    for command in ("check", "lock"):
        assert "--allow-imports" in cnncost(command, "--help", cwd=root).stdout


@pytest.mark.parametrize(
    ("name", "text", "command"),
    [
        ("cnncost.toml", 'models = ["lenet5"]\ncluster = "tcp://127.0.0.1:1"\n', "check"),
        ("mine.yaml", 'name: !!python/object/apply:os.system ["touch RUN"]\n', "predict lenet5 --on ./mine.yaml"),
        ("s.json", '{"sheets": [{"sheet": "a", "convention": "cnncost", "blanks": [{"words": "__import__"}]}]}', "grade a.csv --sheet s.json"),
        ("done.journal", "cos\nsystem\n(S'touch RUN'\ntR.\n", "search lenet5 --vary classes=2,3 --resume done.journal"),
    ],
)  # fmt: skip
def test_other_data_runs_nothing(name: str, text: str, command: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "a.csv").write_text("question,answer\n1,2\n")
    done = cnncost(*command.split(), cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith(("error: ", name)), done.stderr
    assert traces(tmp_path) == []


def test_answers_in_a_notebook_are_text(tmp_path: Path) -> None:
    """A student's cells are looked at, not run."""
    assert cnncost("exercise", "lenet5", "-o", "s.json", cwd=tmp_path).returncode == 0
    source = "from pathlib import Path\nanswer_1 = Path('RUN').touch() or 5\n"
    notebook = {"cells": [{"cell_type": "code", "source": [source]}], "metadata": {}}
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook))
    done = cnncost("grade", "a.ipynb", "--sheet", "s.json", cwd=tmp_path)
    assert done.returncode == 0 and "Path('RUN')" in done.stdout
    assert traces(tmp_path) == []


def test_a_recipe_is_python_in_which_names_are_quoted(tmp_path: Path) -> None:
    """Of a file whose name, and whose nodes, would be code: what is pasted into a session holds them as texts."""
    onnx = pytest.importorskip("onnx")
    name = 'x"""+__import__("os").system("touch RUN")+"""\'\\.onnx'
    model = onnx.load_model_from_string(onnx_seeds()[0])
    for node in model.graph.node:
        node.name = f"{node.name}') or __import__('os').system('touch RUN') #"
    (tmp_path / name).write_bytes(model.SerializeToString())
    done = cnncost(
        "memory", name, "--train", "--batch", "8", "--fits", "8KiB", "--plan", "-f", "json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    tree = ast.parse(json.loads(done.stdout)["plan"]["recipe"])
    assert not [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and "__" in node.id]
    assert name in {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}


def test_settings_of_matplotlib_in_a_project_change_no_picture(tmp_path: Path) -> None:
    """It reads a `matplotlibrc` of the working directory: LaTeX would run on names, and colours would be others."""
    for name in ("plain", "theirs"):
        (tmp_path / name).mkdir()
    (tmp_path / "theirs" / "matplotlibrc").write_text(
        "text.usetex: True\nfigure.facecolor: red\nbackend: module://mine\n"
    )
    (tmp_path / "theirs" / "mine.py").write_text('open("RUN", "w")\n')
    for name in ("plain", "theirs"):
        done = cnncost("plot", "layers", "lenet5", "-o", "a.svg", cwd=tmp_path / name)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "plain/a.svg").read_bytes() == (tmp_path / "theirs/a.svg").read_bytes()
    assert traces(tmp_path / "theirs") == []


def test_python_m_does_not_run_modules_of_the_working_directory(tmp_path: Path) -> None:
    """`python -m` puts the folder first: its yaml.py would be run for the package PyYAML. Our own folder stays."""
    for name in ("yaml", "typer", "rich"):
        (tmp_path / f"{name}.py").write_text('open("RUN", "w")\n')
    root = Path(__file__).parents[1]
    done = cnncost("table", "lenet5", cwd=tmp_path)
    assert done.returncode == 0 and traces(tmp_path) == [], done.stderr
    done = subprocess.run([sys.executable, "-m", "cnncost", "table", "lenet5"], cwd=root, capture_output=True)
    assert done.returncode == 0
