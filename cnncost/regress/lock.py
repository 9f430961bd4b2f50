"""The lock file: snapshots as lines that diff and merge well.

    cnncost-lock 1
    convention cnncost

    model resnet50 --set classes=10
    input 3x224x224
    digest 5e0b1c9d3c1f2a77
    params 23528522
    ...
    nodes 175
      conv1.conv conv 9b0f4c1e 9408 118013952 236027904 3211264
      stage1.add add 0d31c07a 0 0 802816 3211264 1,9

    end

Models are sorted. A node's line is its name, operator, digest, params, MACs, FLOPs and activation
bytes, then how many nodes back it reads if that is not 1. Equal numbered blocks are written once (`pack`).
No time, no absolute path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cnncost.analysis.conventions import CONVENTIONS
from cnncost.border import file_text
from cnncost.errors import Place, Source, UsageError
from cnncost.regress.repeats import MAX_NODES, nodes_of, pack, unpack
from cnncost.regress.snapshot import COUNTED, QUANTISED, QUANTITIES, TRAINING, LockLine, Snapshot, parse_node

SCHEMA = 1
DEFAULT = "cnncost.lock"
_HEADER = "# What these models cost. `cnncost check` compares it, `cnncost check --update` rewrites it."
_CONFLICT = ("<<<<<<< ", "||||||| ", "=======", ">>>>>>> ")


class Lock(NamedTuple):
    """What a lock file holds: a convention, and snapshots by request."""

    convention: str
    models: Mapping[str, Snapshot]


def write(lock: Lock) -> str:
    """The lock as text. Raises UsageError for a model whose name no line of text can hold."""
    for name in lock.models:
        if "\n" in name or "\r" in name:
            raise UsageError(f"{name!r} has a line break, which no lock can hold")
        if name.startswith("-"):
            raise UsageError(
                f"{name!r} reads as an option in a lock\n  write the file as ./{name.split()[0]}"
            )
        if any("\ud800" <= character <= "\udfff" for character in name):  # bytes of a file name
            raise UsageError(f"{name!r} is not text in UTF-8, which a lock is")
    lines = [_HEADER, f"cnncost-lock {SCHEMA}", f"convention {lock.convention}", ""]
    for name, model in sorted(lock.models.items()):
        lines.append(f"model {name}")
        lines.append(f"input {'x'.join(map(str, model.input_shape))}")
        lines.append(f"digest {model.digest}")
        lines += [f"{quantity} {value}" for quantity, value in model.quantities.items()]
        lines.append(f"nodes {len(model.lines)}")
        lines += [f"  {line.name} {line.rest}" for line in pack(model.lines)]
        lines.append("")
    lines.append("end")
    return "\n".join(lines) + "\n"


def read(path: Path) -> Lock:
    """The lock in a file. Raises UsageError with the line if it is none, in conflict, newer or not whole."""
    try:
        text = file_text(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such lock\n  write it: cnncost lock SPEC... -o {path}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not UTF-8 text, so not a lock") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    return parse(text, str(path))


def parse(text: str, file: str) -> Lock:
    """The lock in a text; `file` is what errors call it. Raises UsageError as `read` does."""
    return _Reader(file, text).lock()


def names(path: Path) -> set[str]:
    """The models that a lock names, also one that is damaged; none if there is no such file."""
    if not path.is_file():
        return set()
    lines = file_text(path, errors="replace").split("\n")
    return {line.removeprefix("model ") for line in lines if line.startswith("model ")}


class _Reader:
    """Reads the lines of a lock one after the other."""

    def __init__(self, file: str, text: str):
        self.file = file
        self.lines = text.removesuffix("\n").split("\n") if text else []
        self.cure = f"the lock is damaged; write it again: cnncost lock SPEC... -o {file}"
        self.at = 0  #: index of the line that is next

    def error(self, message: str, cure: str, at: int | None = None) -> UsageError:
        index = self.at if at is None else at
        quoted = self.lines[index].strip()[:100] if index < len(self.lines) else ""
        source = Source(quoted) if quoted else None
        return UsageError(message, place=Place(self.file, index + 1, 1), source=source, cure=cure)

    def peek(self) -> str | None:
        """The next line that is neither empty nor a comment; None at the end of the file."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line and not line.startswith("#"):
                return line
            self.at += 1
        return None

    def word(self, key: str) -> str:
        """The value of a line `key value`, which must be next."""
        line = self.peek()
        if line is None:
            raise self.error(f"expected {key!r}", self.cure)
        found, _, value = line.partition(" ")
        if found != key or not value:
            raise self.error(f"expected {key!r}", self.cure)
        self.at += 1
        return value

    def number(self, key: str) -> int:
        """The same for a whole number."""
        value = self.word(key)
        if not re.fullmatch(r"[0-9]{1,60}", value):
            raise self.damaged(f"{key} must be a whole number", self.at - 1)
        return int(value)

    def lock(self) -> Lock:
        """The whole lock."""
        for index, line in enumerate(self.lines):
            if line.startswith(_CONFLICT):
                raise self.error(
                    "a merge conflict", "take either side of it, then: cnncost check --update", index
                )
        first = self.peek()
        if first is None:
            raise UsageError(
                f"{self.file}: the lock is empty\n  write it: cnncost lock SPEC... -o {self.file}"
            )
        schema = re.fullmatch(r"cnncost-lock (\d{1,9})", first)
        if schema is None:
            raise self.error("not a lock of cnncost", "its first line is: cnncost-lock 1")
        if int(schema[1]) > SCHEMA:
            raise self.error(
                f"the lock has schema {schema[1]}, this cnncost knows {SCHEMA}",
                "upgrade it: pip install --upgrade cnncost",
            )
        if self.lines[-1] != "end":
            self.at = len(self.lines) - 1
            raise self.error("the lock is cut off: its last line must be 'end'", self.cure)
        self.at += 1
        convention = self.word("convention")
        if convention not in CONVENTIONS:
            raise self.damaged(f"unknown convention {convention!r}", self.at - 1)
        quantities = QUANTITIES if convention == "cnncost" else QUANTITIES + COUNTED
        models: dict[str, Snapshot] = {}
        while True:
            if self.peek() == "end":
                return Lock(convention, models)
            at = self.at
            name = self.word("model")
            if name in models:
                raise self.damaged(f"model {name!r} stands twice", at)
            models[name] = self.model(quantities)

    def model(self, quantities: tuple[str, ...]) -> Snapshot:
        """One model after its name."""
        shape = self.word("input")
        if not re.fullmatch(r"\d{1,9}(x\d{1,9})*", shape):
            raise self.damaged("not an input shape", self.at - 1)
        digest = self.word("digest")
        values = {quantity: self.number(quantity) for quantity in quantities}
        for quantity in (*QUANTISED, TRAINING):
            if (self.peek() or "").startswith(f"{quantity} "):
                values[quantity] = self.number(quantity)
        count = self.number("nodes")
        if count > MAX_NODES:
            raise self.damaged(f"more than {MAX_NODES:,} nodes are announced", self.at - 1)
        first = self.at
        while self.at < len(self.lines) and self.lines[self.at].startswith("  "):
            self.at += 1
        last = self.at
        return Snapshot(
            tuple(map(int, shape.split("x"))), digest, values, lambda: self.nodes(first, last, count)
        )

    def nodes(self, first: int, last: int, count: int) -> list[LockLine]:
        """The lines of a model's nodes, unpacked, each of them whole."""
        packed, found = [], 0  # counted before they are written out: a short line may stand for many
        for index in range(first, last):
            name, _, rest = self.lines[index][2:].partition(" ")
            line = LockLine(name, rest)
            try:
                parse_node(line)
                found += nodes_of(line)
            except ValueError:
                raise self.damaged("a node's line is not whole", index) from None
            if found > count:
                break
            packed.append(line)
        if found != count:
            more = "more" if found > count else f"{found:,}"
            raise self.damaged(f"{count:,} nodes are announced, {more} follow", first - 1)
        return unpack(packed)

    def damaged(self, message: str, at: int) -> UsageError:
        """The error at a line of which the cause is not known."""
        return self.error(message, self.cure, at)
