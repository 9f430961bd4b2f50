"""The table of a file in a terminal, drawn again whenever the file changes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from cnncost.analysis import analyze
from cnncost.errors import CnncostError
from cnncost.escape import terminal
from cnncost.live import answers
from cnncost.live.question import LiveQuestion
from cnncost.live.watched import Watched
from cnncost.tables.layers import layer_grid
from cnncost.tables.text import show

CLEAR = "\x1b[2J\x1b[H"
"""Clears a terminal's screen."""
EVERY = 0.2
"""Seconds between looks at the file."""


def watch(watched: Watched, question: LiveQuestion, waiting: Callable[[float], None] = time.sleep) -> None:
    """Draw the table now and after every change, until Ctrl-C; errors stand in its place."""
    shown = None
    while True:
        text, wrong = "", None
        try:
            text = watched.now().text
        except CnncostError as error:
            wrong = error
        if (text, str(wrong)) != shown:
            shown = (text, str(wrong))
            if sys.stdout.isatty():
                sys.stdout.write(CLEAR)
            draw(question._replace(text=text), watched.name, wrong)
            sys.stdout.flush()
        waiting(EVERY)


def draw(question: LiveQuestion, file: str, wrong: CnncostError | None = None) -> None:
    """The table of a text, or what is wrong with it."""
    try:
        if wrong is not None:
            raise wrong
        network = answers.graph(question, file)
        report = analyze(network, by=question.by, **question.run.counting)
    except CnncostError as error:
        print(terminal(str(error)))
        return
    show([layer_grid(report)])
