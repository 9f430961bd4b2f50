"""cnncost live: a page where a spec is live, or its table in the terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from cnncost.cli.spread import asks
from cnncost.errors import UsageError
from cnncost.request import Model, Run

if TYPE_CHECKING:
    from cnncost.live.question import LiveQuestion

EXAMPLES = (
    "cnncost live my.yaml",
    "cnncost live my.yaml --port 8123 --convention deeprob",
    "cnncost live my.yaml --compare theirs.yaml",
    "cnncost live my.yaml --watch",
    "cnncost live my.yaml --watch --by block --input 3x96x96",
)


def command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A YAML spec; one that is not there is begun.", show_default=False
        ),
    ],
    changed: Annotated[Model, asks("input")] = Model(""),
    run: Run = Run(),
    by: Annotated[str, typer.Option("--by", help="A row per op, layer, block or stage.")] = "layer",
    watch: Annotated[bool, typer.Option("--watch", help="Draw the table in the terminal instead.")] = False,
    compare: Annotated[
        Optional[list[str]],
        typer.Option(
            "--compare",
            metavar="SPEC",
            help="Another spec file to compare with; may be repeated.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        Optional[int], typer.Option(metavar="N", help="Where the page is served.", show_default="a free one")
    ] = None,
    open: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Edit a spec in a page on this machine: table, bars, graph and totals beside it as you type."""
    from cnncost.analysis.grouping import LEVELS
    from cnncost.errors import did_you_mean, known_word
    from cnncost.live.question import LiveQuestion
    from cnncost.live.watched import Watched

    known_word("unknown level", by, LEVELS, "levels")
    if port is not None and not 0 <= port <= 65_535:
        raise UsageError(f"--port {port} is no port\n  ports go from 1 to 65535")
    watched = Watched(file)
    if not file.exists():
        near = did_you_mean(file.name, sorted(each.name for each in file.parent.glob("*.y*ml")))
        if watch:
            raise UsageError(f"{file}: no such file", cure=near)
        begun = "the page begins it, and writes it when you save"
        print(f"note: {file} is not there yet{f' ({near})' if near else ''}; {begun}", file=sys.stderr)
    question = LiveQuestion(watched.now().text, input=changed.sizes, by=by, run=run)
    if watch:
        from cnncost.live.watch import watch as in_terminal

        in_terminal(watched, question)
        return
    import secrets

    from cnncost.language import load
    from cnncost.live.server import serve

    def said(address: str) -> None:
        shown = address + _asked(question)
        print(f"{shown}\n  for {file}, on this machine only; Ctrl-C ends it", file=sys.stderr)
        if open:
            import webbrowser

            webbrowser.open(shown)

    for other in compare or []:
        load(other)  # what cannot be read is said here, not in the page
    serve(watched, secrets.token_urlsafe(16), port or 0, said, compare or [])


def _asked(question: LiveQuestion) -> str:
    """The controls as the page's address has them."""
    from urllib.parse import urlencode

    run = question.run
    input_ = "x".join(map(str, question.input)) if question.input else ""
    named = {"batch": str(run.batch), "dtype": run.dtype, "mode": run.mode, "convention": run.convention,
             "by": question.by, "input": input_, "device": run.device or ""}  # fmt: skip
    usual = {"batch": "1", "dtype": "float32", "mode": "eval", "convention": "cnncost", "by": "layer"}
    chosen = {name: value for name, value in named.items() if value and usual.get(name) != value}
    return f"#{urlencode(chosen)}" if chosen else ""
