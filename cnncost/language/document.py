"""YAML text -> nodes that know their place, and errors that quote it.

PyYAML gives the events; this room composes them itself because it needs what a loader throws
away (places), must refuse what a loader accepts (duplicate keys, tags), resolves scalars by the
YAML 1.2 core schema (`on` and `no` are words) and bounds what a hostile file can cost.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Union

import yaml

from cnncost.border import shown
from cnncost.errors import Place, Source, SpecError, did_you_mean

MAX_BYTES = 1_000_000
MAX_NODES = 100_000
MAX_DEPTH = 100
MAX_DIGITS = 40

ScalarValue = Union[None, bool, int, float, str]


class Scalar(NamedTuple):
    """A scalar: its value by the core schema, and its text as written."""

    line: int
    column: int
    value: ScalarValue
    text: str
    plain: bool = True

    def describe(self) -> str:
        """What it is, for a message."""
        return "nothing" if self.value is None else shown(self.text)


class Sequence(NamedTuple):
    """A list."""

    line: int
    column: int
    items: list[YamlNode]

    def describe(self) -> str:
        """What it is, for a message."""
        return "a list"


class Mapping(NamedTuple):
    """A mapping: key text -> (key, value)."""

    line: int
    column: int
    entries: dict[str, tuple[Scalar, YamlNode]]

    def describe(self) -> str:
        """What it is, for a message."""
        return "a mapping"

    def get(self, key: str) -> YamlNode | None:
        """The value of a key, or None."""
        entry = self.entries.get(key)
        return entry[1] if entry else None


YamlNode = Union[Scalar, Sequence, Mapping]

_INT = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, ScalarValue] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS.update(dict.fromkeys(("true", "True", "TRUE"), True))
_WORDS.update(dict.fromkeys(("false", "False", "FALSE"), False))


class Document:
    """The text of one spec: its name for messages, its lines, its root node."""

    def __init__(self, file: str, text: str):
        self.file = file
        self.lines = text.splitlines()
        self.root = self._compose(text)

    def place(self, node: YamlNode) -> Place:
        """Where a node stands."""
        return Place(self.file, node.line + 1, node.column + 1)

    def error(
        self,
        message: str,
        node: YamlNode,
        *,
        cure: str | None = None,
        more: str | None = None,
        offset: int = 0,
        length: int | None = None,
    ) -> SpecError:
        """The error at a node: place, quoted line with a mark, cure, and what may follow."""
        if length is None:
            length = len(node.text) if isinstance(node, Scalar) else 1
        return self.error_at(message, node.line, node.column + offset, length, cure=cure, more=more)

    def error_at(
        self,
        message: str,
        line: int,
        column: int,
        length: int = 1,
        *,
        cure: str | None = None,
        more: str | None = None,
    ) -> SpecError:
        """The same for a line and column that count from 0."""
        source = Source(self.lines[line], column, max(1, length)) if line < len(self.lines) else None
        place = Place(self.file, line + 1, column + 1)
        return SpecError(message, place=place, source=source, cure=cure, more=more)

    def _compose(self, text: str) -> YamlNode:
        try:
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
            return _Composer(self, yaml.parse(text, loader)).compose()
        except yaml.MarkedYAMLError as error:
            if "nesting depth" in (error.problem or ""):
                # libyaml (since PyYAML 6.0.4) reads ahead and has a bound of its own, 1,000. The parser in
                # Python has none, so that ours comes first, at its place.
                _Composer(self, yaml.parse(text, yaml.SafeLoader)).compose()
            mark = error.problem_mark or error.context_mark
            message = f"not valid YAML: {error.problem or error.context}"
            if mark is None:
                raise SpecError(f"{self.file}: {message}") from None
            line = self.lines[mark.line] if mark.line < len(self.lines) else ""
            before, name = line[: mark.column + 1], re.search(r"\w+\Z", line[: mark.column])
            cure = "a tab; YAML is indented by spaces" if "\t" in before else None
            if name and (index := re.match(r"\[[^\[\]]*\]", line[mark.column :])):
                cure = f"within braces and brackets an element stands in quotes: '{name[0]}{index[0]}'"
            raise self.error_at(message, mark.line, mark.column, cure=cure) from None
        except yaml.YAMLError as error:
            raise SpecError(f"{self.file}: not valid YAML: {' '.join(str(error).split())}") from None


class _Opened(NamedTuple):
    """A collection whose end has not come."""

    node: Sequence | Mapping
    waiting: list[Scalar]  #: the key, if its value has not come
    anchor: str | None
    before: int  #: how many values there were before it


class _Composer:
    """Events -> nodes, without recursion, so that nesting cannot exhaust the stack."""

    def __init__(self, document: Document, events: Iterable[yaml.Event]):
        self.document = document
        self.events = events
        self.anchors: dict[str, tuple[YamlNode, int]] = {}  #: and how many values each is
        self.opened: list[_Opened] = []
        self.count = 0

    def compose(self) -> YamlNode:
        """The root of the only document. Raises SpecError at what a spec cannot be."""
        root: YamlNode | None = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self.document.error_at("a spec is one YAML document", *_place(event))
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
            elif isinstance(event, (yaml.AliasEvent, yaml.ScalarEvent, yaml.CollectionStartEvent)):
                new = self._known(event) if isinstance(event, yaml.AliasEvent) else self._new(event)
                if self.opened:
                    self._attach(self.opened[-1], new)
                else:
                    root = new
                if isinstance(event, yaml.CollectionStartEvent):
                    self._open(new, event)
        if root is None:
            raise SpecError(
                f"{self.document.file}: the file is empty", cure="a spec needs at least input and body"
            )
        return root

    def _known(self, event: yaml.AliasEvent) -> YamlNode:
        line, column = _place(event)
        if event.anchor not in self.anchors:
            raise self.document.error_at(f"unknown or recursive alias *{event.anchor}", line, column)
        node, size = self.anchors[event.anchor]
        self._grow(size, line, column)
        return node

    def _new(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> YamlNode:
        line, column = _place(event)
        self._grow(1, line, column)
        if event.tag is not None and event.tag != "!":
            raise self.document.error_at("tags have no meaning in a spec", line, column)
        if isinstance(event, yaml.SequenceStartEvent):
            return Sequence(line, column, [])
        if isinstance(event, yaml.CollectionStartEvent):
            return Mapping(line, column, {})
        scalar = self._scalar(event, line, column)
        if event.anchor:
            self.anchors[event.anchor] = (scalar, 1)
        return scalar

    def _open(self, node: YamlNode, event: yaml.CollectionStartEvent) -> None:
        if len(self.opened) >= MAX_DEPTH:
            raise self.document.error(f"nested more than {MAX_DEPTH} deep", node)
        assert not isinstance(node, Scalar)
        self.opened.append(_Opened(node, [], event.anchor, self.count - 1))

    def _close(self) -> None:
        node, _, anchor, before = self.opened.pop()
        if anchor:
            self.anchors[anchor] = (node, self.count - before)

    def _grow(self, size: int, line: int, column: int) -> None:
        self.count += size
        if self.count > MAX_NODES:
            raise self.document.error_at(
                f"more than {MAX_NODES:,} values (aliases written out)",
                line,
                column,
                cure="repeat with times or for",
            )

    def _attach(self, opened: _Opened, new: YamlNode) -> None:
        parent, waiting, _, _ = opened
        if isinstance(parent, Sequence):
            parent.items.append(new)
        elif waiting:
            key = waiting.pop()
            parent.entries[key.text] = (key, new)
        elif not isinstance(new, Scalar):
            raise self.document.error("a key must be a word", new)
        elif new.text in parent.entries:
            first = parent.entries[new.text][0]
            raise self.document.error(
                f"duplicate key {new.text!r}", new, cure=f"it is already on line {first.line + 1}"
            )
        else:
            waiting.append(new)

    def _scalar(self, event: yaml.ScalarEvent, line: int, column: int) -> Scalar:
        text: str = event.value
        if event.style:
            return Scalar(line, column, text, text, False)
        value: ScalarValue = text
        if text in _WORDS:
            value = _WORDS[text]
        elif text[0] in "+-.0123456789":
            if _INT.match(text):
                if len(text) > MAX_DIGITS:
                    raise self.document.error_at("a number with too many digits", line, column, len(text))
                value = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
            elif _FLOAT.match(text):
                value = float(text)
        return Scalar(line, column, value, text)


def _place(event: yaml.Event) -> tuple[int, int]:
    """Line and column where an event begins, from 0."""
    mark = event.start_mark
    assert mark is not None
    return mark.line, mark.column


def read(path: Path, shown: str) -> str:
    """The text of a spec file; SpecError if it is not there, not text or too large."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SpecError(f"{shown}: no such file", cure=_nearby(path)) from None
    except IsADirectoryError:
        raise SpecError(f"{shown}: is a directory, not a spec", cure="name one YAML file") from None
    except OSError as error:
        raise SpecError(f"{shown}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise SpecError(f"{shown!r}: not the name of a file") from None
    if len(raw) > MAX_BYTES:
        raise SpecError(f"{shown}: larger than {MAX_BYTES:,} bytes; no spec is")
    if b"\0" in raw:
        raise SpecError(f"{shown}: a binary file, not YAML text")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(f"{shown}: not UTF-8 text (byte {error.start}: 0x{raw[error.start]:02x})") from None


def _nearby(path: Path) -> str | None:
    """What to do where there is no file: the one of the same folder that is nearly called so."""
    if not path.suffix:
        return "a spec ends in .yaml or .yml; a library's network: torchvision:NAME, timm:NAME"
    try:
        names = [each.name for each in path.parent.iterdir()]
    except (OSError, ValueError):
        return None
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.8)
    return f"did you mean {str(path.with_name(near[0]))!r}?" if near else None


def parse_value(text: str, name: str) -> YamlNode:
    """A value from the command line (`--set name=value`) as a node."""
    return Document(f"--set {name}", text).root


def unknown(
    document: Document,
    what: str,
    key: Scalar,
    known: list[str],
    more: str | None = None,
    cure: str | None = None,
) -> SpecError:
    """The error for a word that is none of the known ones; without a cure, the nearest of them is one."""
    listed = more or "known: " + ", ".join(known)
    cure = cure or did_you_mean(key.text, known)
    return document.error(f"{what} {key.text!r}", key, cure=cure, more=listed)
