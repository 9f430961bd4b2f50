"""Topics of `cnncost help`: a word -> the reference on it, as Markdown or as text for a terminal."""

from __future__ import annotations

import re
from pathlib import Path

from cnncost import devices
from cnncost.analysis.conventions import CONVENTIONS
from cnncost.errors import UsageError, did_you_mean
from cnncost.language import words, zoo
from cnncost.ops import REGISTRY
from cnncost.reference import conventions, operators
from cnncost.reference import devices as sheets

GRAMMAR = Path(__file__).with_name("grammar.md")


def grammar() -> str:
    """The words of a spec, each with an example that a test reads."""
    return GRAMMAR.read_text(encoding="utf-8")


TOPICS = {
    "operators": operators.overview,
    "grammar": grammar,
    "conventions": conventions.overview,
    "devices": sheets.overview,
}
"""Topics that are not one operator, one kind of operators, one convention or one device."""


MEANINGS = (
    "mac",
    "flop",
    "param",
    "parameter",
    "peak",
    "activation",
    "latency",
    "roofline",
    "receptive field",
)
"""Words, without an s at their end, that the manual explains and no topic is about."""
CONCEPTS = (
    "what the words mean: docs/concepts.md; how a layer's figures come about: cnncost explain alexnet conv1"
)


def names() -> list[str]:
    """Every topic."""
    return [*TOPICS, *operators.kinds(), *REGISTRY, *CONVENTIONS, *devices.names()]


def topic(word: str) -> str:
    """The reference on a topic as Markdown, also by PyTorch's or Keras's word. Raises UsageError."""
    if word in TOPICS:
        return TOPICS[word]()
    if word in REGISTRY:
        return operators.operator(word)
    if word in operators.kinds():
        return "\n".join(operators.operator(name) for name in operators.kinds()[word])
    if word in CONVENTIONS:
        return conventions.one(word)
    if word in devices.names():
        return sheets.one(word)
    ours = re.search(r"'(\w+)'", words.operator_cure(word, []) or "")
    if ours:
        return f"`{word}` is `{ours[1]}` here.\n\n" + operators.operator(ours[1])
    known = f"{', '.join(TOPICS)}; an operator, a kind of operators, a convention, a device, a command"
    near = did_you_mean(word, names())
    cure = CONCEPTS if word.lower().rstrip("s") in MEANINGS else None
    if word in zoo.index():
        cure = f"it is a model: cnncost show {word}"
    raise UsageError(
        f"unknown topic {word!r}" + (f": {near}" if near and cure is None else ""),
        cure=cure,
        more=f"topics: {known}",
    )


def plain(markdown: str, width: int) -> str:
    """Markdown as text: headings bare, tables as `name  text` lines, code indented."""
    from cnncost.tables.wrap import wrap

    lines: list[str] = []
    code = False
    for line in markdown.splitlines():
        if line.startswith("```"):
            code = not code
        elif code:
            lines.append("    " + line)
        elif re.match(r"\|[-|]+\|\Z", line):
            continue
        elif line.startswith("|"):
            cells = [_bare(cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            short = [f"{cell:<10}" for cell in cells[1:-1]]
            lines += wrap("  " + "  ".join([f"{cells[0]:<18}", *short, cells[-1]]), width, indent=" " * 20)
        else:
            indent = "  " if line.startswith("- ") else ""
            lines += wrap(_bare(line.lstrip("# ") if line.startswith("#") else line), width, indent=indent)
    return "\n".join(lines) + "\n"


def _bare(text: str) -> str:
    """Text without Markdown's marks: links by their words."""
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text).replace("`", "").replace("\\|", "|")
