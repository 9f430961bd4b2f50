"""Exercises on what networks cost, and their marking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cnncost.api.models import ModelLike
from cnncost.models import as_graph
from cnncost.request import Run
from cnncost.tables.answer import Answer
from cnncost.teaching.sheet import ExerciseSheet


@dataclass(frozen=True, repr=False)
class Exercise:
    """A sheet with numbered blanks. A notebook shows it; `text` gives it in any format of the command."""

    sheet: ExerciseSheet = field(repr=False)
    seed: int

    def __repr__(self) -> str:
        sheet = self.sheet
        return (
            f"<sheet {sheet.name}: {len(sheet.blanks)} blanks, {sheet.difficulty}; text('markdown') gives it>"
        )

    def _repr_markdown_(self) -> str:
        return self.text()

    def text(self, format: str = "markdown", *, solutions: bool = False) -> str:
        """The sheet as markdown, latex, html, notebook or moodle; with its working. Raises UsageError."""
        from cnncost.errors import known_word
        from cnncost.teaching.formats import FORMATS, rendering

        known = tuple(each for each in FORMATS if each != "json")
        return rendering(known_word("unknown format", format, known, "formats"))(self.sheet, solutions)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document with the answers, which `grade` and the command of that name read."""
        from cnncost.teaching.sheet import document

        return document([self.sheet], self.seed)


def exercise(
    *models: ModelLike,
    input_shape: Sequence[int] | None = None,
    questions: str = "shape,memory,params,macs",
    blanks: int = 12,
    seed: int = 1,
    by: str = "layer",
    only: Sequence[str] = (),
    batch: int = 1,
    convention: str = "cnncost",
) -> Exercise:
    """A sheet of exercises: the lecture's table with blanks, and questions; of no model: an invented network.

    The same seed gives the same sheet. Raises UsageError for an unknown kind of question or too few lines.
    """
    from cnncost.border import whole_number
    from cnncost.teaching import choosing

    run = Run(batch, convention=convention)
    wanted = choosing.Wanted(
        choosing.kinds_of(questions),
        whole_number("blanks", blanks, most=10_000),
        whole_number("seed", seed, least=0),
        by,
        1,
        tuple(only),
    )
    graphs = [as_graph(model, input_shape, batch) for model in models]
    made = choosing.sheets(graphs, run, wanted) if graphs else choosing.random_sheets(run, wanted)
    return Exercise(next(iter(made)), seed)


def grade(exercise: Exercise, answers: Mapping[int, str], student: str = "") -> Answer:
    """Answers by the numbers of their blanks, marked: units as people write them, an error charged once."""
    from cnncost.teaching import grids
    from cnncost.teaching.grade import document
    from cnncost.teaching.grade import grade as marked

    texts = {number: str(text) for number, text in answers.items()}
    found = [marked(exercise.sheet, texts, student)]
    tables = tuple(grids.marks(found, True))
    return Answer(f"marks of {exercise.sheet.name}", tables, document([exercise.sheet], found))
