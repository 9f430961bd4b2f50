"""The table of docs/others.md: every line is run, and says what its tool says."""

from __future__ import annotations

import re

import others
import pytest

ROWS = others.table(others.DOCUMENT.read_text(encoding="utf-8"))


def test_every_tool_was_run() -> None:
    assert set(ROWS) == {"cnncost", *others.TOOLS}
    assert [name for name, row in ROWS.items() if "not run" in row] == []


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize("name", others.TOOLS)
def test_its_line_says_what_it_says(name: str) -> None:
    tool = others.TOOLS[name]
    if not tool.installed:
        pytest.skip(f"{name} is not installed")
    _, needs, gives, total, sees, *_ = re.split(r" *\| *", ROWS[name].strip("| "))
    found = others.answer(tool, others.RESNET)
    assert (needs, gives) == (tool.needs, tool.gives)
    assert total == ("" if found is None else f"{found:,} {tool.word}")
    assert sees == others.seen(tool)
