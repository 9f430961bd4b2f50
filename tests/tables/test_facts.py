"""Where a model comes from and what is published of it, as `cnncost show` prints it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cnncost import units
from cnncost.tables.facts import citation

NET = """\
input: [3, 8, 8]
params: {out: 8}
paper: {title: A Tiny Net, year: 2026}
published:
  - {params: 32, macs: 1.8e3, source: a lecture, reason: one map less}
  - {params: 0.04e3, top1_error: 20.50, protocol: 10 crops, source: a table, note: read off a plot}
  - {macs: 96, input: 2x2, source: a talk}
  - {flops: 1, source: a rumour}
body:
  - conv: {out: out}
"""
"""8 filters of 3 weights and a bias: 32 parameters; on 8x8, 1,536 MACs and, with 512 biases, 3,584 FLOPs; on 2x2, 96 MACs."""

SHOWN = """\
net  net.yaml
input  3x8x8
conv (out 8)  8x8x8  (output)

(2026). A Tiny Net

published         printed   counted   agrees          source      measured on
─────────────────────────────────────────────────────────────────────────────
params                 32        32   yes             a lecture
MACs                1.8 k     1,536   no, see below   a lecture
params             0.04 k        32   no              a table     10 crops
top-1 error (%)     20.50                             a table     10 crops
MACs                   96        96   yes             a talk      2x2
FLOPs                   1     3,584   no              a rumour

a lecture: one map less.
a table: read off a plot.
"""


def show(directory: Path, *arguments: str) -> str:
    (directory / "net.yaml").write_text(NET)
    command = [sys.executable, "-m", "cnncost", "show", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=directory)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_published_figures_stand_beside_the_counts(tmp_path: Path) -> None:
    assert show(tmp_path, "net.yaml") == SHOWN


@pytest.mark.parametrize("change", [("--set", "out=9"), ("--input", "16x16")])
def test_they_are_about_the_spec_as_it_stands(tmp_path: Path, change: tuple[str, str]) -> None:
    shown = show(tmp_path, "net.yaml", *change)
    assert shown.endswith("\n\n(2026). A Tiny Net\n")


def test_a_model_of_the_zoo(tmp_path: Path) -> None:
    """torchvision's own counts of ResNet-50, and DeepRob's slide."""
    shown = show(tmp_path, "resnet50")
    assert (
        "\nK. He, X. Zhang, S. Ren, J. Sun (2015). Deep Residual Learning for Image Recognition. CVPR 2016."
        " https://arxiv.org/abs/1512.03385\n"
    ) in shown
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert "params 25,557,032 25,557,032 yes torchvision IMAGENET1K_V1 single crop 224" in rows
    assert "MACs 4.089 G 4,089,184,256 yes torchvision IMAGENET1K_V1 single crop 224" in rows


@pytest.mark.parametrize(
    ("paper", "text"),
    [
        ({}, ""),
        ({"authors": "A. Author et al.", "year": 1998}, "A. Author et al (1998)"),
        ({"title": "A Net", "doi": "10.1/2"}, "A Net. https://doi.org/10.1/2"),
        ({"venue": "a talk", "url": "https://example.org"}, "a talk. https://example.org"),
    ],
)
def test_a_citation_is_what_the_spec_gives(paper: dict[str, object], text: str) -> None:
    assert citation(paper) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [("3.80e9", "3.80 G"), ("714e6", "714 M"), ("4.1e3", "4.1 k"), ("25557032", "25,557,032"), ("7.13", "7.13"),
     ("2e8", "2e8"), ("-3", "-3")],
)  # fmt: skip
def test_a_printed_number_keeps_its_digits(written: str, text: str) -> None:
    assert units.printed(written) == text
