"""What one command writes and another reads: sheets, answers, journals of a search; and what the live page asks."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from regress.specs import NET

import cnncost
from cnncost.choosing.explore import ChunkResult, SearchQuestion, check, evaluate
from cnncost.choosing.journal import Journal
from cnncost.live import answers, server
from cnncost.live.watched import Watched
from cnncost.request import Run
from cnncost.tables.output import rendered
from cnncost.teaching import grids, reading, sheet, solving
from cnncost.teaching.choosing import Wanted, sheets
from cnncost.teaching.grade import document, grade
from cnncost.teaching.questions import KINDS
from fuzz import mutants
from fuzz.target import Target, refusable


@lru_cache(maxsize=1)
def exercise() -> tuple[str, str]:
    """A sheet with every kind of question as JSON, and the right answers as CSV."""
    (made,) = sheets([cnncost.load("lenet5")], Run(), Wanted(tuple(KINDS), 20))
    right = [f'a,{blank.number},"{solving.answer(blank).split(" (")[0]}"' for blank in made.blanks]
    return json.dumps(sheet.document([made], 1)), "student,question,answer\n" + "\n".join(right) + "\n"


def marked(folder: Path, of_sheet: str, given: str, suffix: str) -> None:
    """Answers of a file, marked: points are 0 or 1 of every blank, and the table is written in every format."""
    (folder / "sheet.json").write_bytes(of_sheet.encode("utf-8", "surrogatepass"))
    (folder / f"given.{suffix}").write_bytes(given.encode("utf-8", "surrogatepass"))
    known = sheet.read(folder / "sheet.json")
    found = [
        grade(each.sheet, each.answers, each.student)
        for each in reading.read(folder / f"given.{suffix}", known)
    ]
    for one in found:
        assert all(mark.points in (0, 1) for mark in one.marks)
    json.dumps(document(known, found))
    for format in ("text", "csv", "latex", "markdown"):
        rendered(grids.marks(found, True), None, format)


@refusable
def a_sheet(text: str, folder: Path) -> None:
    """A sheet that somebody changed, and right answers."""
    marked(folder, text, exercise()[1], "csv")


@refusable
def given_answers(text: str, folder: Path) -> None:
    """Answers as students write them, in a table or a notebook."""
    marked(folder, exercise()[0], text, "ipynb" if text.lstrip().startswith("{") else "csv")


def notebook() -> str:
    """Answers in a notebook."""
    cells = [{"cell_type": "code", "source": [f"answer_{number} = '7 k'\n"]} for number in range(1, 9)]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4})


ASKED = SearchQuestion("lenet5", ("classes=2..9", "input=28,32"), minimize=("macs",))


@lru_cache(maxsize=1)
def journal_seed() -> str:
    """The journal of a small search."""
    import tempfile

    import numpy as np

    codes = np.array([[a, b] for a in range(8) for b in range(2)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        Journal(path, ASKED, "spec", [8, 2]).keep(0, evaluate((ASKED, codes)))
        return path.read_text()


@refusable
def journal(text: str, folder: Path) -> None:
    """A journal: what is read of it is what a search keeps."""
    path = folder / "journal"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    space = check(ASKED)
    part = Journal(path, ASKED, "spec", [len(axis.values) for axis in space.axes]).part(0)
    if part is not None:
        assert isinstance(part, ChunkResult) and part.evaluated >= 0
        for codes in part.codes:
            space.setting(codes)


LIVE = (
    {"text": NET, "variant": "small", "batch": 2, "by": "block", "dtype": "float16", "convention": "fvcore"},
    {"text": NET, "input": "3x24x24", "line": 10, "mode": "train", "device": "t4", "other": "lenet5"},
    {"text": NET, "mark": "new", "line": 18, "other": "", "device": "./mine.yaml"},
)


def live(text: str, folder: Path) -> bool:
    """A question of the page, on every route: an answer that is JSON, or errors with a message."""
    path = folder / "net.yaml"
    path.write_text(NET)
    asked = json.loads(text)
    if not isinstance(asked, dict):
        return False
    watched, taken = Watched(path), False
    for route in (server.count, server.explain, lambda w, a: server.difference(w, a, ()), server.save):
        found: dict[str, Any] = answers.answered(lambda route=route: route(watched, asked))  # type: ignore[misc]
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
        assert all(error["message"] for error in found["errors"])
        taken |= not found["errors"]
    return taken


TARGETS = {
    "sheet": Target(lambda: exercise()[:1], (*mutants.TEXT, mutants.tree, mutants.tree), a_sheet),
    "answers": Target(lambda: (exercise()[1], notebook()), mutants.TEXT, given_answers),
    "journal": Target(lambda: (journal_seed(),), mutants.TEXT, journal),
    "live": Target(lambda: tuple(map(json.dumps, LIVE)), (mutants.tree, mutants.inner), live),
}
