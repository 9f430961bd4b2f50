"""What a search has done already, in a file: a line that says what was asked, then a line per chunk."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncost.errors import UsageError

if TYPE_CHECKING:
    from cnncost.choosing.explore import ChunkResult, SearchQuestion

KIND = "cnncost search journal"


class Journal:
    """The parts of a search that are done; written as they come, a line each, so that nothing is lost.

    A line that was not written whole is done again. Raises UsageError for a file of another search.
    """

    def __init__(self, path: Path, question: SearchQuestion, text: str):
        self.path = path
        self.parts: dict[int, Any] = {}
        asked = repr(question._replace(objective=None)) + repr(question.objective is not None) + text
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
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self, head: dict[str, Any]) -> None:
        text = self.path.read_text(encoding="utf-8", errors="replace")
        lines = text.splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        try:
            first = json.loads(whole[0]) if whole else {}
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
                entry = json.loads(line)
                self.parts[int(entry["chunk"])] = entry["part"]
            except (ValueError, KeyError, TypeError):
                raise UsageError(
                    f"{self.path}:{number}: a line of the journal is damaged\n  remove it"
                ) from None
        if len(whole) < len(lines):  # the last line was not written whole
            self.path.write_text("".join(whole), encoding="utf-8")
