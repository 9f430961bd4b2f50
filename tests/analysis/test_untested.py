"""A total with an operator that nobody has run a program on says so, wherever it is shown."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cnncost
from cnncost.analysis import analyze, rivals
from cnncost.analysis.conventions import CONVENTIONS
from cnncost.analysis.reconcile import reconcile
from cnncost.html.content import model_content
from cnncost.report import Report

NOTE = "Untested: what thop makes of relu; its totals of alexnet may differ."
Run = Callable[..., str]


@pytest.fixture(autouse=True)
def untested(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nobody had run thop on a ReLU."""
    rules = CONVENTIONS["thop"].rules
    assert isinstance(rules, dict)
    monkeypatch.delitem(rules, "relu")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """What the program prints, in this process."""
    from cnncost.cli.main import main

    def program(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["cnncost", *arguments])
        try:
            main()
        except SystemExit as ended:
            assert not ended.code
        return capsys.readouterr().out

    return program


def test_a_table(run: Run) -> None:
    shown = run("table", "alexnet", "--convention", "thop")
    lines = {line.split()[0]: line for line in shown.splitlines() if line}
    assert "≈" in lines["total"] and lines["total"].startswith("total (untested)")
    assert "≈" in lines["conv1"] and lines["conv1"].rstrip().endswith("relu")
    assert "≈" not in lines["pool1"]
    assert NOTE in " ".join(shown.split())
    assert "≈" not in run("table", "alexnet", "--convention", "torch")


def test_csv_has_a_column(run: Run) -> None:
    first, *_ = run("table", "alexnet", "--convention", "thop", "--by", "op", "--format", "csv").splitlines()
    assert first.endswith(",untested")


def test_reconcile(run: Run) -> None:
    shown = run("reconcile", "alexnet", "-c", "thop", "-c", "torch", "--format", "markdown")
    (row,) = [line for line in shown.splitlines() if line.startswith("| thop")]
    assert "≈ " in row and row.endswith("+ ? (relu untested) |")
    assert NOTE in shown
    (row,) = [line for line in shown.splitlines() if line.startswith("| torch")]
    assert "≈" not in row


def test_compare(run: Run) -> None:
    shown = run("compare", "alexnet", "unet", "--convention", "thop", "--format", "markdown")
    assert "| alexnet (untested) |" in shown and NOTE in shown


def test_json(run: Run) -> None:
    (model,) = json.loads(run("table", "alexnet", "--convention", "thop", "--format", "json"))["models"]
    assert model["untested"] == ["relu"]
    assert {tuple(row.get("untested", ())) for row in model["rows"]} == {("relu",), ()}
    assert Report.from_dict(model).to_dict() == model
    (model,) = json.loads(run("reconcile", "alexnet", "--format", "json"))["models"]
    marked = {entry["name"]: entry["untested"] for entry in model["conventions"] if "untested" in entry}
    assert marked == {"thop": ["relu"]}


def test_a_page() -> None:
    content = model_content(cnncost.load("alexnet"))
    assert content["note"] == NOTE
    assert content["counts"]["op"]["thop"]["texts"][-1][1].startswith("≈ ")
    assert not content["counts"]["op"]["torch"]["texts"][-1][1].startswith("≈ ")


def test_a_working(run: Run) -> None:
    assert "thop: MACs (untested)" in run("explain", "alexnet", "relu1", "--convention", "thop")
    assert NOTE in " ".join(run("explain", "alexnet", "--convention", "thop").split())


def test_a_difference_and_a_lock(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert NOTE in " ".join(run("diff", "alexnet", "unet", "--convention", "thop").split())
    monkeypatch.chdir(tmp_path)
    run("lock", "alexnet", "--convention", "thop")
    assert NOTE in " ".join(run("check", "--convention", "thop").split())


def test_pictures(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for kind in ("layers", "shares"):
        run("plot", kind, "alexnet", "--convention", "thop", "-o", str(tmp_path / "plot.svg"))
        assert "≈" in (tmp_path / "plot.svg").read_text(), kind


def test_our_own_and_the_lectures_conventions_cover_every_operator() -> None:
    """Theirs are statements, not programs: what they do not name they do not count."""
    programs = {name for name, rules in CONVENTIONS.items() if rules.program}
    assert programs == set(rivals.PROGRAMS)


def test_what_is_tested_is_not_marked() -> None:
    rows = reconcile(cnncost.load("unet"))
    assert {row.convention.name for row in rows if row.untested} == {"thop"}
    assert analyze(cnncost.load("unet"), convention="fvcore").untested == ()


def test_what_no_program_can_be_run_on_is_untested_by_all(tmp_path: Path) -> None:
    """A custom operator has no PyTorch module, so there is nothing to run."""
    untested = {name for name, line in rivals.ANSWERS.items() if not line.rules}
    assert untested == {"custom"}
    spec = tmp_path / "own.yaml"
    spec.write_text(
        "input: [3, 8, 8]\nbody: [{custom: {what: mine, takes: [[-1, 3, 8, 8]], x: [], shape: [-1, 4, 8, 8], mac_counts: [0, 10]}}]\n"
    )
    graph = cnncost.load(str(spec))
    marked = {name for name in CONVENTIONS if analyze(graph, convention=name).untested == ("custom",)}
    assert marked == set(rivals.PROGRAMS)


def test_a_line_for_a_program_that_there_is_not() -> None:
    wrong: dict[str, Any] = {"thob": rivals.BIAS}
    with pytest.raises(TypeError) as error:
        rivals.answers(**wrong)
    assert str(error.value) == "no program is called thob"
    assert "thop" not in rivals.answers(thop=rivals.UNTESTED).rules
