"""The manual's reference is made of the code, and every page and link of the site is there."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import cnncost
from cnncost.cli.main import COMMANDS
from cnncost.ops import REGISTRY

ROOT = Path(__file__).resolve().parent.parent


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_tool", ROOT / "tools" / "docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_has_everything() -> None:
    pages = dict(tool().reference())
    assert [name for name in COMMANDS if f"### cnncost {name}\n" not in pages["reference/commands.md"]] == []
    assert [name for name in REGISTRY if f"## {name}\n" not in pages["reference/operators.md"]] == []
    assert [name for name in cnncost.__all__ if f"## {name}\n" not in pages["reference/python.md"]] == []
    assert "- `to_dataframe()`: " in pages["reference/python.md"]
    assert "`max_training_bytes`" in pages["reference/files.md"]


def test_every_page_stands_in_the_contents(tmp_path: Path) -> None:
    made = tool()
    made.build(tmp_path / "docs")
    pages = {str(path.relative_to(tmp_path / "docs")) for path in (tmp_path / "docs").rglob("*.md")}
    text = (ROOT / "mkdocs.yml").read_text()
    assert pages == set(re.findall(r"[\w/]+\.md", text[text.index("nav:") :]))
    assert yaml.safe_load(text)["theme"]["font"] is False  # nothing is fetched


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="no mkdocs on this machine")
def test_the_site_builds_without_a_warning() -> None:
    done = subprocess.run([sys.executable, "tools/docs.py"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
