"""The package as a whole: what it exports, ships, imports, and lists of itself."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import cnncost
from cnncost.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "cnncost"
ROOMS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))


def test_public_names_are_pinned() -> None:
    assert sorted(cnncost.__all__) == [
        "CheckFailed",
        "CnncostError",
        "Graph",
        "Report",
        "SpecError",
        "UnavailableError",
        "UsageError",
        "analyze",
        "build",
        "load",
    ]
    for name in cnncost.__all__:
        assert getattr(cnncost, name).__doc__, name


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


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


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
