"""LaTeX: nothing in a name can break it, and a TeX, if there is one, compiles it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnncost
from cnncost.tables import latex
from cnncost.tables.compare import Compared, compare_grid
from cnncost.tables.grid import Grid
from cnncost.tables.layers import layer_grid


@given(st.text(max_size=30))
def test_no_special_character_survives(text: str) -> None:
    escaped = latex.escape(text)
    for command in ("textbackslash{}", "textasciitilde{}", "textasciicircum{}", "textmu{}", "$\\times$"):
        escaped = escaped.replace(command, "")
    bare = [c for i, c in enumerate(escaped) if c in "&%$#_{}~^" and (i == 0 or escaped[i - 1] != "\\")]
    assert bare == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on this machine")
@pytest.mark.parametrize(
    "grid",
    [
        layer_grid(cnncost.analyze(cnncost.load("vgg16"), by="stage")),
        layer_grid(cnncost.analyze(cnncost.load("resnet50"), by="layer")),
        compare_grid(
            [Compared(cnncost.analyze(cnncost.load(name), by="op"), 1) for name in ("vgg11", "vgg16")],
            optimizer="sgd",
        ),
    ],
    ids=["stages", "layers", "comparison"],
)
def test_it_compiles_and_fits_the_line(grid: Grid, tmp_path: Path) -> None:
    document = (
        "\\documentclass{article}\\usepackage{booktabs,graphicx,siunitx}\\begin{document}\n"
        + latex.render(grid)
        + "\\end{document}\n"
    )
    (tmp_path / "table.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout and "Missing character" not in done.stdout
