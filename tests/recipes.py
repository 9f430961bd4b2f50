"""CONTRIBUTING's recipes as edits: each code block names its file in its first line, and where it goes in it.

# cnncost/ops/activation.py                              at the end (a new file, if there is none)
# cnncost/ops/__init__.py, after `activation.Softmax,`   below the first line that has this text
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
HEAD = re.compile(r"# (?P<path>[\w./-]+\.\w+)(?:, after `(?P<after>.+)`)?\n")


class Edit(NamedTuple):
    """What a recipe writes into one file."""

    path: str
    after: str | None  #: part of the line that it follows; None: the file's end
    code: str

    def apply(self, root: Path) -> None:
        """Write it into a copy of the project."""
        path = root / self.path
        text = path.read_text() if path.exists() else ""
        if self.after is None:
            path.write_text(f"{text}\n\n{self.code}" if text else self.code)
            return
        lines = text.splitlines(keepends=True)
        (place, *_) = [index for index, line in enumerate(lines, 1) if self.after in line] or [-1]
        assert place >= 0, f"{self.path} has no line with {self.after}"
        path.write_text("".join([*lines[:place], self.code, *lines[place:]]))


def recipe(heading: str) -> list[Edit]:
    """The edits of a section of CONTRIBUTING."""
    (section,) = re.findall(
        rf"^## {heading}\n(.*?)(?=^## |\Z)", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S
    )
    found = []
    for code in re.findall(r"^```\w+\n(.*?)^```", section, re.M | re.S):
        head = HEAD.match(code)
        if head:
            found.append(Edit(head["path"], head["after"], code[head.end() :]))
    assert found, f"no block of {heading!r} names its file"
    return found


def played(heading: str, root: Path) -> Path:
    """A copy of the project in which the recipe was followed; another one, if the copy is there."""
    if not root.exists():
        for name in ("cnncost", "specs", "tests", "tools"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", root)
    for edit in recipe(heading):
        edit.apply(root)
    return root
