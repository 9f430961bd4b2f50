"""What the documents say is run: README's commands, CONTRIBUTING's examples."""

from __future__ import annotations

import re
from pathlib import Path

import cnncost
from cnncost.report import Report
from cnncost.tables.grid import Cell, Column, Grid, text
from cnncost.tables.output import rendered

ROOT = Path(__file__).resolve().parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def block(language: str, containing: str) -> str:
    """The code block of a language that contains a word."""
    blocks = re.findall(rf"```{language}\n(.*?)```", CONTRIBUTING, re.DOTALL)
    (found,) = [code for code in blocks if containing in code]
    return str(found)


def test_the_example_architecture(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(block("yaml", "family: tiny"))
    graph = cnncost.load(f"{path}:tiny_32")
    assert graph.nodes[1].name == "stem.conv"
    # By hand: 3x3x3x32, 3x3x32x64, 3x3x64x64 weights, 2 per BN channel, 64x10 + 10.
    assert cnncost.analyze(graph).totals.params == 864 + 18_432 + 36_864 + 2 * (32 + 64 + 64) + 650


def test_the_example_table() -> None:
    scope = {"Grid": Grid, "Cell": Cell, "Column": Column, "text": text, "Report": Report}
    exec("from __future__ import annotations\n" + block("python", "def widths"), scope)
    grid = scope["widths"](cnncost.analyze(cnncost.load("lenet5")))  # type: ignore[operator]
    assert rendered([grid], None, "csv").splitlines()[:2] == ["name,channels", "C1,6"]
