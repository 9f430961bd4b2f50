"""The file that is edited: read, saved, changed by somebody else in the meantime."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from cnncost.errors import CnncostError, UsageError
from cnncost.language import document
from cnncost.writing import write

NEW = "input: [3, 32, 32]\nbody:\n  - {conv: {out: 16, kernel: 3, pad: 1}}\n  - relu\n"
"""What a file that is not there begins with."""


class Revision(NamedTuple):
    """A text, and what tells it from others."""

    text: str
    mark: str


class ChangedMeanwhile(CnncostError):
    """The file is no longer what the page was shown."""


class Watched:
    """A spec file on disk."""

    def __init__(self, path: Path):
        if path.suffix not in (".yaml", ".yml"):
            raise UsageError(f"{path}: a spec is a YAML file\n  its name ends in .yaml or .yml")
        if not path.parent.is_dir():
            raise UsageError(f"{path}: no directory '{path.parent}'\n  make it first: mkdir -p {path.parent}")
        self.path = path
        self.now()

    @property
    def name(self) -> str:
        """What errors call it."""
        return str(self.path)

    def now(self) -> Revision:
        """The text as it is on disk. Raises SpecError for a file that cannot be read."""
        if not self.path.exists():
            return Revision(NEW, "new")
        text = document.read(self.path, self.name)
        return Revision(text, hashlib.sha256(text.encode()).hexdigest()[:16])

    def save(self, text: str, known: str) -> Revision:
        """Write a text over the revision that is `known`. Raises ChangedMeanwhile if it is another by now."""
        if self.now().mark != known:
            raise ChangedMeanwhile(
                f"{self.path} was changed on disk", cure="load it again, or save once more to overwrite it"
            )
        write(self.path, text)
        return self.now()
