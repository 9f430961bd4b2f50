"""The package as a whole: what it exports, ships, imports, and lists of itself."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import cnncost
from cnncost.cli.main import COMMANDS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "cnncost"
ROOMS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))


def test_public_names_are_pinned() -> None:
    assert sorted(cnncost.__all__) == [
        "Answer",
        "CheckFailed",
        "CnncostError",
        "Exercise",
        "Graph",
        "GraphPicture",
        "Report",
        "SpecError",
        "UnavailableError",
        "UsageError",
        "analyze",
        "audit",
        "build",
        "calibrated",
        "check",
        "compare",
        "diff",
        "draw",
        "exercise",
        "explain",
        "export",
        "grade",
        "latency",
        "load",
        "lock",
        "measured",
        "memory",
        "page",
        "pick",
        "plot",
        "reconcile",
        "schema",
        "search",
        "show",
        "spec",
        "table",
        "training_run",
        "verify",
        "zoo",
    ]
    for name in cnncost.__all__:
        assert getattr(cnncost, name).__doc__, name


def test_words_of_commands_and_other_programs_lead_to_functions() -> None:
    from cnncost.cli.main import COMMANDS

    for word, function in (
        ("flops", "table"),
        ("benchmark", "measured"),
        ("list", "zoo"),
        ("train", "training_run"),
    ):
        with pytest.raises(AttributeError, match=f"'{word}'; cnncost.{function} is what does it"):
            getattr(cnncost, word)
    for command in COMMANDS:  # each has its function, or a word on where it is
        if command not in cnncost.__all__ and command not in vars(cnncost):  # a room of that name
            with pytest.raises(AttributeError, match="; "):
                getattr(cnncost, command)
    with pytest.raises(AttributeError, match=r"no attribute 'frobnicate'$"):
        getattr(cnncost, "frobnicate")  # noqa: B009
    with pytest.raises(AttributeError, match=r"'Report' has no attribute 'macs': report.totals.macs"):
        getattr(cnncost.analyze("lenet5"), "macs")  # noqa: B009
    assert not hasattr(cnncost.analyze("lenet5"), "frobnicate")


def test_the_library_in_three_lines() -> None:
    report = cnncost.analyze(cnncost.load("resnet50"), batch=8)
    assert report.totals.macs == 8 * 4_089_184_256
    frame = report.to_dataframe()
    assert frame["macs"].sum() == report.totals.macs
    assert frame["counted_params"].sum() == 25_557_032
    assert cnncost.Report.from_dict(report.to_dict()).to_dict() == report.to_dict()


@pytest.mark.parametrize("room", ROOMS, ids=[room.name for room in ROOMS])
def test_every_file_is_in_its_rooms_table_of_contents(room: Path) -> None:
    contents = (room / "__init__.py").read_text()
    if room.name == "cli":
        contents += " ".join(COMMANDS)
    missing = [
        path.name for path in room.glob("*.py") if path.stem != "__init__" and path.stem not in contents
    ]
    assert not missing, f"{room.relative_to(ROOT)}/__init__.py does not list {', '.join(missing)}"


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    assert not text or text.startswith('"""'), f"{path.relative_to(ROOT)} has no docstring"


FOREIGN = {"forward", "list_commands", "get_command", "set_axis", "tick_values", "nonsingular", "extra_repr"}
"""Methods that another library describes."""


