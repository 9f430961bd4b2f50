"""What can go wrong, as one small tree of exceptions.

    CnncostError                 exit 2 unless a subclass says otherwise
    ├── SpecError                a YAML spec is wrong: place, quoted source, expectation, cure
    ├── UsageError               an argument of a command or a function is wrong
    ├── CheckFailed              exit 1: a verification, budget, lock or audit does not hold
    └── UnavailableError         exit 3: this machine cannot do it (no torch, no CUDA)

An error has its parts as attributes: what is wrong, where, the line that it quotes, what to do. `str()` draws
them; nobody reads a part out of the drawn text again.

`OperatorError` is raised by the operators, which know nothing of files; the room of the spec language turns
it into a `SpecError` with the place. Nothing here prints, and no other room defines an exception that a user
can see.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, NamedTuple


class Place(NamedTuple):
    """Where something stands in a file; line and column count from 1."""

    file: str
    line: int
    column: int


class Source(NamedTuple):
    """The line that an error quotes, and what of it is at fault."""

    line: str
    column: int = 0  #: from 0
    length: int = 0  #: characters to mark; 0: the whole line is meant

    def draw(self, cure: str | None) -> list[str]:
        """The line, and under it the mark with the cure; a cure of a whole line stands below."""
        if not self.length:
            return [f"    {self.line}"] + ([f"  {cure}"] if cure else [])
        start = max(0, self.column - 60)
        shown = self.line[start : start + 100]
        indent = len(shown) - len(shown.lstrip())
        mark = max(0, self.column - start - indent)
        width = max(1, min(self.length, len(self.line) - self.column, 60))
        return [
            "    " + "".join(c if c.isprintable() else "?" for c in shown.strip()),
            "    " + " " * mark + "^" + "~" * (width - 1) + (f"  {cure}" if cure else ""),
        ]


LONG = re.compile(r"\S{400,}")
"""A word that nobody reads to its end: 5,000 digits, a document in one line."""
FOREIGN = re.compile(r"\n(?!  )")
"""The end of a line in a name of a file or a tensor: lines of ours after the first are indented."""


def _cut(word: re.Match[str]) -> str:
    return f"{word[0][:120]}... ({len(word[0]):,} characters)"


class CnncostError(Exception):
    """Base of every error that is meant for a user: its parts, and `str()` as the whole message.

    `message` says what is wrong, `place` where, `source` quotes the line, `cure` says what to do, `more` what
    else helps: the words that are known. All but the message may be None.
    """

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        place: Place | None = None,
        source: Source | None = None,
        cure: str | None = None,
        more: str | None = None,
    ):
        super().__init__(message)
        self.message = message
        self.place = place
        self.source = source
        self.cure = cure
        self.more = more

    @property
    def parts(self) -> dict[str, Any]:
        """All but the message, to raise it as another error."""
        return {"place": self.place, "source": self.source, "cure": self.cure, "more": self.more}

    def __str__(self) -> str:
        where = "{}:{}:{}: ".format(*self.place) if self.place else ""
        lines = [LONG.sub(_cut, FOREIGN.sub(r"\\n", where + self.message))]
        if self.source:
            lines += self.source.draw(self.cure)
        elif self.cure:
            lines.append(f"  {self.cure}")
        return "\n".join(lines + ([f"  {self.more}"] if self.more else []))


class SpecError(CnncostError):
    """A spec is wrong. The message quotes the source line and marks the place in it."""


class UsageError(CnncostError):
    """A command-line option or a function argument is wrong."""


class SpecWarning(UserWarning):
    """What a spec says may not be what was meant: it is told on stderr, and the work goes on."""


class CheckFailed(CnncostError):
    """Something that was to be checked does not hold."""

    exit_code = 1


class UnavailableError(CnncostError):
    """This machine cannot do what was asked; the message says what to install or pass."""

    exit_code = 3


class OperatorError(Exception):
    """An operator refuses its arguments or its input shapes.

    `argument` names the argument at fault (None: the inputs), `missing` one that is not given, `cure` is a
    short hint, `inputs` the positions of the inputs of a join that do not fit together (its caller knows
    their names).
    """

    def __init__(
        self,
        message: str,
        *,
        argument: str | None = None,
        missing: str | None = None,
        cure: str | None = None,
        inputs: tuple[int, ...] = (),
    ):
        super().__init__(message)
        self.message = message
        self.argument = argument if missing is None else missing
        self.missing = missing
        self.cure = cure
        self.inputs = inputs


def known_word(problem: str, word: str, known: Iterable[str], listed: str = "known") -> str:
    """The word, if it is a known one. Else raises UsageError: the problem, the nearest word, all of them."""
    known = list(known)
    if word not in known:
        cure = did_you_mean(word, known)
        suggestion = f": {cure}" if cure else ""
        raise UsageError(f"{problem} {word!r}{suggestion}\n  {listed}: {', '.join(known) or 'none'}")
    return word


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be, or None."""
    known = list(known)
    in_another_case = [each for each in known if each.lower() == word.lower()]
    matches = in_another_case or difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The hint "did you mean 'x'?" for a misspelt word, or None when nothing is near."""
    match = nearest(word, known)
    return f"did you mean {match!r}?" if match else None
