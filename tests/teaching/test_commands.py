"""cnncost exercise and cnncost grade, as processes."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cnncost", *arguments], capture_output=True, text=True, timeout=300, cwd=cwd
    )


def test_from_a_sheet_to_marks(tmp_path: Path) -> None:
    asked = ("exercise", "vgg16", "--seed", "7", "--questions", "shape,params", "--blanks", "6")
    for suffix in ("md", "tex", "html", "ipynb", "xml", "json"):
        done = run(*asked, "-o", f"sheet.{suffix}", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), suffix
    key = json.loads((tmp_path / "sheet.json").read_text())["sheets"][0]
    lines = ["student,question,answer"]
    for blank in key["blanks"]:
        lines += [f"ann,{blank['number']},{'x'.join(map(str, blank['answer']))}"]
        lines += [f"bob,{blank['number']},1"]
    (tmp_path / "answers.csv").write_text("\n".join(lines))
    done = run("grade", "answers.csv", "--sheet", "sheet.json", "--format", "json", cwd=tmp_path)
    marks = json.loads(done.stdout)["students"]
    assert [(one["student"], one["points"], one["of"]) for one in marks] == [("ann", 6, 6), ("bob", 0, 6)]
    done = run("grade", "answers.csv", "--sheet", "sheet.json", "-o", "marks.csv", cwd=tmp_path)
    with (tmp_path / "marks.csv").open() as file:
        assert list(csv.reader(file))[:3] == [
            ["student", "sheet", "points", "of"], ["ann", "vgg16-7", "6", "6"], ["bob", "vgg16-7", "0", "6"],
        ]  # fmt: skip


def test_many_students_have_a_file_each(tmp_path: Path) -> None:
    done = run("exercise", "--random", "--students", "5", "-o", "sheet.md", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    texts = [(tmp_path / f"sheet-{student}.md").read_text() for student in range(1, 6)]
    assert len(set(texts)) == 5


@pytest.mark.parametrize("arguments, message", [
    (("exercise",), "error: exercise takes networks or --random, one of them\n"
     "  for example: cnncost exercise alexnet, or cnncost exercise --random\n"),
    (("exercise", "alexnet", "--random"), "error: exercise takes networks or --random, one of them\n"
     "  for example: cnncost exercise alexnet, or cnncost exercise --random\n"),
    (("exercise", "--random", "--students", "2"), "error: 2 sheets need a file each\n"
     "  -o sheet.md writes sheet-1.md, sheet-2.md, ...\n"),
    (("exercise", "alexnet", "--blanks", "0"), "error: --blanks is at least 1, not 0\n"),
    (("exercise", "alexnet", "--seed", "-1"), "error: --seed is at least 0, not -1\n"),
    (("exercise", "resnet152"), "error: resnet152 has 209 lines, and a sheet shows 100 at most\n"
     "  --by block or --by stage, or a part of it: --only conv1,layer1\n"),
])  # fmt: skip
def test_what_cannot_be_asked(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


def test_a_foreign_word_is_text_on_a_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from cnncost.cli.exercise import _put

    _put(None, "# conv\x1b[31m\n| a | b |\n")
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and shown.startswith("# conv") and shown.endswith("\n| a | b |\n")
    answers = tmp_path / "answers.csv"
    answers.write_text("student,question,answer\n=1+1\x1b[31m,1,1\n")
    assert run("exercise", "alexnet", "-o", "sheet.json", cwd=tmp_path).returncode == 0
    for format in ("text", "csv", "markdown"):
        done = run("grade", "answers.csv", "--sheet", "sheet.json", "--format", format, cwd=tmp_path)
        assert done.returncode == 0 and "\x1b" not in done.stdout, format
        assert format != "csv" or "\n=1+1" not in done.stdout  # no formula in a spreadsheet
