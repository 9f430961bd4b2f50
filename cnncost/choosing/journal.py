"""What a search or a choice has found already, in a file: a line that says what was asked, then a line for
each part of the answer."""

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

MOST_BYTES = 2**31 - 1


class JournalFile:
    """A file of lines that is written as they come, so that nothing is lost; `entries` are those it had.

    A line that was not written whole is forgotten. Raises UsageError for a file of another question, and for
    what is no journal of this kind.
    """

    def __init__(self, path: Path, kind: str, asked: str):
        """`kind` is search or pick, `asked` a text that is the same for the same question alone."""
        self.path = path
        head = {"kind": f"cnncost {kind} journal", "question": hashlib.sha256(asked.encode()).hexdigest()}
        self.entries: list[Any] = []
        if path.exists():
            self.entries = self._read(head, kind)
        else:
            self.write(head)

    def write(self, line: dict[str, Any]) -> None:
        """Add a line."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written: {error.strerror}") from None

    def _read(self, head: dict[str, Any], kind: str) -> list[Any]:
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
        if not isinstance(first, dict) or first.get("kind") != head["kind"]:
            raise UsageError(
                f"{self.path} is not the journal of a {kind}\n  name another file: --resume FILE"
            )
        if first != head:
            raise UsageError(
                f"{self.path} is the journal of another {kind}\n"
                "  repeat that command, or name another file: --resume FILE"
            )
        found = []
        for number, line in enumerate(whole[1:], 2):
            try:
                found.append(parse_json(line))
            except ValueError:
                raise self.damaged(number) from None
        if len(whole) < len(lines):  # the last line was not written whole
            self.path.write_text("".join(whole), encoding="utf-8")
        return found

    def damaged(self, number: int) -> UsageError:
        """The error for a line, by its number, that nobody has written."""
        return UsageError(f"{self.path}:{number}: a line of the journal is damaged\n  remove it")


class Journal:
    """The parts of a search that are done, a line each. Raises UsageError for a file of another search."""

    def __init__(self, path: Path, question: SearchQuestion, text: str, sizes: Sequence[int]):
        """`text` is the spec's, `sizes` how many values each axis has."""
        self.sizes = sizes
        self.quantities = len(question.quantities)
        asked = (question._replace(objective=None), question.objective is not None, question.chunk)
        self.file = JournalFile(path, "search", repr(asked) + text)
        self.parts: dict[int, Any] = {}
        for number, entry in enumerate(self.file.entries, 2):
            try:
                self.parts[int(entry["chunk"])] = self._part(entry["part"])
            except (ValueError, KeyError, TypeError, AttributeError):
                raise self.file.damaged(number) from None

    def part(self, place: int) -> ChunkResult | None:
        """The part of a chunk, if it is done."""
        from cnncost.choosing.explore import ChunkResult

        found = self.parts.get(place)
        return None if found is None else ChunkResult(*found)

    def keep(self, place: int, part: ChunkResult) -> None:
        """Write down a part."""
        self.parts[place] = part
        self.file.write({"chunk": place, "part": list(part)})

    def _part(self, plain: Any) -> list[Any]:
        """A part as it was kept. Raises ValueError or TypeError for what no search has kept."""
        evaluated, codes, values, refused, excluded, least = plain
        counts = [evaluated, *refused.values(), *excluded.values()]
        if not all(type(value) in (int, float) for value in least.values()):
            raise ValueError
        if not all(type(count) is int and 0 <= count <= MOST_BYTES for count in counts):
            raise ValueError
        for row, figures in zip(codes, values, strict=True):
            places = zip(row, self.sizes, strict=True)
            if not all(type(place) is int and 0 <= place < size for place, size in places):
                raise ValueError
            if len(figures) != self.quantities or not all(type(each) in (int, float) for each in figures):
                raise ValueError
        return list(plain)


class FoundBefore:
    """What took long to find of candidates: their peak, RAM, flash and time, by name and input."""

    WHOLE = ("peak_bytes", "ram_bytes", "flash_bytes")
    TIMES = ("latency_ms", "low_ms", "high_ms")

    def __init__(self, path: Path, asked: str):
        self.file = JournalFile(path, "pick", asked)
        self.figures: dict[str, dict[str, Any]] = {}
        for number, entry in enumerate(self.file.entries, 2):
            try:
                self.figures[entry["candidate"]] = self._figures(**entry["found"])
            except (ValueError, KeyError, TypeError):
                raise self.file.damaged(number) from None

    def keep(self, candidate: str, found: dict[str, Any]) -> None:
        """Write down what was found of one."""
        self.figures[candidate] = found
        self.file.write({"candidate": candidate, "found": found})

    def _figures(self, *, calibrated: Any, warnings: Any, **numbers: Any) -> dict[str, Any]:
        """Figures as they were kept. Raises ValueError or TypeError for what no choice has kept."""
        if numbers.keys() != {*self.WHOLE, *self.TIMES} or calibrated not in (None, True, False):
            raise ValueError
        kinds: dict[str, tuple[type, ...]] = dict.fromkeys(self.WHOLE, (int,)) | dict.fromkeys(
            self.TIMES, (int, float)
        )
        for name, value in numbers.items():
            if value is not None and not (type(value) in kinds[name] and 0 <= value <= MOST_BYTES**2):
                raise ValueError
        if not all(type(warning) is str for warning in warnings):
            raise ValueError
        return {**numbers, "calibrated": calibrated, "warnings": tuple(warnings)}
