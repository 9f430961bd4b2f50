"""A sheet as a quiz in Moodle's XML: the table as a description, a question for every blank."""

from __future__ import annotations

from cnncost.escape import markup
from cnncost.teaching.formats.html import table
from cnncost.teaching.formats.pages import page
from cnncost.teaching.sheet import Blank, ExerciseSheet
from cnncost.teaching.solving import Solution, answer, solutions

BYTES = {
    "bytes": 1,
    "KiB": 2**10,
    "KB": 2**10,
    "kB": 10**3,
    "MiB": 2**20,
    "MB": 10**6,
    "GiB": 2**30,
    "GB": 10**9,
}
COUNTS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
ROUNDED = 0.005
"""How far a number with a unit may be off, as a share: Moodle has one tolerance for all."""


def render(sheet: ExerciseSheet, solved: bool) -> str:
    """The quiz. Moodle marks it, so that the answers are in it; with solutions their working is, too."""
    on = page(sheet, False)
    asked = dict(on.questions)
    lead = "".join(f"<p>{markup(line)}</p>" for line in on.lead)
    tables = "".join("".join(table(grid)) for grid in on.tables)
    category = "$course$/" + sheet.name.replace("/", "//")  # a slash of a name is no step of a path
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<quiz>",
        f'<question type="category">{_text("category", category)}</question>',
        f'<question type="description">{_text("name", sheet.name)}'
        f"{_html('questiontext', lead + tables)}</question>",
    ]
    known = {found.blank.number: found for found in solutions(sheet)} if solved else {}
    for blank in sheet.blanks:
        what = asked.get(blank.number, f"({blank.number}) {blank.question.what}")
        parts.append(_question(blank, what, known.get(blank.number)))
    return "\n".join([*parts, "</quiz>"]) + "\n"


def _text(tag: str, text: str) -> str:
    return f"<{tag}><text>{markup(text)}</text></{tag}>"


def _html(tag: str, text: str) -> str:
    return f'<{tag} format="html"><text>{markup(text)}</text></{tag}>'


def _question(blank: Blank, what: str, solution: Solution | None) -> str:
    question = blank.question
    head = _text("name", f"({blank.number})") + _html("questiontext", f"<p>{markup(what)}</p>")
    head += "<defaultgrade>1</defaultgrade>"
    if solution is not None:
        head += _html("generalfeedback", "<br>".join(map(markup, solution.working)))
    if question.words or question.kind == "shape":
        right = [*question.words] or [answer(blank)]
        if question.kind == "shape":
            sizes = [int(part.term.value) for part in question.parts]
            last = "x".join(map(str, [*sizes[1:], sizes[0]]))
            right = list(dict.fromkeys([right[0], right[0].replace("x", " x "), last]))
        answers = "".join(
            f'<answer fraction="100" format="plain_text"><text>{markup(one)}</text></answer>' for one in right
        )
        return f'<question type="shortanswer">{head}<usecase>0</usecase>{answers}</question>'
    value = int(question.parts[0].term.value)
    small = value < 1000
    tolerance = 0 if small else round(value * ROUNDED)
    units = BYTES if question.unit == "B" else COUNTS if not small else {}
    kinds = "".join(
        f"<unit><multiplier>{1 / size!r}</multiplier><unit_name>{name}</unit_name></unit>"
        for name, size in units.items()
        if name
    )
    return (
        f'<question type="numerical">{head}<answer fraction="100" format="plain_text"><text>{value}</text>'
        f"<tolerance>{tolerance}</tolerance></answer>"
        f"<units>{kinds}</units><unitgradingtype>0</unitgradingtype><showunits>0</showunits></question>"
    )
