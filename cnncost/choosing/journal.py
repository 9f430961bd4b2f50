"""What a search has done already, in a file: a line that says what was asked, then a line per chunk."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncost.border import file_text, parse_json
from cnncost.errors import UsageError

if TYPE_CHECKING:
    from cnncost.choosing.explore import ChunkResult, SearchQuestion

KIND = "cnncost search journal"
MOST_BYTES = 2**31 - 1


class Journal:
    """The parts of a search that are done; written as they come, a line each, so that nothing is lost.

    A line that was not written whole is done again. Raises UsageError for a file of another search.
    """

    def __init__(self, path: Path, question: SearchQuestion, text: str, sizes: Sequence[int]):
        """`text` is the spec's, `sizes` how many values each axis has."""
        self.path = path
        self.sizes = sizes
        self.quantities = len(question.quantities)
        self.parts: dict[int, Any] = {}
        asked = (
            repr((question._replace(objective=None), question.objective is not None, question.chunk)) + text
        )
        head = {"kind": KIND, "question": hashlib.sha256(asked.encode()).hexdigest()}
        if path.exists():
            self._read(head)
        else:
            self._write(head)

    def part(self, place: int) -> ChunkResult | None:
        """The part of a chunk, if it is done."""
        from cnncost.choosing.explore import ChunkResult

        found = self.parts.get(place)
        return None if found is None else ChunkResult(*found)

    def keep(self, place: int, part: ChunkResult) -> None:
        """Write down a part."""
        self.parts[place] = part
        self._write({"chunk": place, "part": list(part)})

    def _write(self, line: dict[str, Any]) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written: {error.strerror}") from None

    def _read(self, head: dict[str, Any]) -> None:
        try:
            text = file_text(self.path, MOST_BYTES, errors="replace")
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read: {error.strerror}") from None
        lines = text.splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        try:
            first = parse_json(whole[0]) if whole else {}
        except ValueError:
            first = {}
        if not isinstance(first, dict) or first.get("kind") != KIND:
            raise UsageError(
                f"{self.path} is not the journal of a search\n  name another file: --resume FILE"
            )
        if first != head:
            raise UsageError(
                f"{self.path} is the journal of another search\n"
                "  repeat that command, or name another file: --resume FILE"
            )
        for number, line in enumerate(whole[1:], 2):
            try:
                entry = parse_json(line)
                self.parts[int(entry["chunk"])] = self._part(entry["part"])
            except (ValueError, KeyError, TypeError, AttributeError):
                raise UsageError(
                    f"{self.path}:{number}: a line of the journal is damaged\n  remove it"
                ) from None
        if len(whole) < len(lines):  # the last line was not written whole
            self.path.write_text("".join(whole), encoding="utf-8")

    def _part(self, plain: Any) -> list[Any]:
        """A part as it was kept. Raises ValueError or TypeError for what no search has kept."""
        evaluated, codes, values, refused, excluded = plain
        counts = [evaluated, *refused.values(), *excluded.values()]
        if not all(type(count) is int and 0 <= count <= MOST_BYTES for count in counts):
            raise ValueError
        for row, figures in zip(codes, values, strict=True):
            places = zip(row, self.sizes, strict=True)
            if not all(type(place) is int and 0 <= place < size for place, size in places):
                raise ValueError
            if len(figures) != self.quantities or not all(type(each) in (int, float) for each in figures):
                raise ValueError
        return list(plain)
