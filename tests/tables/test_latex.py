"""LaTeX: nothing in a name can break it, and a TeX, if there is one, compiles it."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

import cnncost
from cnncost.analysis.conventions import convention
from cnncost.analysis.explain import biggest, by_kin, explain
from cnncost.analysis.reconcile import reconcile
from cnncost.cli.main import COMMANDS as NAMES
from cnncost.cli.main import app
from cnncost.errors import CheckFailed, UsageError
from cnncost.execution.memory import timeline
from cnncost.execution.plan import plan
from cnncost.execution.training import training_memory
from cnncost.tables import latex, working
from cnncost.tables.compare import Compared, compare_grid
from cnncost.tables.layers import layer_grid
from cnncost.tables.mathematics import mathematics
from cnncost.tables.memory import timeline_grid, training_grid
from cnncost.tables.output import rendered
from cnncost.tables.paper import WIDTHS, Paper, chosen
from cnncost.tables.reconcile import reconcile_grid
from cnncost.tables.zoo import zoo_grid, zoo_models


@given(st.text(max_size=30))
def test_no_special_character_survives(text: str) -> None:
    escaped = latex.escape(text)
    for command in ("textbackslash{}", "textasciitilde{}", "textasciicircum{}", "textmu{}", "$\\times$"):
        escaped = escaped.replace(command, "")
    bare = [c for i, c in enumerate(escaped) if c in "&%$#_{}~^" and (i == 0 or escaped[i - 1] != "\\")]
    assert bare == []


@pytest.mark.parametrize(
    ("working", "tex"),
    [
        ("C_out * H' = 64 * 56 = 3,584 bytes (3.50 KiB)", "$C_{\\mathrm{out}} \\cdot H' = 64 \\cdot 56 = 3{,}584\\ \\text{bytes}$ (3.50 KiB)"),
        ("floor((H - K + 2P) / S) + 1", "$\\lfloor (H - K + 2P) / S\\rfloor + 1$"),
        ("2 MACs + bias additions = 8", "$2\\ \\text{MACs} + \\text{bias additions} = 8$"),
        ("4,089 + 22 (2 per BN_element & more)", "$4{,}089 + 22$ (2 per BN\\_element \\& more)"),
    ],
)  # fmt: skip
def test_workings_are_mathematics(working: str, tex: str) -> None:
    assert mathematics(working) == tex


@given(st.text(max_size=30))
def test_no_working_breaks_the_mathematics(text: str) -> None:
    tex = mathematics(text)
    assert len(re.findall(r"(?<!\\)\$", tex)) % 2 == 0
    assert not re.search(r"(?<!\\)[&#%]", tex)


def test_caption_and_label_are_as_given() -> None:
    grid = layer_grid(cnncost.analyze(cnncost.load("lenet5")))
    paper = Paper(caption="Cost of LeNet-5 at 1x32x32.", label="tab:alex")
    tex = rendered([grid, grid], None, "latex", paper)
    assert "\\caption{Cost of LeNet-5 at 1$\\times$32$\\times$32.}\n\\label{tab:alex}\n" in tex
    assert "\\label{tab:alex-2}" in tex
    assert "\\label{tab:lenet5}" in latex.render(grid)


def test_a_column_and_a_page() -> None:
    grid = layer_grid(cnncost.analyze(cnncost.load("alexnet")))
    column, page = (latex.render(grid, Paper(width=width)) for width in ("column", "page"))
    assert "% left out to fit a column: padding, stride, kernel, jump" not in column
    assert "% left out to fit a column: padding, stride, kernel, input" in column
    assert "\\begin{table}\n" in column and "\\begin{table*}\n" in page and "left out" not in page
    assert "$64\\times56\\times56$" not in column and "64$\\times$56$\\times$56" in column
    with pytest.raises(UsageError) as error:
        latex.render(grid, Paper(width="colunm"))
    assert str(error.value) == "unknown width 'colunm': did you mean 'column'?\n  widths: line, column, page"


def test_chosen_columns() -> None:
    grid = reconcile_grid(GRAPH, reconcile(GRAPH), 1)
    csv = rendered(chosen([grid], ["convention", "total"]), None, "csv")
    assert csv.splitlines()[:2] == ["convention,total", "cnncost,15470264320"]
    with pytest.raises(UsageError) as error:
        chosen([grid], ["totals"])
    assert str(error.value) == (
        "unknown column 'totals': did you mean 'total'?\n  columns: convention, counts, total, params, terms"
    )


GRAPH = cnncost.load("vgg16")
REPORT = cnncost.analyze(GRAPH, by="op")
GRIDS = {
    "stages": layer_grid(cnncost.analyze(GRAPH, by="stage")),
    "layers": layer_grid(cnncost.analyze(cnncost.load("resnet50"), by="layer")),
    "comparison": compare_grid([Compared(REPORT, None), Compared(REPORT, None)], optimizer="sgd"),
    "conventions": reconcile_grid(GRAPH, reconcile(GRAPH), 1),
    "working": working.layer_grids(
        "vgg16", explain(GRAPH, "conv1_1", rules=convention("cnncost")), convention("cnncost")
    )[0],
    "kinds": working.model_grid(REPORT, by_kin(GRAPH, REPORT), biggest(REPORT)),
    "zoo": zoo_grid(zoo_models()[:20]),
    "memory": timeline_grid(GRAPH, 1, 0, timeline(plan(GRAPH))),
    "training": training_grid(GRAPH, 1, "sgd", training_memory(GRAPH)),
}
"""Tables of functions, some of them long."""


COMMANDS = {
    "table": "table vgg16 --by layer",
    "compare": "compare vgg16 resnet50 alexnet",
    "reconcile": "reconcile resnet50",
    "explain": "explain vgg16 conv1_1",
    "check": "check lenet5 alexnet --budget cnncost.toml",
    "diff": "diff resnet18 resnet34",
    "audit": "audit --deck iitkgp --verdict erratum",
    "memory": "memory lenet5 --runtime tflm --dtype int8",
    "memory --plan": "memory lenet5 --train --fits 1MiB --plan",
    "verify": "verify lenet5",
    "measure": "measure lenet5 --time-limit 0.2",
    "predict": "predict resnet18 lenet5 --on t4 --by stage --watts 70 --price 1",
    "train": "train resnet18 lenet5 --on rtx-3090 --images 50k --epochs 3 --batch 64 --watts 300 --price 1",
    "list": "list --family resnet",
    "pick": "pick --max-params 5M --min-top1 70",
    "search": "search lenet5 --vary classes=2..10 --maximize params",
    "grade": "grade answers.csv --sheet sheet.json --comments",
}
"""A call of every command that prints tables, where it needs them with the files of `folder`."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tables")
    (made / "cnncost.toml").write_text('[budgets.alexnet]\nmax_params = "1M"\nmax_macs = "1 M"\n')
    sheet = made / "sheet.json"
    app(["exercise", "lenet5", "--seed", "1", "-o", str(sheet)], standalone_mode=False)
    (made / "answers.csv").write_text("student,question,answer\nann & bob,1,3\n")
    return made


