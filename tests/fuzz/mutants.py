"""Mutants of a text: other numbers, other tokens, other bytes, other trees; all by one random generator."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

NUMBERS = (
    "0",
    "1",
    "-1",
    "2",
    "7",
    "255",
    "1e9",
    "1e400",
    "0.5",
    "-0.0",
    "nan",
    "inf",
    "9" * 30,
    "9" * 5000,
    "10**9",
)
WORDS = (
    "conv", "relu", "add", "concat", "bn", "maxpool", "linear", "flatten", "input", "body", "blocks", "params", "from",
    "as", "if", "for", "times", "channels", "height", "same", "true", "null", "x", "", "$x", "*a", "&a", "!!set", "~", "<<",
    "---", "...", "::error::x", "\x1b[31m", "\u202e", "é", "\x00", "\t", "'", '"', "{", "}", "[", "]", "[" * 500, ": ", "- ",
    "#", "\r\n", "\u2028", "a" * 300, "../..", "%s", "{0}", "\\", "=1", "os:system", "model.onnx",
    "[{a: 3}, {a: x}]", "for: rows", "rows[*].a",
)  # fmt: skip

Mutation = Callable[[random.Random, str], str]


def numbers(chance: random.Random, text: str) -> str:
    """One to four numbers are others."""
    found = list(re.finditer(r"\d+", text))
    for match in sorted(
        chance.sample(found, min(len(found), chance.randint(1, 4))), key=lambda m: -m.start()
    ):
        small = str(int(match.group()[:9]) + chance.choice((-1, 1, 2)))
        text = text[: match.start()] + chance.choice((small, small, *NUMBERS)) + text[match.end() :]
    return text


def one_number(chance: random.Random, text: str) -> str:
    """One number is a little smaller or larger: most of these are still what they were, and are counted."""
    found = list(re.finditer(r"\d+", text))
    if not found:
        return text
    match = chance.choice(found)
    number = max(0, int(match.group()[:9]) + chance.choice((-2, -1, 1, 2, 5)))
    return f"{text[: match.start()]}{number}{text[match.end() :]}"


def tokens(chance: random.Random, text: str) -> str:
    """Words are exchanged, dropped, doubled or put in."""
    words = re.split(r"(\W)", text)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(words))
        words[place] = chance.choice(("", words[place] * 2, chance.choice(words), chance.choice(WORDS)))
    return "".join(words)


def characters(chance: random.Random, text: str) -> str:
    """Spans are dropped, doubled, or become other characters."""
    for _ in range(chance.randint(1, 3)):
        start = chance.randint(0, len(text))
        end = min(len(text), start + chance.randint(0, 20))
        new = "".join(chr(chance.choice((chance.randrange(128), chance.randrange(0x3000)))) for _ in range(3))
        text = text[:start] + chance.choice(("", text[start:end] * 2, new)) + text[end:]
    return text


def lines(chance: random.Random, text: str) -> str:
    """Lines, which are branches of a tree by their indent, are moved, dropped, doubled or indented."""
    rows = text.split("\n")
    for _ in range(chance.randint(1, 3)):
        place, other = chance.randrange(len(rows)), chance.randrange(len(rows))
        row = rows.pop(place) if chance.random() < 0.5 else rows[place]
        rows.insert(
            other, chance.choice(("", "  ", "    ")) + (row if chance.random() < 0.7 else row.strip())
        )
        rows = rows[: chance.randint(1, len(rows))] if chance.random() < 0.1 else rows
    return "\n".join(rows)


def tree(chance: random.Random, text: str) -> str:
    """A JSON document with values that are others, gone, or elsewhere."""
    document = json.loads(text)
    for _ in range(chance.randint(1, 3)):
        holders = [each for each in _inside(document) if each]
        if not holders:
            break
        holder = chance.choice(holders)
        key: Any = (
            chance.choice(list(holder)) if isinstance(holder, dict) else chance.randrange(len(holder) or 1)
        )
        values = (None, True, -1, 0, 2.5, 1e308, float("nan"), 10**25, "x", "0.1", [], {}, [[]], holder)
        if chance.random() < 0.2 and key in (holder if isinstance(holder, dict) else range(len(holder))):
            del holder[key]
        elif isinstance(holder, dict) or holder:
            holder[key] = chance.choice(values[:-1])
    return json.dumps(document)


def _inside(value: Any) -> list[Any]:
    if not isinstance(value, (dict, list)):
        return []
    parts = value.values() if isinstance(value, dict) else value
    return [value, *(inner for part in parts for inner in _inside(part))]


def octets(chance: random.Random, data: bytes) -> bytes:
    """Bytes are others, gone or doubled."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(changed))
        kind = chance.random()
        if kind < 0.7:
            changed[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif kind < 0.85:
            del changed[place : place + chance.randint(1, 8)]
        else:
            changed[place:place] = changed[place : place + chance.randint(1, 16)]
        if not changed:
            break
    return bytes(changed)


TEXT: tuple[Mutation, ...] = (numbers, tokens, characters, lines)


def inner(chance: random.Random, text: str) -> str:
    """A JSON object whose texts are mutated as texts."""
    document = json.loads(text)
    key = chance.choice([key for key, value in document.items() if isinstance(value, str)])
    document[key] = chance.choice(TEXT)(chance, document[key])
    return json.dumps(document)
