"""A sheet as a Jupyter notebook with the cells that nbgrader knows.

Students get a cell per question to write into. With solutions it is the instructor's version: right answers
between nbgrader's marks, and hidden tests that mark as `cnncost grade` does, but for errors that carry on.
"""

from __future__ import annotations

import json
from typing import Any

from cnncost.teaching.formats.markdown import render as markdown
from cnncost.teaching.formats.pages import page
from cnncost.teaching.sheet import Blank, ExerciseSheet, to_dict_of
from cnncost.teaching.solving import answer


def render(sheet: ExerciseSheet, solved: bool) -> str:
    """The notebook (nbformat 4)."""
    on = page(sheet, False)
    whole = markdown(sheet, False)
    text = whole.partition("\n## Questions")[0]
    asked = dict(on.questions)
    cells = [_cell("markdown", "head", text)]
    for blank in sheet.blanks:
        what = asked.get(blank.number, blank.question.what)
        cells.append(_cell("markdown", f"question-{blank.number}", f"**({blank.number})** {what}"))
        cells += _answered(blank, sheet) if solved else [_blank(blank)]
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "cnncost_sheet": sheet.name,
        },
        "cells": cells,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _cell(kind: str, name: str, source: str, **nbgrader: Any) -> dict[str, Any]:
    lines = source.splitlines(keepends=True)
    metadata: dict[str, Any] = {}
    if nbgrader:
        metadata["nbgrader"] = {"schema_version": 3, "grade_id": name, "task": False, **nbgrader}
    cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": metadata, "source": lines}
    return cell if kind == "markdown" else cell | {"execution_count": None, "outputs": []}


def _blank(blank: Blank) -> dict[str, Any]:
    source = f"answer_{blank.number} = ..."
    return _cell("code", f"answer-{blank.number}", source, grade=False, solution=True, locked=False)


def _answered(blank: Blank, sheet: ExerciseSheet) -> list[dict[str, Any]]:
    number = blank.number
    solution = f"### BEGIN SOLUTION\nanswer_{number} = {answer(blank)!r}\n### END SOLUTION"
    key = json.dumps(to_dict_of(blank))
    test = (
        "### BEGIN HIDDEN TESTS\n"
        "import json\n"
        "from cnncost.teaching.grade import is_right\n"
        f"assert is_right(json.loads({key!r}), {sheet.convention!r}, str(answer_{number}))\n"
        "### END HIDDEN TESTS"
    )
    return [
        _cell("code", f"answer-{number}", solution, grade=False, solution=True, locked=False),
        _cell("code", f"test-{number}", test, grade=True, solution=False, locked=True, points=1),
    ]
