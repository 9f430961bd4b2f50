"""Sheets as data, and their JSON form, which marking reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from cnncost.analysis.traced import Term
from cnncost.border import Fields, file_text, parse_json
from cnncost.errors import UsageError
from cnncost.report import head
from cnncost.teaching.formula import from_json, to_json
from cnncost.teaching.lines import AnswerPart, Lines
from cnncost.teaching.mistakes import Mistake
from cnncost.teaching.question import Question


class Blank(NamedTuple):
    """A question with its number on the sheet, and the network that it is of, by place."""

    number: int
    network: int
    question: Question


@dataclass(frozen=True)
class ExerciseSheet:
    """What one student is given."""

    name: str  #: printed on it; answers name it
    student: int | None  #: from 1, where there are several
    convention: str
    blanks: tuple[Blank, ...]
    networks: tuple[Lines, ...] = ()  #: of a sheet that was read from a file: none
    specs: Mapping[int, str] = field(default_factory=dict)  #: of invented networks, by place

    @property
    def level(self) -> float:
        """The mean level of its questions, 1 to 3."""
        return sum(blank.question.level for blank in self.blanks) / len(self.blanks)

    @property
    def difficulty(self) -> str:
        """The level in a word."""
        return "easy" if self.level < 1.5 else "medium" if self.level < 2.25 else "hard"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, answers included."""
        return {
            "sheet": self.name,
            "student": self.student,
            "convention": self.convention,
            "level": round(self.level, 2),
            "difficulty": self.difficulty,
            "networks": [lines.graph.name for lines in self.networks],
            "specs": {str(place): text for place, text in self.specs.items()},
            "blanks": list(map(to_dict_of, self.blanks)),
        }


def to_dict_of(blank: Blank) -> dict[str, Any]:
    """The JSON form of a blank, its answer included."""
    question = blank.question
    return {
        "number": blank.number,
        "network": blank.network,
        "kind": question.kind,
        "level": question.level,
        "line": question.line,
        "what": question.what,
        "unit": question.unit,
        "answer": list(question.words) or [int(part.term.value) for part in question.parts],
        "parts": [{"cell": part.cell, "formula": to_json(part.term)} for part in question.parts],
        "words": list(question.words),
        "mistakes": [
            {"says": mistake.says, "formulas": list(map(to_json, mistake.terms))}
            for mistake in question.mistakes
        ],
    }


def document(sheets: list[ExerciseSheet], seed: int) -> dict[str, Any]:
    """The JSON document of the sheets of one call: what `grade --sheet` reads."""
    return {**head(), "seed": seed, "sheets": [sheet.to_dict() for sheet in sheets]}


def read(path: Path) -> list[ExerciseSheet]:
    """The sheets of a file that `exercise -o sheet.json` wrote. Raises UsageError for another file."""
    try:
        plain = parse_json(file_text(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except ValueError as error:
        raise UsageError(
            f"{path} is no sheet: {error}\n  `cnncost exercise ... -o sheet.json` writes one"
        ) from None
    try:
        return [_sheet(entry) for entry in Fields(plain, str(path)).entries("sheets")]
    except UsageError as error:
        raise UsageError(f"{error}\n  a sheet is what `cnncost exercise ... -o sheet.json` writes") from None


def _sheet(entry: Fields) -> ExerciseSheet:
    return ExerciseSheet(
        entry.text("sheet"),
        entry.whole("student", least=1, optional=True),
        entry.text("convention"),
        tuple([blank_of(blank) for blank in entry.entries("blanks")]),
    )


def blank_of(entry: Fields) -> Blank:
    """A blank as a sheet's file has it. Raises UsageError for what is none."""
    parts = tuple(
        [AnswerPart(part.text("cell"), _formula(part, "formula")) for part in entry.entries("parts")]
    )
    mistakes = tuple([Mistake(found.text("says"), _formulas(found)) for found in entry.entries("mistakes")])
    question = Question(
        entry.text("kind"),
        entry.whole("level", least=1),
        entry.whole("line"),
        entry.text("what"),
        parts,
        entry.text("unit"),
        entry.texts("words"),
        mistakes,
    )
    if not parts and not question.words:
        raise UsageError(f"{entry.place} has no answer")
    if parts and any(len(mistake.terms) != len(parts) for mistake in mistakes):
        raise UsageError(f"{entry.place}.mistakes must have a formula for every number of the answer")
    return Blank(entry.whole("number", least=1), entry.whole("network", least=1), question)


def _formula(entry: Fields, key: str) -> Term:
    try:
        return from_json(entry.fields.get(key))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{entry.place}.{key}: {error}") from None


def _formulas(entry: Fields) -> tuple[Term, ...]:
    found = entry.fields.get("formulas")
    if not isinstance(found, list):
        raise UsageError(f"{entry.place}.formulas must be a list")
    try:
        return tuple(map(from_json, found))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{entry.place}.formulas: {error}") from None
