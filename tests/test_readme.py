"""README and manual are run as a reader would run them: in order, in a scratch folder, page by page.

A block of YAML, TOML or Python whose first line is `# name.yaml` is saved under that name; every line of a
block of sh that begins with `cnncost`, or with `printf` to write a file for it, is run; Python blocks without
a name are run. Blocks of console show a command and its output, to the letter: `pytest tests/test_readme.py
--golden` rewrites these in README; a person reads the difference.
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
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
SHOWN = re.compile(r"```console\n\$ (?P<command>[^\n]*)\n(?P<output>.*?)```", re.DOTALL)
BLOCK = re.compile(r"```(?P<language>sh|yaml|toml|python)\n(?P<text>.*?)```", re.DOTALL)
NAMED = re.compile(r"# (\S+\.(?:yaml|toml|py))\n")


def run(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A line of a page, with our interpreter for `cnncost`."""
    script = re.sub(r"\bcnncost (?=[a-z])", f"{shlex.quote(sys.executable)} -m cnncost ", command)
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}
    return subprocess.run(
        ["bash", "-c", script], cwd=cwd, capture_output=True, text=True, env=environment, timeout=300
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


def commands(block: str) -> list[str]:
    """The lines of a block of sh that are run."""
    return [line for line in block.replace("\\\n", "").splitlines() if line.startswith(("cnncost", "printf"))]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_runs_in_order(page: Path, tmp_path: Path) -> None:
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        named = NAMED.match(block["text"])
        if named:
            (tmp_path / named[1]).write_text(block["text"])
        elif block["language"] == "sh":
            for line in commands(block["text"]):
                done = run(line, tmp_path)
                assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        elif block["language"] == "python":
            done = subprocess.run(
                [sys.executable, "-c", block["text"]],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert done.returncode == 0, done.stderr


def test_links_and_pictures_exist() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            made = page.parent.name == "docs" and target.startswith("reference/")
            assert made or (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_command_is_mentioned() -> None:
    from cnncost.cli.main import COMMANDS

    text = README.read_text()
    assert [name for name in COMMANDS if f"cnncost {name}" not in text] == []


def test_the_readme_is_short() -> None:
    first, _, tour = README.read_text().partition("## The tour")
    assert len(tour.splitlines()) <= 200
    assert "![" in first
