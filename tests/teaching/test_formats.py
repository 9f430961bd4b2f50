"""Sheets in every format: whole, with and without solutions, hostile names as text."""

from __future__ import annotations

import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

import cnncost
from cnncost.request import Run
from cnncost.teaching.choosing import Wanted, sheets
from cnncost.teaching.formats import FORMATS, rendering
from cnncost.teaching.questions import KINDS
from cnncost.teaching.sheet import ExerciseSheet
from cnncost.teaching.solving import answer

RENDERED = [kind for kind in FORMATS if kind != "json"]


def one(name: str = "alexnet", blanks: int = 20) -> ExerciseSheet:
    (found,) = sheets([cnncost.load(name)], Run(), Wanted(tuple(KINDS), blanks))
    return found


@pytest.mark.parametrize("kind", RENDERED)
def test_every_question_stands_there_and_answers_only_where_wanted(kind: str) -> None:
    found = one()
    without, solved = (rendering(kind)(found, wanted) for wanted in (False, True))
    for blank in found.blanks:
        assert f"({blank.number})" in without, blank.number
    if kind != "moodle":  # which marks by itself
        assert (len(solved) > len(without) and "Solution" in solved) or kind == "notebook"
        assert "884,992" not in without.replace("{,}", ",")
    assert found.name in without.replace("\\_", "_")


def test_the_quiz_is_xml_that_moodle_reads() -> None:
    found = one()
    quiz = ElementTree.fromstring(rendering("moodle")(found, True))
    questions = quiz.findall("question")
    assert [q.get("type") for q in questions[:2]] == ["category", "description"]
    assert len(questions) == 2 + len(found.blanks)
    for question, blank in zip(questions[2:], found.blanks, strict=True):
        assert question.get("type") in ("numerical", "shortanswer")
        right = [text.text for text in question.findall("answer/text")]
        values = [str(int(part.term.value)) for part in blank.question.parts]
        assert right[0] in (answer(blank), values[0] if values else "")


def test_the_notebook_is_one() -> None:
    notebook = json.loads(rendering("notebook")(one(), True))
    assert notebook["nbformat"] == 4
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(ids) == len(set(ids))
    graded = [cell["metadata"]["nbgrader"] for cell in notebook["cells"] if "nbgrader" in cell["metadata"]]
    assert sum(cell.get("points", 0) for cell in graded) == 20
    assert all(
        {"grade", "grade_id", "locked", "solution", "schema_version", "task"} <= set(cell) for cell in graded
    )


class Open(HTMLParser):
    """Counts what is opened and closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed() -> None:
    parser = Open()
    parser.feed(rendering("html")(one("googlenet"), True))
    assert not parser.open


HOSTILE = "a_b<script>&%$#{}|`*"


@pytest.mark.parametrize("kind", RENDERED)
def test_a_hostile_name_is_text(kind: str) -> None:
    found = one()
    hostile = ExerciseSheet(HOSTILE, None, found.convention, found.blanks, found.networks)
    text = rendering(kind)(hostile, True)
    assert "<script>" not in text or kind in ("latex", "notebook")
    if kind == "latex":
        assert "a\\_b" in text and "\\%\\$\\#\\{\\}" in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not there")
@pytest.mark.parametrize("name", ["alexnet", "googlenet"])
def test_latex_sets_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "sheet.tex").write_text(rendering("latex")(one(name), True))
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "sheet.tex"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
