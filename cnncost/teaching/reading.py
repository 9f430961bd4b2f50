"""Files of answers: a CSV table, long or wide, or a filled-in notebook."""

from __future__ import annotations

import ast
import csv
import re
import warnings
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from cnncost.border import file_text, parse_json, shown
from cnncost.errors import UsageError
from cnncost.language.expression import ExpressionError, compile_expression
from cnncost.teaching.sheet import ExerciseSheet

_NUMBERED = re.compile(r"(?:q|question|response|answer)?[\s_.]*(\d{1,6})\Z", re.IGNORECASE)
_ANSWER = re.compile(r"answer_(\d{1,6})")
_SOLUTION = re.compile(r"(answer_\d{1,6})\s*=\s*(.+)")


class Answered(NamedTuple):
    """A student's answers, by the numbers of the blanks."""

    student: str
    sheet: ExerciseSheet
    answers: dict[int, str]


def read(path: Path, sheets: list[ExerciseSheet]) -> list[Answered]:
    """The answers of a file, each with its sheet.

    A CSV file has a line per answer (columns question and answer) or per student (columns 1, 2, ...);
    `student` and `sheet` are columns where there are several. Raises UsageError for another file, for
    answers to another sheet, and for questions that the sheet has not.
    """
    try:
        text = file_text(path)
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text in UTF-8\n  save it as CSV (UTF-8)") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    rows = _of_a_notebook(path, text) if path.suffix == ".ipynb" else _of_a_table(path, text)
    found: dict[tuple[str, str], Answered] = {}
    for student, called, number, answer in rows:
        sheet = _sheet(path, sheets, student, called)
        known = {blank.number for blank in sheet.blanks}
        if number not in known:
            raise UsageError(
                f"{path}: there is no question {number} on sheet {sheet.name}, which has {len(known)}\n"
                "  are these the answers to another sheet or seed?"
            )
        key = (student, sheet.name)
        found.setdefault(key, Answered(student, sheet, {})).answers[number] = answer
    if not found:
        raise UsageError(f"{path} has no answers")
    return list(found.values())


def _sheet(path: Path, sheets: list[ExerciseSheet], student: str, called: str) -> ExerciseSheet:
    """The sheet that a student had: by its name, by the student's number, or the only one."""
    if called:
        for sheet in sheets:
            if sheet.name == called:
                return sheet
        names = ", ".join(sheet.name for sheet in sheets[:5]) + (", ..." if len(sheets) > 5 else "")
        raise UsageError(
            f"{path}: these are answers to sheet {called!r}, and --sheet has {names}\n"
            "  give the sheet of the same network and seed"
        )
    if len(sheets) == 1:
        return sheets[0]
    for sheet in sheets:
        if student == str(sheet.student):
            return sheet
    raise UsageError(
        f"{path}: which of {len(sheets)} sheets student {student!r} had is not said\n"
        "  a column `sheet` names it, as it is printed on the sheet"
    )


Rows = list[tuple[str, str, int, str]]  # student, sheet, question, answer


def _of_a_table(path: Path, text: str) -> Rows:
    try:
        dialect: Any = csv.Sniffer().sniff(text[:4096], delimiters=",;\t")
    except csv.Error:
        dialect = csv.excel
    table = list(csv.reader(StringIO(text), dialect))
    if not table:
        return []
    heads = [name.strip().lower() for name in table[0]]
    place = {name: at for at, name in enumerate(heads)}
    numbered = {at: int(match[1]) for at, name in enumerate(heads) if (match := _NUMBERED.match(name))}
    question = next((place[name] for name in ("question", "number", "blank") if name in place), None)
    if (question is None or "answer" not in place) and not numbered:
        raise UsageError(
            f"{path}: no answers in the columns {', '.join(table[0])}\n"
            "  columns are student, question, answer; or student, 1, 2, 3, ..."
        )

    def cell(row: list[str], name: str) -> str:
        at = place.get(name)
        return row[at].strip() if at is not None and at < len(row) else ""

    rows: Rows = []
    for line, row in enumerate(table[1:], 2):
        if not any(field.strip() for field in row):
            continue
        student, called = cell(row, "student"), cell(row, "sheet")
        if question is None or "answer" not in place:
            rows += [(student, called, number, row[at]) for at, number in numbered.items() if at < len(row)]
            continue
        asked = cell(row, heads[question])
        number = _NUMBERED.match(asked.strip("() "))
        if number is None:
            raise UsageError(f"{path}, line {line}: the question is a number, not {shown(asked)}")
        rows.append((student, called, int(number[1]), cell(row, "answer")))
    return rows


def _of_a_notebook(path: Path, text: str) -> Rows:
    """The answers that cells assign to `answer_3`; the sheet's name stands in the notebook's metadata."""
    try:
        notebook = parse_json(text)
        cells = notebook["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path} is no notebook") from None
    metadata = notebook.get("metadata")
    called = metadata.get("cnncost_sheet", "") if isinstance(metadata, dict) else ""
    rows: Rows = []
    known: dict[str, Any] = {}
    for source in sources:
        for name, answer in _assigned(source, known):
            match = _ANSWER.fullmatch(name)
            if match and answer:
                rows.append((path.stem, str(called), int(match[1]), answer))
    return rows


def _assigned(source: str, known: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The names that a cell assigns to, and what they are then; `known` are values of names so far.

    Nothing is run: literals are read, and arithmetic on numbers and known names is done.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a student's strings hold
            steps = ast.parse(source).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):  # answer_3 = 784 KB
        for match in _SOLUTION.finditer(source):
            yield match[1], match[2].partition("#")[0].strip().strip("\"'").replace("...", "")
        return
    for step in steps:
        for target in step.targets if isinstance(step, ast.Assign) else ():
            if isinstance(target, ast.Name) and isinstance(step, ast.Assign):
                known[target.id] = value = _value(step.value, known)
                yield target.id, str(value)


def _value(given: ast.expr, known: dict[str, Any]) -> Any:
    """A number or a text; of a tuple its shape, 55x55x96; of what has to be run its source."""
    if isinstance(given, ast.Constant):
        return "" if given.value is ... else given.value
    if isinstance(given, (ast.Tuple, ast.List)):
        return "x".join(str(_value(each, known)) for each in given.elts)
    try:
        source = ast.unparse(given)
        found = compile_expression(source).evaluate(known)
    except (ExpressionError, TypeError, RecursionError):
        return source
    return int(found) if isinstance(found, float) and found.is_integer() else found
