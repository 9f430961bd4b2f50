"""Foreign words where they are printed: one function per destination, so that they stay words there.

Names, labels, sources and quoted lines come from specs, locks, ONNX files and file names, which anybody may
have written. Here they lose what a terminal, a runner, a browser or a spreadsheet would obey. LaTeX has its
own in `tables/mathematics.py`.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

_COMMAND = re.compile(r"^([ \t]*)::|##\[", re.MULTILINE)
"""What GitHub's runner takes for a command: `::` after blanks, `##[` anywhere in a line."""
_MARKUP = re.compile(r"[\\`*\[\]<|]|(?<!\w)_|_(?!\w)|~(?=~)|&(?=#?\w+;)")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_UNSEEN = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]|##\\["
)


def terminal(text: str) -> str:
    """A text of one or several lines for a terminal or a runner's log: no escape sequence, no command."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c == "\n" else _seen(c) for c in text)
    return _COMMAND.sub(_blunt, text) if "::" in text or "##[" in text else text


def line(text: str) -> str:
    """The same in one line."""
    return terminal(text.replace("\n", "\\n")) if "\n" in text else terminal(text)


def _seen(character: str) -> str:
    return json.dumps(character)[1:-1]


def _blunt(match: re.Match[str]) -> str:
    return "# #[" if match.group() == "##[" else f"{match[1]}: :"


def document(value: Any) -> str:
    """JSON that is safe to print: what cannot be seen is written as \\u...., which reads back the same."""
    return _seen_in(json.dumps(value, indent=2, ensure_ascii=False))


def script(value: Any) -> str:
    """JSON inside an HTML page: no `<`, with which a browser would end or hide the element that holds it."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return _seen_in(text).replace("<", "\\u003c")


def _seen_in(text: str) -> str:
    return _UNSEEN.sub(lambda match: "".join(_quoted(c) for c in match.group()), text)


def _quoted(character: str) -> str:
    return character if character == "#" else f"\\u{ord(character):04x}"


def markdown(text: str) -> str:
    """A text in Markdown: every character of markup as itself, in one line."""
    return _MARKUP.sub(lambda match: "&lt;" if match.group() == "<" else "\\" + match.group(), line(text))


def markup(text: str) -> str:
    """A text in HTML, XML and the labels of Graphviz, without the characters that XML forbids."""
    return html.escape(terminal(text))


def cell(value: Any) -> Any:
    """A value in CSV: a text that a spreadsheet would take for a formula begins with an apostrophe."""
    if isinstance(value, str):
        value = line(value)
        return f"'{value}" if value.startswith(_FORMULA) else value
    return value


def command_value(text: str) -> str:
    """The message of a workflow command of GitHub."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def command_property(text: str) -> str:
    """A property of a workflow command of GitHub."""
    return command_value(text).replace(":", "%3A").replace(",", "%2C")
