"""What stands on a sheet, in order: head, tables, questions with a text, solutions."""

from __future__ import annotations

from typing import NamedTuple

from cnncost.tables.grid import Grid
from cnncost.teaching import grids
from cnncost.teaching.sheet import ExerciseSheet
from cnncost.teaching.solving import Solution, solutions


class Page(NamedTuple):
    """The parts of a sheet."""

    title: str
    lead: tuple[str, ...]
    tables: list[Grid]
    questions: list[tuple[int, str]]  #: number and text of those that stand in no table
    solutions: list[Solution]


def page(sheet: ExerciseSheet, solved: bool) -> Page:
    """The parts of a sheet; solutions only where they are wanted."""
    names = ", ".join(dict.fromkeys(lines.graph.name for lines in sheet.networks))
    several = f", student {sheet.student}" if sheet.student is not None else ""
    cells = [blank.number for blank in sheet.blanks if blank.question.cell]
    lead = [
        f"{len(sheet.blanks)} questions, one point each. Difficulty: {sheet.difficulty}"
        f" ({sheet.level:.1f} of 3)."
    ]
    if cells:
        lead.append(
            "Fill in the numbered cells. Where a unit stands in a column's head it may be left out;"
            " any other may be written (bytes, KiB, MB, k, M). Shapes are channels x height x width."
        )
    return Page(
        f"What {names} costs: sheet {sheet.name}{several}",
        tuple(lead),
        grids.tables(sheet),
        [(blank.number, blank.question.what) for blank in sheet.blanks if not blank.question.cell],
        solutions(sheet) if solved else [],
    )
