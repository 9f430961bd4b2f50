"""The README is run: what it shows is what comes out, and every command in it works.

`pytest tests/test_readme.py --golden` rewrites the shown output; a person reads the difference.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
SHOWN = re.compile(r"```console\n\$ (?P<command>[^\n]*)\n(?P<output>.*?)```", re.DOTALL)
SCRIPTS = re.compile(r"```sh\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def run(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A line of the README, with our interpreter for `cnncost`."""
    script = re.sub(r"\bcnncost (?=[a-z])", f"{shlex.quote(sys.executable)} -m cnncost ", command)
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}
    return subprocess.run(
        ["bash", "-c", script], cwd=cwd, capture_output=True, text=True, env=environment, timeout=280
    )


COMMANDS = [match["command"] for match in SHOWN.finditer(README.read_text())]


@pytest.mark.parametrize("command", COMMANDS)
def test_shown_output(command: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    text = README.read_text()
    (match,) = [match for match in SHOWN.finditer(text) if match["command"] == command]
    done = run(command, ROOT)
    assert done.returncode in (0, 1, 2), done.stderr
    output = done.stdout + done.stderr
    if request.config.getoption("--golden"):
        README.write_text(text[: match.start("output")] + output + text[match.end("output") :])
    assert match["output"] == output or request.config.getoption("--golden")


LINES = [
    line
    for script in SCRIPTS.findall(README.read_text())
    for line in script.replace("\\\n", "").splitlines()
    if line.startswith("cnncost")
]


@pytest.mark.slow
@pytest.mark.parametrize("line", LINES)
def test_commands_work(line: str, tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text((ROOT / "specs" / "lenet.yaml").read_text())
    done = run(line, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_python_works(tmp_path: Path) -> None:
    for code in PYTHON.findall(README.read_text()):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr


def test_links_and_pictures_exist() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README.read_text()):
        assert (ROOT / target).exists(), target


def test_every_command_is_mentioned() -> None:
    from cnncost.cli.main import COMMANDS

    text = README.read_text()
    assert [name for name in COMMANDS if f"cnncost {name}" not in text] == []
