"""What a spec says of its network beside the layers: its paper, and figures that are published of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cnncost.language.document import Mapping, ScalarValue, YamlNode

if TYPE_CHECKING:
    from cnncost.language.grammar import Grammar

PAPER = ["authors", "title", "venue", "year", "arxiv", "doi", "url"]
FIGURES = [
    "params", "macs", "flops", "size_mb", "depth",
    "top1", "top5", "top1_error", "top5_error", "error", "miou",
]  # fmt: skip
MAX_FIGURE = 1e18
FACTS = [*FIGURES, "dataset", "protocol", "source", "input", "note", "reason"]

_SIZE = re.compile(r"[1-9]\d{0,5}(x[1-9]\d{0,5})?\Z", re.ASCII)


def facts_of(grammar: Grammar, root: Mapping) -> dict[str, Any]:
    """The description, the paper and the published figures of a spec or of a variant. Raises SpecError."""
    facts: dict[str, Any] = {}
    description = root.get("description")
    if description is not None:
        facts["description"] = " ".join(grammar.scalar(description, "description").text.split())
    paper = root.get("paper")
    if paper is not None:
        entries = grammar.mapping(paper, "paper", PAPER).entries.values()
        facts["paper"] = {key.text: grammar.scalar(value, key.text).value for key, value in entries}
    published = root.get("published")
    if published is not None:
        facts["published"] = [_fact(grammar, item) for item in grammar.listed(published, "published")]
    return facts


def _fact(grammar: Grammar, node: YamlNode) -> dict[str, ScalarValue]:
    entries = grammar.mapping(node, "a published fact", FACTS)
    fact: dict[str, ScalarValue] = {}
    printed: dict[str, str] = {}
    for key, value in entries.entries.values():
        scalar = grammar.scalar(value, key.text)
        if key.text in FIGURES and not _is_number(scalar.value):
            raise grammar.document.error(f"{key.text} must be a number, not {scalar.describe()}", scalar)
        if key.text == "input" and not _SIZE.match(scalar.text):
            raise grammar.document.error(
                f"input must be a size, not {scalar.describe()}", scalar, cure="write 240 or 360x640"
            )
        fact[key.text] = scalar.value
        printed[key.text] = scalar.text
    if "source" not in fact:
        raise grammar.document.error("a published fact needs its source", node)
    return {**fact, "printed": printed}  # type: ignore[dict-item]


def _is_number(value: ScalarValue) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= MAX_FIGURE