def test_every_public_function_says_what_it_does() -> None:
    """A method that a base or a protocol describes needs no words, nor does a translation, named as its operator."""
    described: set[str] = set()
    silent: list[tuple[str, str]] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
        for scope in (tree, *classes):
            method = scope is not tree
            for node in scope.body:
                if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or node.name[0] == "_":
                    continue
                first = node.args.args[0].annotation if node.args.args else None
                translates = isinstance(first, ast.Name) and first.id == "Conversion"
                if ast.get_docstring(node) is None and not translates:
                    silent.append((node.name if method else "", f"{path.relative_to(PACKAGE)}: {node.name}"))
                elif method:
                    described.add(node.name)
    assert [place for name, place in silent if name not in described | FOREIGN] == []


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_claimed_of_versions_is_what_runs() -> None:
    """`.ci/versions` runs the oldest Python and the oldest of every dependency that pyproject names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    floors = {}
    for line in project["dependencies"]:
        name, floor = re.match(r"([A-Za-z]+)>=([\d.]+)", line).groups()  # type: ignore[union-attr]
        floors[name] = [int(part) for part in floor.split(".")]
    lines = (ROOT / ".ci" / "oldest.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert list(pinned) == list(floors)
    for name, version in pinned.items():
        parts = [int(part) for part in version.split(".")]
        assert parts[: len(floors[name])] == floors[name] and not any(parts[len(floors[name]) :]), name
    (oldest,) = re.findall(r"OLDEST=(\S+)", (ROOT / ".ci" / "versions").read_text())
    claimed = [name.rpartition(" ")[2] for name in project["classifiers"] if "Python :: 3." in name]
    assert project["requires-python"] == f">={oldest}" and claimed[0] == oldest


def test_the_environment_of_the_tests_is_pinned_whole() -> None:
    """Every requirement of the extra `test` is in the constraints, in a version that it allows."""
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / ".ci" / "constraints.txt").read_text().splitlines()
    pinned = {name.lower(): version for name, version in (line.split("==") for line in lines if "==" in line)}
    for line in project["dependencies"] + project["optional-dependencies"]["test"]:
        required = Requirement(line)
        if required.marker is None or required.marker.evaluate():
            assert pinned[required.name.lower()] in required.specifier, line


def layers() -> list[str]:
    """The layers of the import contract, the highest first."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        (contract,) = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    assert contract["exhaustive"]
    return [layer for layer in contract["layers"] if layer != "__main__"]


def test_contributing_has_every_layer_and_a_row_for_every_module() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert " -> ".join(layers()) in " ".join(text.split())
    rows = "".join(line for line in text.splitlines() if line.startswith("| `"))
    modules = [name for layer in layers() for name in layer.split(" | ")]
    assert [name for name in modules if f"`{name}/`" not in rows and f"`{name}.py`" not in rows] == []


def test_nothing_inside_imports_the_packages_face() -> None:
    """`import cnncost` loads every room; a room imports what it needs."""
    modules = {path.stem for path in PACKAGE.iterdir()}
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found += [(path.name, each.name) for each in node.names if each.name == "cnncost"]
            elif isinstance(node, ast.ImportFrom) and node.module == "cnncost":
                found += [(path.name, each.name) for each in node.names if each.name not in modules]
    assert found == []


@pytest.mark.slow
def test_what_is_released_is_the_same_every_time_and_holds_what_it_must(tmp_path: Path) -> None:
    """As `make release` checks it: no test data, under 2 MB, typed, licensed."""
    spec = importlib.util.spec_from_file_location("release", ROOT / "tools" / "release.py")
    assert spec is not None and spec.loader is not None
    release = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(release)
    first, second = release.built(tmp_path / "one"), release.built(tmp_path / "two")
    assert first == second and len(first) == 2
    (wheel,) = (tmp_path / "one").glob("*.whl")
    assert release.faults(wheel, cnncost.__version__) == []
    assert f"## [{cnncost.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.slow
def test_the_wheel_carries_the_specs(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"cnncost/specs/{path.name}" for path in (ROOT / "specs").glob("*.yaml")} <= set(names)
    assert not [name for name in names if name.startswith("tests/")]
    target = tmp_path / "installed"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(target),
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True, text=True)
    code = "import cnncost, cnncost.cli.main as m, sys; print(cnncost.__file__); sys.argv[1:] = ['table', 'vgg16']; m.main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(str(target)), done.stderr
    assert "138,357,544 params" in done.stdout


TWO_OF_A_KIND = {"Label": "plots and ops", "Shape": "importers/shapes"}
"""Words that still mean two things, and where."""


def test_one_word_means_one_thing() -> None:
    """A class or a type has a name of its own: a rule that of its operator, a reader that of its kin in the other."""
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts
        if room[:2] == ("execution", "eager"):
            continue
        place = "importers" if room[:2] in (("importers", "aten"), ("importers", "onnx")) else str(path)
        for node in ast.parse(path.read_text()).body:
            names = [node.name] if isinstance(node, ast.ClassDef) else []
            if isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            for name in names:
                if name[0].isupper() and not name.isupper():
                    found.setdefault(name, set()).add(place)
    twice = {name for name, places in found.items() if len(places) > 1 and name != "Conversion"}
    new = {name: sorted(found[name]) for name in twice - set(TWO_OF_A_KIND)}
    assert new == {}, "find another word for one of the two"