def printed(call: str, width: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command writes as LaTeX."""
    with contextlib.suppress(CheckFailed):
        app([*call.split(), "--format", "latex", "--width", width, "--label", "tab:x"], standalone_mode=False)
    return capsys.readouterr().out


def test_every_command_with_tables_writes_latex() -> None:
    """A command that has --format has latex, and what a paper asks of it; exercise sets whole sheets."""
    group = typer.main.get_command(app)
    context = group.make_context("cnncost", ["--help"], resilient_parsing=True)
    formats = {}
    for name in NAMES:
        found = {option: each for each in group.get_command(context, name).params for option in each.opts}  # type: ignore[attr-defined]
        if "--format" in found:
            formats[name] = found
    assert set(formats) == {name.split()[0] for name in COMMANDS} | {"exercise"}
    for name, options in formats.items():
        assert "latex" in options["--format"].help, name
        if name != "exercise":
            assert {"--columns", "--caption", "--label", "--width"} <= set(options), name


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on this machine")
@pytest.mark.parametrize("width", WIDTHS)
def test_they_compile_and_fit(
    width: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All tables, of the commands and of long ones cut to a page, in a column or a page of an article."""
    monkeypatch.chdir(folder)
    columns = "" if width == "line" else "[twocolumn]"
    tables = [latex.render(replace(grid, rows=grid.rows[:30]), Paper(width=width)) for grid in GRIDS.values()]
    for name, call in COMMANDS.items():
        tex = printed(call, width, capsys)
        assert "\\begin{table" in tex, name
        assert tex.count("\\label{tab:x") >= 1, name
        tables.append(tex)
    document = (
        f"\\documentclass{columns}{{article}}\\usepackage[margin=0.75in]{{geometry}}"
        "\\usepackage[T1]{fontenc}\\usepackage{booktabs,graphicx,siunitx,amsmath}\\begin{document}\n"
        + "\n\\clearpage\n".join(tables)
        + "\\end{document}\n"
    )
    (tmp_path / "table.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout and "Missing character" not in done.stdout
