"""A question: what is asked, the right answer with its formula, likely mistakes."""

from __future__ import annotations

from typing import NamedTuple

from cnncost.teaching.lines import AnswerPart
from cnncost.teaching.mistakes import Mistake

CELLS = ("shape", "memory", "params", "macs", "receptive", "stride")
"""Kinds that are cells of the table: one column each."""


class Question(NamedTuple):
    """A blank of a sheet, before it has a number.

    Its level: 1 is one formula read off the table, 2 needs a formula turned round or a second step, 3 the
    layers before.
    """

    kind: str
    level: int
    line: int  #: of the table; 0: of the whole network
    what: str  #: of a cell: "params of conv1"; else the question
    parts: tuple[AnswerPart, ...] = ()  #: numbers that are the answer
    unit: str = ""  #: "B": bytes, in whatever unit they are written
    words: tuple[str, ...] = ()  #: or words, each of them right; the first is shown
    mistakes: tuple[Mistake, ...] = ()
    working: tuple[str, ...] = ()  #: of a question with a text
    hides: str = ""  #: the column of its line that has the blank
    tells: frozenset[tuple[int, str]] = frozenset()  #: lines and columns that its text gives away

    @property
    def cell(self) -> bool:
        """Whether it is a cell of the table."""
        return self.kind in CELLS
