"""What the page asks: a text, and under which circumstances it is counted."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from cnncost import devices
from cnncost.analysis.grouping import LEVELS
from cnncost.border import Fields, integer
from cnncost.errors import UsageError, known_word
from cnncost.request import Run

LONGEST = 1_000_000
"""Characters of a spec that is looked at while somebody types."""


class LiveQuestion(NamedTuple):
    """A spec's text, its variant, and how it is to be counted."""

    text: str
    variant: str = ""
    input: tuple[int, ...] | None = None
    by: str = "layer"
    run: Run = Run()

    @classmethod
    def of(cls, plain: Any) -> LiveQuestion:
        """The question in a JSON object. Raises UsageError, which names the field."""
        fields = Fields(plain, "question")
        text = fields.text("text")
        if len(text) > LONGEST:
            raise UsageError(f"a spec of more than {LONGEST:,} characters is not counted while it is typed")
        usual = Run()
        words = {
            name: fields.text(name, optional=True) or "" for name in ("variant", "input", "by", "device")
        }
        run = {name: fields.text(name, optional=True) or getattr(usual, name)
               for name in ("dtype", "mode", "convention")}  # fmt: skip
        if devices.is_path(words["device"]):  # a page opens no file that the command line did not name
            raise UsageError(f"{words['device']!r} is no device of ours; the page reads no device's file")
        batch = fields.whole("batch", least=1, optional=True) or 1
        by = known_word("unknown level", words["by"] or "layer", LEVELS, "levels")
        return cls(text, words["variant"], sizes(words["input"]), by,
                   Run(batch, **run, device=words["device"] or None))  # fmt: skip


def sizes(text: str) -> tuple[int, ...] | None:
    """`3x224x224` as sizes; None for nothing. Raises UsageError for anything else."""
    if not text.strip():
        return None
    parts = re.split(r"\s*[x×*,]\s*", text.strip())
    found = [integer(int(part)) if part.isdecimal() and len(part) < 10 else None for part in parts]
    if None in found:
        raise UsageError(f"input {text!r} is not a size\n  for example: 3x224x224, or 224")
    return tuple([size for size in found if size is not None])
