"""cnncost audit: the published figures of five lecture decks, recomputed."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost audit --verdict erratum",
    "cnncost audit --deck deeprob --architecture vgg16",
    "cnncost audit --format markdown -o audit.md",
)


def command(
    deck: Annotated[
        Optional[str], typer.Option("--deck", help="Only this deck: brno, deeprob, iitkgp, shtech, tum.")
    ] = None,
    architecture: Annotated[
        Optional[str],
        typer.Option("--architecture", help="Only claims on this: vgg16, googlenet, operator:conv, ..."),
    ] = None,
    verdict: Annotated[
        Optional[str],
        typer.Option(
            "--verdict", help="Only: exact, rounds_to, depends_on_variant, erratum, not_computable."
        ),
    ] = None,
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Recompute the figures that five lecture decks print; exit 1 if a verdict is not the recorded one."""
    from cnncost.errors import CheckFailed
    from cnncost.figures.audit import audit
    from cnncost.figures.grids import audit_grids, counted, document
    from cnncost.tables.output import chosen_format, emit

    kind = chosen_format(format, output)
    results = audit(deck, architecture, verdict)
    emit(
        audit_grids(results, wrapped=kind == "text" and not (output is None and sys.stdout.isatty())),
        document(results),
        format=format,
        output=output,
        paper=paper,
    )
    typer.echo(counted(results), err=True)
    wrong = [result for result in results if not result.agrees]
    if wrong:
        listed = "\n".join(
            f"  {result.claim.id}: {result.verdict}, recorded {result.claim.verdict}"
            + (
                ""
                if result.reproduced is not False
                else "; the recorded derivation does not give the printed value"
            )
            for result in wrong
        )
        raise CheckFailed(f"{counted(wrong)}: not as recorded\n{listed}")
