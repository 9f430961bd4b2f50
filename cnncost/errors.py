"""What can go wrong, as one small tree of exceptions.

    CnncostError                 exit 2 unless a subclass says otherwise
    ├── SpecError                a YAML spec is wrong: place, quoted source, expectation, cure
    ├── UsageError               an argument of a command or a function is wrong
    ├── CheckFailed              exit 1: a verification, budget, lock or audit does not hold
    └── UnavailableError         exit 3: this machine cannot do it (no torch, no CUDA)

`OperatorError` is raised by the operators, which know nothing of files; the spec room turns it
into a `SpecError` with the place. Nothing here prints, and no other room defines an exception
that a user can see.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CnncostError(Exception):
    """Base of every error that is meant for a user; `str()` is the whole message."""

    exit_code = 2


class SpecError(CnncostError):
    """A spec is wrong. The message quotes the source line and marks the place in it."""


class UsageError(CnncostError):
    """A command-line option or a function argument is wrong."""


class CheckFailed(CnncostError):
    """Something that was to be checked does not hold."""

    exit_code = 1


class UnavailableError(CnncostError):
    """This machine cannot do what was asked; the message says what to install or pass."""

    exit_code = 3


class OperatorError(Exception):
    """An operator refuses its arguments or its input shapes.

    `argument` names the argument at fault (None: the inputs), `cure` is a short hint, `inputs`
    the positions of the inputs of a join that do not fit together (its caller knows their names).
    """

    def __init__(
        self,
        message: str,
        *,
        argument: str | None = None,
        cure: str | None = None,
        inputs: tuple[int, ...] = (),
    ):
        super().__init__(message)
        self.message = message
        self.argument = argument
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
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The hint "did you mean 'x'?" for a misspelt word, or None when nothing is near."""
    match = nearest(word, known)
    return f"did you mean {match!r}?" if match else None
