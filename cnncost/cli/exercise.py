"""cnncost exercise: a sheet with blanks, and its solutions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from cnncost.border import whole_number
from cnncost.cli import options
from cnncost.cli.spread import NETWORK, RUN, asks
from cnncost.errors import UsageError
from cnncost.graph import Graph
from cnncost.request import Model, Run

EXAMPLES = (
    "cnncost exercise alexnet",
    "cnncost exercise vgg16 --questions shape,params,receptive --blanks 20 --seed 7 -o sheet.tex",
    "cnncost exercise vgg16 --questions shape,params,receptive --blanks 20 --seed 7 -o sheet.json",
    "cnncost exercise googlenet --only conv1,pool1,conv2,conv3 --solutions -o stem.md",
    "cnncost exercise --random --students 200 --seed 7 -o sheet.html",
)


def command(
    specs: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="SPEC...", help="Zoo names, spec files, variants, imports.", show_default=False
        ),
    ] = None,
    changed: Annotated[Model, asks(*NETWORK)] = Model(""),
    run: Annotated[Run, asks(*RUN)] = Run(),
    questions: Annotated[
        str,
        typer.Option(
            metavar="KINDS",
            help="What is asked: shape, memory, params, macs, receptive, stride, infer, most, stacks, exact,"
            " change, training.",
        ),
    ] = "shape,memory,params,macs",
    blanks: Annotated[int, typer.Option(metavar="N", help="How many blanks.")] = 12,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same sheet, for ever.")] = 1,
    random: Annotated[
        bool, typer.Option("--random", help="On a small network that the seed invents, instead of SPEC.")
    ] = False,
    students: Annotated[
        int, typer.Option(metavar="N", help="As many different sheets, all equally difficult.")
    ] = 1,
    by: Annotated[str, typer.Option(metavar="LEVEL", help="A line per layer, block or stage.")] = "layer",
    only: Annotated[
        Optional[str],
        typer.Option(
            metavar="LINES",
            help="Only these lines, or what is in these blocks, by comma.",
            show_default="all",
        ),
    ] = None,
    solutions: Annotated[bool, typer.Option("--solutions", help="Add the full working.")] = False,
    format: Annotated[
        Optional[str],
        typer.Option(
            "--format",
            "-f",
            help="markdown, latex, html, notebook, moodle or json.",
            show_default="by --output's suffix, else markdown",
        ),
    ] = None,
    output: Annotated[
        Optional[Path],
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write to a file (.md .tex .html .ipynb .xml .json); of several students sheet-1.md, ...",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a sheet of exercises: the lecture's table with blanks, and questions. `grade` reads its JSON."""
    from cnncost.tables.output import chosen_format
    from cnncost.teaching import choosing, sheet
    from cnncost.teaching.formats import FORMATS, SUFFIXES

    if output is None and format is None:
        format = "markdown"
    kind = chosen_format(format, output, formats=FORMATS, suffixes=SUFFIXES)
    if random == bool(specs):
        raise UsageError(
            "exercise takes networks or --random, one of them\n"
            "  for example: cnncost exercise alexnet, or cnncost exercise --random"
        )
    wanted = choosing.Wanted(
        choosing.kinds_of(questions),
        whole_number("--blanks", blanks, most=10_000),
        whole_number("--seed", seed, least=0),
        by,
        whole_number("--students", students, most=choosing.MOST_STUDENTS),
        tuple(name.strip() for name in only.split(",")) if only else (),
    )
    made = (
        choosing.random_sheets(run, wanted)
        if random
        else choosing.sheets(_load(changed, specs or [], run), run, wanted)
    )
    if kind == "json":
        _put(output, _document(sheet.document(list(made), seed)))
        return
    from cnncost.teaching.formats import rendering
    from cnncost.writing import is_stream

    render = rendering(kind)
    if students > 1 and (output is None or is_stream(output)):
        raise UsageError(
            f"{students} sheets need a file each\n  -o sheet.md writes sheet-1.md, sheet-2.md, ..."
        )
    for one in made:
        _put(_numbered(output, one.student), render(one, solutions))


def _load(changed: Model, specs: list[str], run: Run) -> list[Graph]:
    return options.load(options.models(changed, specs), run.batch, run.mode)


def _document(plain: dict[str, Any]) -> str:
    from cnncost import escape

    return escape.document(plain) + "\n"


def _numbered(output: Path | None, student: int | None) -> Path | None:
    """The file of a student's sheet."""
    return output.with_stem(f"{output.stem}-{student}") if output and student is not None else output


def _put(output: Path | None, content: str) -> None:
    from cnncost.escape import terminal
    from cnncost.writing import write

    if output is None:  # names of an import are foreign words
        sys.stdout.write(terminal(content))
    else:
        write(output, content)
