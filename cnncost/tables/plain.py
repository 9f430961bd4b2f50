"""Characters for a stream whose encoding lacks ours: cp1252, latin-1, ascii.

A table's rule, a multiplication sign or a name in another script must not stop a program: what the
encoding cannot say is written with plain characters, as near as there are any.
"""

from __future__ import annotations

import codecs
import unicodedata
from typing import TextIO

HANDLER = "cnncost.plain"
"""The name of the error handler, for `open(errors=...)` and `str.encode`."""
_PLAIN = {
    "─": "-", "│": "|", "┌": "+", "┐": "+", "└": "+", "┘": "+", "├": "+", "┤": "+", "╭": "+", "╮": "+",
    "╰": "+", "╯": "+", "━": "-", "═": "=", "×": "x", "µ": "u", "≥": ">=", "≤": "<=", "→": "->", "←": "<-",
    "…": "...", "–": "-", "—": "-", "“": '"', "”": '"', "‘": "'", "’": "'", "·": "*", "•": "*",
    "√": "sqrt", "≈": "~", "−": "-",
}  # fmt: skip


def plain(text: str) -> str:
    """The text in ASCII: our signs by plain ones, accents dropped, `?` for the rest."""
    return "".join(map(_character, text))


def _character(character: str) -> str:
    if character.isascii():
        return character
    known = _PLAIN.get(character)
    if known is None:
        known = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return known or "?"


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end


codecs.register_error(HANDLER, _replaced)


def degrade(stream: TextIO) -> None:
    """Let a stream write plain characters where its encoding has none of ours; UTF-8 stays as it is."""
    reconfigure = getattr(stream, "reconfigure", None)
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-")
    if reconfigure is not None and encoding not in ("utf-8", "utf8"):
        reconfigure(errors=HANDLER)
