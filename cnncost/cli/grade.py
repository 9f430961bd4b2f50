"""cnncost grade: answers to a sheet, marked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnncost.cli import options
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost grade answers.csv --sheet sheet.json",
    "cnncost grade answers.csv --sheet sheet.json --comments --format markdown",
    "cnncost grade answers.csv --sheet sheets.json -o marks.csv",
)


def command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="ANSWERS...",
            help="CSV files with the columns student, question, answer, or student, 1, 2, ...; or notebooks.",
            show_default=False,
        ),
    ],
    sheet: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The sheet as JSON: `cnncost exercise ... -o sheet.json`.",
            show_default=False,
        ),
    ],
    comments: Annotated[
        bool,
        typer.Option(
            "--comments",
            help="Every answer with its mark and the likely mistake.",
            show_default="of one student",
        ),
    ] = False,
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Mark answers in the units people write, charge an error once, name the likely mistake."""
    from cnncost.tables.output import chosen_format, emit
    from cnncost.teaching import grids, reading
    from cnncost.teaching import sheet as sheets
    from cnncost.teaching.grade import document, grade

    chosen_format(format, output)
    known = sheets.read(sheet)
    marked = [
        grade(answered.sheet, answered.answers, answered.student)
        for file in files
        for answered in reading.read(file, known)
    ]
    details = comments or len(marked) == 1
    emit(grids.marks(marked, details), document(known, marked), format=format, output=output, paper=paper)
