"""What a check says as JSON, JUnit, Markdown, CSV and LaTeX, and to GitHub."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from regress.conftest import Run
from regress.specs import SMALL_MACS, SMALL_PARAMS, budget, change


def test_json(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small")
    change(project, "classes: 10", "classes: 11")
    done = run("check", "--format", "json")
    document = json.loads(done.out)
    assert (done.code, document["schema_version"], document["check"]["ok"]) == (1, 1, False)
    (model,) = document["check"]["models"]
    assert model["locked"]["params"] == SMALL_PARAMS
    assert model["changes"][0] == {
        "quantity": "params",
        "old": SMALL_PARAMS,
        "new": SMALL_PARAMS + 513,
        "difference": 513,
    }
    (node,) = model["nodes"]
    assert (node["change"], node["old"]["params"], node["new"]["params"]) == ("changed", 5130, 5643)
    assert node["new"]["place"] == {"file": "net.yaml", "line": 17, "column": 6}
    assert [finding["kind"] for finding in model["findings"]] == ["lock", "lock", "lock", "lock", "node"]


def test_limits_in_json(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small")
    budget(project, '[budgets."net.yaml:small"]\nmax_params = "6.5k"\nmax_macs = "1.5%"\n')
    document = json.loads(run("check", "--format", "json").out)
    params, macs = document["check"]["models"][0]["limits"]
    assert params == {
        "budget": "net.yaml:small",
        "limit": "max_params",
        "written": "6.5k",
        "allowed": 6500,
        "now": SMALL_PARAMS,
        "holds": False,
    }
    assert (macs["allowed"], macs["now"], macs["holds"]) == (SMALL_MACS * 1.015, SMALL_MACS, True)
    assert isinstance(params["allowed"], int)
    assert isinstance(params["now"], int)


def test_github(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("lock", "net.yaml:small")
    change(project, "classes: 10", "classes: 11")
    summary = project / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.parent))
    done = run("check", "--format", "github")
    place = f"file={project.name}/net.yaml,line=5,col=3"
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == [
        f"::error title=cnncost%3A net.yaml%3Asmall,{place}::net.yaml:small:"
        f" params was {SMALL_PARAMS:,} and is {SMALL_PARAMS + 513:,} (+513)"
        f"%0Amacs was {SMALL_MACS:,} and is {SMALL_MACS + 512:,} (+512)"
        "%0Aflops was 730,634 and is 731,659 (+1,025)"
        "%0Aactivation_bytes was 51,240 and is 51,244 (+4)",
        f"::error title=cnncost%3A net.yaml%3Asmall,file={project.name}/net.yaml,line=17,col=6::net.yaml:small:"
        " fc changed: linear(out=11) 512 -> 11",
        "1 model, 0 as in cnncost.lock (convention cnncost)",
    ]  # fmt: skip
    written = summary.read_text()
    assert written.startswith(
        "before\n### Counts that are not as locked\n\n| model | quantity | locked | now |"
    )
    assert "| net.yaml:small | changed | fc | linear(out=11) 512 -> 11 | +513 | +512 | +4 |" in written
    assert written.endswith("1 model, 0 as in cnncost.lock (convention cnncost)\n")


def test_nodes_of_one_line_are_one_annotation(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small")
    change(project, "kernel: 3, pad: 1", "kernel: 1")
    out = run("check", "--format", "github").out
    assert out.count("\n::error ") + out.startswith("::error ") == 2  # the counts, the nodes
    assert (
        "line=9,col=8::net.yaml:small: unit1.conv changed: conv(out=8, bias=false) 3x16x16 -> 8x16x16" in out
    )
    assert " (and 2 more nodes from here)\n" in out


def test_github_of_what_is_installed_names_no_file(run: Run) -> None:
    run("lock", "lenet5")
    lock = Path("cnncost.lock")
    lock.write_text(lock.read_text().replace("\nparams ", "\nparams 1", 1))
    out = run("check", "--format", "github").out
    assert out.startswith("::error title=cnncost%3A lenet5::lenet5: params was ")


def test_github_escapes(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small")
    change(project, "input: [3, 16, 16]", "input: 100%")
    line = run("check", "--format", "github").out.splitlines()[0]
    assert line.startswith(
        "::error title=cnncost%3A net.yaml%3Asmall,file=net.yaml,line=2,col=8::net.yaml:small: net.yaml:2:8: "
    )
    assert "%0A    input: 100%25%0A" in line


def test_summary_that_cannot_be_written(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("lock", "net.yaml:small")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project))
    done = run("check", "--format", "github")
    assert done.err == f"error: $GITHUB_STEP_SUMMARY: {project} cannot be written: Is a directory\n"


def test_junit(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small", "net.yaml:large", "resnet18")
    change(project, "  large: {width: 16}\n", "")
    change(project, "classes: 10", "classes: 11")
    budget(project, '[budgets."resnet18"]\nmax_params = "1M"\n')
    done = run("check", "-o", "report.xml")
    assert (done.code, done.out) == (2, "")
    root = ElementTree.parse(project / "report.xml").getroot()
    (suite,) = root
    assert suite.attrib == {"name": "cnncost", "tests": "9", "failures": "3", "errors": "1"}
    cases = {(case.get("classname"), case.get("name")): [part.tag for part in case] for case in suite}
    assert cases == {
        ("net.yaml:large", "can be counted"): ["error"],
        ("net.yaml:small", "can be counted"): [],
        ("net.yaml:small", "counts as in the lock"): ["failure"],
        ("net.yaml:small", "nodes as in the lock"): ["failure"],
        ("resnet18", "can be counted"): [],
        ("resnet18", "counts as in the lock"): [],
        ("resnet18", "nodes as in the lock"): [],
        ("resnet18", "within the budget"): ["failure"],
        ("resnet18", "published figures agree"): [],
    }
    (failure,) = [part for case in suite for part in case if case.get("classname") == "resnet18"]
    assert failure.get("message") == "params is 11,689,512, over max_params = 1,000,000"


def test_markdown_to_a_file(run: Run, project: Path) -> None:
    run("lock", "lenet5")
    assert run("check", "-o", "check.md").code == 0
    assert (project / "check.md").read_text() == "1 model, 1 as in cnncost.lock (convention cnncost)\n"


def test_unknown_format(run: Run) -> None:
    run("lock", "lenet5")
    assert run("check", "--format", "junt").err == (
        "error: unknown format 'junt': did you mean 'junit'?\n  formats: text, markdown, csv, latex, json, github, junit\n"
    )
    assert run("check", "-o", "x.pdf").err == (
        "error: x.pdf: no format has the suffix '.pdf'\n  pictures: cnncost plot, cnncost draw\n"
        "  suffixes: .txt (text), .md (markdown), .csv (csv), .tex (latex), .json (json), .xml (junit); or pass --format\n"
    )


def test_as_csv_and_as_latex(run: Run, tmp_path: Path) -> None:
    """Only what does not hold has a row: the columns of counts and of budgets in one CSV, a table each in LaTeX."""
    (tmp_path / "cnncost.toml").write_text('models = ["lenet5"]\n[budgets.lenet5]\nmax_params = "1k"\n')
    rows = list(csv.DictReader(run("check", "--format", "csv").out.splitlines()))
    assert [(row["model"], row["limit"], row["now"]) for row in rows] == [
        ("lenet5", "max_params = 1k", "61706")
    ]
    tex = run("check", "--format", "latex", "--label", "tab:budget").out
    assert "\\label{tab:budget}" in tex and "max\\_params = 1k" in tex
