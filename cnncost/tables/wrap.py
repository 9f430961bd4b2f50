"""Text in lines of a width; a number is never split, nor parted from the sign or operator before it.

For terminals: tables/fit.py wraps cells, headings and notes with it, tables/tree.py its lines.
"""

from __future__ import annotations

import re

_PIECES = re.compile(r"(?:[-+*/=<>]+ )*\S+\s*|\s+")
"""Words, each with the operators before it: a sum breaks before its plus."""
_NAME_BREAKS = re.compile(r"(?<=[./:_])(?=[A-Za-z])")
"""Inside a word, a line may end after a dot, slash, colon or underscore of a name."""
_NUMERIC = re.compile(r"[-+~≥≈<≤]?\d[\d.,x×%]*\Z")


def pieces(text: str) -> list[str]:
    """The parts of a text between which a line may end."""
    return [part for word in _PIECES.findall(text) for part in _NAME_BREAKS.split(word)]


def longest_piece(text: str) -> int:
    """The width below which a line of the text must be cut inside a word or overflow."""
    return max((len(piece.rstrip()) for piece in pieces(text)), default=0)


def wrap(text: str, width: int, *, indent: str = "") -> list[str]:
    """The lines of a text, none wider than `width` characters; all but the first begin with `indent`.

    A word that is wider is cut; a number that is wider, or a shape such as 64x112x112, is not.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += _paragraph(paragraph, max(width, 1), indent if len(indent) < width else "")
    return lines


def _paragraph(text: str, width: int, indent: str) -> list[str]:
    lines, line = [], ""
    for piece in (cut for whole in pieces(text) for cut in _cut(whole, width - len(indent))):
        if line.strip() and len(line) + len(piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = indent
        line += piece
    return [*lines, line.rstrip()]


def _cut(piece: str, width: int) -> list[str]:
    """A piece in parts of at most `width`, unless it is a number."""
    if len(piece.rstrip()) <= width or any(map(_NUMERIC.match, piece.split())):
        words = piece.split(" ") if len(piece.rstrip()) > width else [piece]
        return [f"{word} " for word in words if word] if len(words) > 1 else [piece]
    return [piece[start : start + width] for start in range(0, len(piece), width)]
