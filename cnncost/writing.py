"""Writing a file where a user names it: the one place that does. What is written stays outside."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from cnncost.errors import UsageError

_STREAM = re.compile(r"/dev/(?P<name>stdout|stderr)|/(?:dev|proc/self)/fd/(?P<number>\d{1,4})")


def write(path: Path, content: str | bytes) -> None:
    """Write a file, in UTF-8 if it is text. Raises UsageError if it cannot be written, or is read-only.

    A regular file is replaced at once, so that a failure leaves the old one; it keeps its mode, owner and
    attributes, and a link is followed. What cannot be replaced is written in place: devices, pipes and
    standard streams, files with several names (hard links), files whose owner or directory we may not change.
    """
    try:
        data = content.encode() if isinstance(content, str) else content
    except UnicodeEncodeError as error:
        wrong = error.object[error.start : error.start + 1]
        raise UsageError(f"{path}: cannot be written: {wrong!r} has no place in UTF-8") from None
    check_place(path)
    try:
        if (stream := _stream(path)) is not None:
            _pour(os.dup(stream), data)
            return
        old = path.stat() if path.exists() else None
        target = Path(os.path.realpath(path))
        if old is None:
            _replace(target, data, None)
        elif not stat.S_ISREG(old.st_mode):
            _pour(os.open(path, os.O_WRONLY), data)
        elif old.st_nlink > 1 or not _replace(target, data, old):
            _pour(os.open(path, os.O_WRONLY | os.O_TRUNC), data)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None


def check_place(path: Path) -> None:
    """Raise UsageError where a file cannot be written for sure: to be asked before minutes of work."""
    try:
        if not path.parent.is_dir():
            raise UsageError(
                f"{path}: no directory {str(path.parent)!r}\n  make it first: mkdir -p {path.parent}"
            )
        if _STREAM.fullmatch(str(path)) or not path.exists():
            return
        mode = path.stat().st_mode
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        raise UsageError(f"{path}: cannot be written: {os.strerror(errno.EISDIR)}")
    if stat.S_ISREG(mode) and (not mode & 0o222 or not os.access(path, os.W_OK)):
        raise UsageError(f"{path}: is read-only\n  allow it: chmod u+w {path}")


def is_stream(path: Path) -> bool:
    """Whether a path is no regular file and none to be made: a device, a pipe, a standard stream."""
    if _STREAM.fullmatch(str(path)):
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _stream(path: Path) -> int | None:
    """The open descriptor that a path is another name of: opening it anew would start a file over."""
    match = _STREAM.fullmatch(str(path))
    if match is None:
        return None
    sys.stdout.flush()
    return int(match["number"]) if match["number"] else ("stdout", "stderr").index(match["name"]) + 1


def _pour(descriptor: int, data: bytes) -> None:
    """Write all data to a descriptor, and close it."""
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _replace(target: Path, data: bytes, old: os.stat_result | None) -> bool:
    """Write a new file and rename it. False, and nothing done, if what the old one has cannot be kept."""
    temporary = target.with_name(f".cnncost-{os.urandom(4).hex()}")  # short: the target's name may be long
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if old else 0o666)
    except PermissionError:
        if old is None:
            raise
        return False  # a directory that takes no new files, with a file in it that we may write
    try:
        _pour(descriptor, data)
        if old is not None and not _keep(target, old, temporary):
            return False
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _keep(target: Path, old: os.stat_result, temporary: Path) -> bool:
    """Give a new file the owner, mode and attributes of the one that it replaces; False if we may not."""
    new = temporary.stat()
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.chown(temporary, old.st_uid, old.st_gid)
        except PermissionError:
            return False
    shutil.copystat(target, temporary)
    os.utime(temporary)
    return True


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """In here no other process of this machine that also asks is at work on the file: it reads, then writes.

    Its directory is locked, as the file itself is replaced; nothing is left behind. Where a system cannot
    lock directories (Windows, some network file systems) this does nothing.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    directory = Path(os.path.realpath(path)).parent
    if not directory.is_dir():
        yield  # writing will say so
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
