"""Repeated blocks of a lock written once: unit2, unit3 and unit4, if equal, as unit[2-4].

A ResNet-152 then takes as few lines as a ResNet-50, and a change of depth changes few of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from cnncost.regress.snapshot import LockLine

MAX_NODES = 200_000
"""The most nodes of a model: a lock of a kilobyte must not stand for millions."""
MAX_DEPTH = 200

_NUMBERED = re.compile(r"(.*?(?<!\d))(\d{1,9})\Z")
_RANGE = re.compile(r"(.*)\[(\d{1,9})-(\d{1,9})\]\Z")


Piece = tuple[tuple[str, ...], str]
"""The parts of a node's name, and the rest of its line."""


def pack(lines: Sequence[LockLine]) -> list[LockLine]:
    """Lines with runs of equal numbered blocks written once, under a range."""
    pieces = [(tuple(line.name.split(".")), line.rest) for line in lines]
    return [LockLine(".".join(path), rest) for path, rest in _packed(pieces)]


def unpack(lines: Sequence[LockLine]) -> list[LockLine]:
    """The inverse of `pack`. Raises ValueError for a range that is none."""
    pieces = [(tuple(line.name.split(".")), line.rest) for line in lines]
    return [LockLine(".".join(path), rest) for path, rest in _unpacked(pieces)]


def nodes_of(line: LockLine) -> int:
    """How many nodes a line stands for. Raises ValueError for a range that is none, or for too many."""
    parts = line.name.split(".")
    if len(parts) > MAX_DEPTH:
        raise ValueError(line.name)
    found = 1
    for span in filter(None, map(_RANGE.match, parts)):
        found *= int(span[3]) - int(span[2]) + 1
        if not 1 < found <= MAX_NODES or int(span[3]) <= int(span[2]):
            raise ValueError(line.name)
    return found


def _packed(pieces: Sequence[Piece]) -> list[Piece]:
    packed: list[Piece] = []
    run: list[Piece] = []  # the block that may be the first of a run, without its own part of the path
    stem, first, last = "", 0, 0

    def close() -> None:
        if not run:
            return
        part = stem if first < 0 else f"{stem}{first}" if first == last else f"{stem}[{first}-{last}]"
        parts, inside = [part], _packed(run)
        if first < last and packed and _outermost(packed[-1]) == part:  # read as one run with it
            parts = [f"{stem}{number}" for number in range(first, last + 1)]
        packed.extend(((each, *path), rest) for each in parts for path, rest in inside)

    for part, group in groupby(pieces, key=_outermost):
        body = [(path[1:], rest) for path, rest in group]
        if part is None:
            close()
            run = []
            packed.extend(body)
            continue
        numbered = _NUMBERED.match(part)
        name, number = (numbered[1], int(numbered[2])) if numbered and numbered[2][0] != "0" else (part, -1)
        if run and number >= 0 and name == stem and number == last + 1 and body == run:
            last = number
            continue
        close()
        run, stem, first, last = body, name, number, number
    close()
    return packed


def _unpacked(pieces: Sequence[Piece]) -> list[Piece]:
    unpacked: list[Piece] = []
    for part, group in groupby(pieces, key=_outermost):
        body = [(path[1:], rest) for path, rest in group]
        if part is None:
            unpacked.extend(body)
            continue
        body = _unpacked(body)
        span = _RANGE.match(part)
        if span is None:
            parts = [part]
        elif 0 < (int(span[3]) - int(span[2])) * len(body) <= MAX_NODES:
            parts = [f"{span[1]}{number}" for number in range(int(span[2]), int(span[3]) + 1)]
        else:
            raise ValueError(part)
        unpacked.extend(((each, *path), rest) for each in parts for path, rest in body)
    return unpacked


def _outermost(piece: Piece) -> str | None:
    return piece[0][0] if piece[0] else None
