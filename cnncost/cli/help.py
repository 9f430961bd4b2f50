"""cnncost help: the reference in the terminal."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer

EXAMPLES = (
    "cnncost help",
    "cnncost help operators",
    "cnncost help conv",
    "cnncost help grammar",
    "cnncost help fvcore",
    "cnncost help devices",
)


def command(
    topic: Annotated[
        Optional[str],
        typer.Argument(
            metavar="[TOPIC]",
            help="operators, grammar, conventions, devices; or one of these, a kind of operators, a command.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show the reference on a topic: an operator with its formulas, a convention, the grammar."""
    from cnncost.cli.main import COMMANDS, app
    from cnncost.reference import topics
    from cnncost.tables.text import terminal_width

    if topic is None:
        known = "\n".join(f"  {name}" for name in topics.TOPICS)
        typer.echo(
            f"topics:\n{known}\n  an operator, a kind of operators, a convention, a device, or a command"
        )
    elif topic in COMMANDS:
        app([topic, "--help"], prog_name="cnncost", standalone_mode=False)
    else:
        typer.echo(topics.plain(topics.topic(topic), terminal_width(sys.stdout) or 100), nl=False)
