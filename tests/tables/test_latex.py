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
def test_it_compiles(tmp_path: Path) -> None:
    table = latex.render(layer_grid(cnncost.analyze(cnncost.load("vgg16"), by="stage")))
    document = (
        "\\documentclass{article}\\usepackage{booktabs,siunitx}\\begin{document}\n"
        + table
        + "\\end{document}\n"
    )
    (tmp_path / "table.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
