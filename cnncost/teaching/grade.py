"""Marks: an answer is right, follows from an earlier one that is not, or is wrong, if so with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cnncost.analysis.conventions import convention
from cnncost.analysis.traced import Exact, Term
from cnncost.border import Fields
from cnncost.report import head
from cnncost.teaching import answers
from cnncost.teaching.formula import evaluate, reads
from cnncost.teaching.lines import AnswerPart
from cnncost.teaching.sheet import Blank, ExerciseSheet, blank_of

NO_NUMBER = "this is no number of that kind"


class Mark(NamedTuple):
    """What became of one answer."""

    number: int
    given: str
    points: int
    comment: str  #: "" for a right one


class Marked(NamedTuple):
    """A student's sheet, marked."""

    student: str
    sheet: str
    marks: tuple[Mark, ...]

    @property
    def points(self) -> int:
        """Points of all answers."""
        return sum(mark.points for mark in self.marks)


def grade(sheet: ExerciseSheet, given: Mapping[int, str], student: str) -> Marked:
    """The marks of a student's answers, by the numbers of the blanks.

    An error is charged once: what follows from a wrong answer by the right formula is right. Where it is
    wrong, the likely mistake is named if a formula for it gives the number.
    """
    wrong: dict[str, Exact] = {}  # cells as the student has them
    origin: dict[str, int] = {}  # and the blank that a cell is of
    marks = {}
    for blank in sorted(sheet.blanks, key=_order):
        answer = given.get(blank.number, "").strip()
        marks[blank.number] = _mark(blank, answer, sheet.convention, wrong, origin)
    return Marked(student, sheet.name, tuple([marks[number] for number in sorted(marks)]))


def is_right(blank: Mapping[str, Any], rules: str, answer: str) -> bool:
    """Whether an answer to a blank, as a sheet's JSON has it, is right: for tests in notebooks."""
    return bool(_mark(blank_of(Fields(blank, "blank")), answer, rules, {}, {}).points)


def _order(blank: Blank) -> tuple[int, int, int]:
    """TableLine by line, and the cells that others read first."""
    own = any(part.cell for part in blank.question.parts)
    return (blank.network, blank.question.line, not own)


def _mark(blank: Blank, answer: str, rules: str, wrong: dict[str, Exact], origin: dict[str, int]) -> Mark:
    question, number = blank.question, blank.number
    if not answer:
        return Mark(number, "", 0, "no answer")
    if question.words:
        right = answers.word(answer) in map(answers.word, question.words)
        return Mark(number, answer, int(right), "" if right else f"it is {question.words[0]}")
    if len(question.parts) > 1 or question.kind == "shape":
        return _mark_shape(blank, answer, wrong, origin)
    column = _column(question.kind, rules)
    found = answers.amount(answer, question.unit == "B", column)
    if found is None:
        return Mark(number, answer, 0, NO_NUMBER)
    (part,) = question.parts
    right_value, followed = int(part.term.value), _value(part.term, wrong)
    if found.matches(right_value):
        return Mark(number, answer, 1, "")
    if part.cell:
        wrong[part.cell], origin[part.cell] = found.value, number
    if followed != right_value and found.matches(followed):
        return Mark(number, answer, 1, _follows(question.parts, origin, number))
    if found.rough(right_value):
        return Mark(number, answer, 0, "right, but to too few digits")
    if column in (2**10, 2**20, 2**30) and _thousands(found, right_value):
        return Mark(number, answer, 0, "1000 is taken for 1024: kB for KiB")
    for mistake in question.mistakes:
        (term,) = mistake.terms
        if found.matches(int(term.value)) or found.matches(_value(term, wrong)):
            return Mark(number, answer, 0, mistake.says)
    return Mark(number, answer, 0, "wrong")


def _mark_shape(blank: Blank, answer: str, wrong: dict[str, Exact], origin: dict[str, int]) -> Mark:
    question, number = blank.question, blank.number
    given = answers.sizes(answer)
    right = tuple([int(part.term.value) for part in question.parts])
    if given is None or len(given) != len(right):
        return Mark(number, answer, 0, f"a shape of {len(right)} sizes is asked for")
    if answers.same_shape(given, right):
        return Mark(number, answer, 1, "")
    followed = tuple([_value(part.term, wrong) for part in question.parts])
    last = answers.same_shape(given, followed) or _channels_last(given, right)
    ordered = (given[-1], *given[:-1]) if last and given != followed and len(given) > 1 else given
    for part, size in zip(question.parts, ordered, strict=True):
        if part.cell and size != int(part.term.value):
            wrong[part.cell], origin[part.cell] = size, number
    if followed != right and answers.same_shape(given, followed):
        return Mark(number, answer, 1, _follows(question.parts, origin, number))
    for mistake in question.mistakes:
        plain = tuple([int(term.value) for term in mistake.terms])
        carried = tuple([_value(term, wrong) for term in mistake.terms])
        if answers.same_shape(given, plain) or answers.same_shape(given, carried):
            return Mark(number, answer, 0, mistake.says)
    differ = [at for at, (one, other) in enumerate(zip(ordered, right, strict=True)) if one != other]
    return Mark(number, answer, 0, "the channels are wrong" if differ == [0] else "wrong")


def _channels_last(given: Sequence[int], right: Sequence[int]) -> bool:
    """Whether a wrong shape has its channels last: the right ones there, others in front."""
    return len(right) > 1 and given[-1] == right[0] and given[0] != right[0]


def _value(term: Term, wrong: Mapping[str, Exact]) -> int:
    """What a formula gives with a student's own cells."""
    try:
        return int(evaluate(term, wrong))
    except ZeroDivisionError:
        return int(term.value)


def _follows(parts: Sequence[AnswerPart], origin: Mapping[str, int], number: int) -> str:
    """Where the error was made that a right working carries on."""
    cells = {cell for part in parts for cell in reads(part.term)}
    sources = sorted({origin[cell] for cell in cells if cell in origin} - {number})
    return f"follows from {', '.join(f'({source})' for source in sources)}" if sources else "follows"


def _column(kind: str, rules: str) -> int:
    """The unit that the table's column of a kind has."""
    known = convention(rules)
    units = {"memory": known.memory_unit, "params": known.params_unit, "macs": known.ops_unit}
    return int(units[kind].size) if kind in units else 1


def _thousands(found: answers.Amount, right: int) -> bool:
    """Whether a number of KiB, MiB or GiB would be right as one of kB, MB or GB."""
    decimal = {2**10: 10**3, 2**20: 10**6, 2**30: 10**9}
    other = tuple([decimal[unit] for unit in found.units if unit in decimal])
    return bool(other) and found._replace(units=other).matches(right)


def document(sheets: Sequence[ExerciseSheet], marked: Sequence[Marked]) -> dict[str, Any]:
    """The JSON document of some marked sheets."""
    return {
        **head(),
        "sheets": [sheet.name for sheet in sheets],
        "students": [
            {
                "student": one.student,
                "sheet": one.sheet,
                "points": one.points,
                "of": len(one.marks),
                "marks": [mark._asdict() for mark in one.marks],
            }
            for one in marked
        ],
    }
