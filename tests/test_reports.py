"""The text reports that are committed are what the commands print today."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reports_tool", ROOT / "tools" / "reports.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_reports_are_current() -> None:
    stale = [
        path for path, content in generator().texts() if (ROOT / "reports" / path).read_text() != content
    ]
    assert stale == [], "run `make reports`"


def test_pictures_and_pages_are_there() -> None:
    tool = generator()
    missing = [path for path in {**tool.PICTURES, **tool.PAGES} if not (ROOT / "reports" / path).is_file()]
    assert missing == [], "run `make reports`"


def test_every_text_report_names_its_command() -> None:
    for path in (ROOT / "reports").rglob("*.md"):
        assert path.read_text().startswith("<!-- cnncost "), path.name
