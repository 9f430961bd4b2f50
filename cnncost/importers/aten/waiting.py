"""While an import works: it says so after a second, and a road that leads nowhere is left.

Code of the user's, and PyTorch's export, may take for ever: a loop over every image, a search among symbolic
sizes. A second thread looks at the clock, and raises TooLong in the one that works.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from typing import Any, TextIO

from cnncost import escape

UNTIL = {"export": 40.0, "fx": 45.0, "run": 57.0}
"""Seconds of work after the begin of an import at which a road is left, unless it was asked for by name.

Of work: on a machine that has other things to do an import is not refused for it.
"""
IDLE = 3
"""So many seconds on the wall count as one of work, where code sleeps or waits."""
SHOWN_AFTER = 1.0
STEP = 0.2
"""Seconds between two looks at the clock."""
AGAIN = 5.0
"""Seconds until a road that is not left, since its code catches everything, is interrupted again."""


class TooLong(BaseException):
    """A road took too long. No `Exception`: code that catches those does not hold it up."""


class Watch:
    """In here progress is shown on `stream` if that is a terminal, and `by` sets what is worked at.

    TooLong is raised in the thread that made the watch, and only between `by` and `done`.
    """

    def __init__(self, title: str, stream: TextIO | None = None):
        self.title = escape.line(title)
        self.stream = stream or sys.stderr
        self.worker = threading.get_ident()
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.begun = time.monotonic()
        self.worked_before = worked(self.worker)
        self.road = ""
        self.until: float | None = None  #: seconds of work since then, at which the road is left

    def __enter__(self) -> Watch:
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.done()
        self.over.set()
        self.thread.join()

    def by(self, road: str, limited: bool) -> None:
        """A road is taken; if it is limited, for so long as UNTIL says."""
        with self.lock:
            self.road, self.until = road, UNTIL[road] if limited else None

    def done(self) -> None:
        """The road is at its end: nothing is raised from here on."""
        with self.lock:
            self.until = None
        interrupt(self.worker, None)

    def look(self) -> None:
        """What the second thread does."""
        shown = False
        terminal = self.stream.isatty()
        while not self.over.wait(STEP):
            seconds = time.monotonic() - self.begun
            spent = max(worked(self.worker) - self.worked_before, seconds / IDLE)
            with self.lock:
                if self.until is not None and spent > self.until:
                    self.until = spent + AGAIN
                    interrupt(self.worker, TooLong)
            if terminal and seconds > SHOWN_AFTER:
                shown = True
                self.stream.write(f"\r\033[Kimporting {self.title} ({self.road}), {seconds:.0f} s")
                self.stream.flush()
        if shown:
            self.stream.write("\r\033[K")
            self.stream.flush()


def worked(thread: int) -> float:
    """Seconds for which a thread had a processor; on the wall where the system does not say."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.monotonic()
    return time.clock_gettime(time.pthread_getcpuclockid(thread))


def interrupt(thread: int, kind: type[BaseException] | None) -> None:
    """Raise an exception in another thread, at its next step in Python; None: take back one that waits."""
    raised = ctypes.py_object(kind) if kind else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
