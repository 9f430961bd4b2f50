"""The process around a command: signals that end it, standard streams that are closed, full or not read."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn


class Ended(KeyboardInterrupt):
    """The process is told to end. What lets Ctrl-C through, past a module's own errors, lets this through."""


TOLD: list[int] = []
"""The signals that told this process to end."""


def end_on_signals() -> None:
    """A process that is told to end does so as by an exception, so that nothing half written is left."""

    def end(number: int, _: object) -> None:
        TOLD.append(number)
        raise Ended

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores it
            signal.signal(number, end)


def open_streams() -> None:
    """Give a program whose standard streams are closed (`>&-`) some that take everything."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115


def interrupted() -> NoReturn:
    """End as Ctrl-C or another signal asked for, with the code that a shell gives one that ends by it."""
    if TOLD:
        sys.exit(128 + TOLD[0])
    print("interrupted", file=sys.stderr)
    sys.exit(130)


def finish(end: SystemExit) -> NoReturn:
    """End with a code, once standard output has taken all of it."""
    try:
        sys.stdout.flush()
    except OSError as error:
        unwritten(error)
    raise end


def unwritten(error: OSError) -> NoReturn:
    """End where standard output cannot take more: without a word if nobody reads it, else with the reason."""
    if isinstance(error, BrokenPipeError):
        nobody_reads()
    nothing_more()
    print(f"error: standard output cannot be written: {error.strerror}", file=sys.stderr)
    sys.exit(2)


def nobody_reads() -> NoReturn:
    """End well: the reader of a pipe has enough."""
    nothing_more()
    sys.exit(0)


def nothing_more() -> None:
    """Point standard output elsewhere, or Python complains while it shuts down."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
