"""cnncost check: hold models to their lock, budgets and published figures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.cli.spread import asks
from cnncost.request import PREDICTED, Run
from cnncost.tables import output as outputs
from cnncost.tables.paper import Paper

if TYPE_CHECKING:
    from cnncost.tables.grid import Grid

EXAMPLES = (
    "cnncost check",
    "cnncost check resnet50 --lock cnncost.lock",
    "cnncost check 'nets/*.yaml' --budget cnncost.toml",
    "cnncost check --update",
    "cnncost check --on ./target.yaml",
    "cnncost check --on rtx-4090 --layout nhwc",
    "cnncost check --format github",
)

SUFFIXES = {**outputs.SUFFIXES, ".xml": "junit"}
FORMATS = (*outputs.FORMATS, "github", "junit")


def command(
    specs: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[SPEC...]",
            show_default=False,
            help="Models or quoted patterns. Without any: all of the lock and the configuration.",
        ),
    ] = None,
    lock: Annotated[
        Optional[Path],
        typer.Option(
            "--lock", metavar="FILE", help="The lock.", show_default="the configuration's, else cnncost.lock"
        ),
    ] = None,
    budget: Annotated[
        Optional[Path],
        typer.Option(
            "--budget",
            metavar="FILE",
            help="The configuration.",
            show_default="cnncost.toml, else pyproject.toml",
        ),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Show the difference, then rewrite the lock.")
    ] = False,
    allow_imports: options.AllowImports = False,
    run: Annotated[
        Run, asks(*PREDICTED, on="The device of max_predicted_latency, instead of the budget's.")
    ] = Run(),
    convention: options.ProjectConvention = None,
    paper: Paper = Paper(),
    format: Annotated[
        Optional[str],
        typer.Option(
            "--format",
            "-f",
            help="text, markdown, csv, latex, json, github or junit.",
            show_default="by --output's suffix, else text",
        ),
    ] = None,
    output: Annotated[
        Optional[Path],
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write to a file (.txt .md .csv .tex .json .xml).",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Compare models with the lock, hold them to budgets and to the figures their specs publish.

    Exit 0 if all holds, 1 if not, 2 if a model cannot be counted. `--format github` writes annotations
    and, with $GITHUB_STEP_SUMMARY, a summary. Specs, locks and ONNX files are only read; no code of theirs
    runs, unless --allow-imports lets them name package.module:factory.
    """
    from cnncost.escape import line, terminal
    from cnncost.regress import documents
    from cnncost.regress import lock as locks
    from cnncost.regress.check import updated
    from cnncost.regress.grids import check_grids
    from cnncost.regress.project import check_project, open_project
    from cnncost.tables.output import chosen_format, put
    from cnncost.writing import alone, write

    kind = chosen_format(format, output, formats=FORMATS, suffixes=SUFFIXES)
    run.check_predicting()
    project = open_project(
        Path(), lock=lock, budget=budget, update=update, allow_imports=allow_imports, run=run
    )
    checked = check_project(project, specs, convention)
    grids = check_grids(checked)
    root = Path(os.environ.get("GITHUB_WORKSPACE") or ".")
    own = {"github": lambda: documents.github(checked, root), "junit": lambda: documents.junit(checked)}
    put(grids, documents.check_document(checked), kind, output, own, paper)
    if kind == "github":
        summarize(grids)
        typer.echo(terminal(grids[-1].notes[0]))
    for model in checked.models:
        if model.problem is not None and kind != "github":
            what = " is in the lock, but no longer exists; --update drops it" if model.gone else ""
            typer.echo(terminal(f"error: {model.model}{what}: {model.problem}"), err=True)
    gone = [model.model for model in checked.models if model.gone]
    if gone and not update and kind != "github":
        typer.echo("  renamed? cnncost check NEW_NAME --update puts the new name into the lock", err=True)
    code = checked.exit_code
    if update:
        with alone(project.lock_file):  # others may have updated it while this one counted
            lock_now = locks.read(project.lock_file) if project.lock_file.exists() else None
            write(project.lock_file, locks.write(updated(checked, lock_now)))
        dropped = f", without {', '.join(gone)}" if gone else ""
        typer.echo(line(f"{project.lock_file}: updated{dropped}"), err=True)
        code = checked.exit_code_after_update
    raise typer.Exit(code)


def summarize(grids: list[Grid]) -> None:
    """Append the tables to the summary of a GitHub step, if this is one."""
    from cnncost.errors import UsageError
    from cnncost.tables.output import rendered

    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if not file:
        return
    try:
        with Path(file).open("a", encoding="utf-8") as summary:
            summary.write(rendered(grids, None, "markdown"))
    except OSError as error:
        raise UsageError(f"$GITHUB_STEP_SUMMARY: {file} cannot be written: {error.strerror}") from None
