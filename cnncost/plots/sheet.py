"""Where a picture is printed: its width, its type, its names, its title; by default a screen.

    with sheet.on(Sheet.paper("column")): ...

`style` reads it wherever a kind makes a figure, a title or a text, so that no kind knows of paper.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import NamedTuple

from cnncost.errors import UsageError, known_word, nearest
from cnncost.plots.names import proper

PAPERS = {"column": 3.35, "page": 6.99}
"""Widths in inches of a column and of the page of a two-column article (IEEE's and ACM's)."""
TYPE = 8.0
"""Points of a paper's type in pictures."""
LARGEST = 60.0
"""Inches that a side of a picture may have."""


class Sheet(NamedTuple):
    """Sizes in inches, type in points; None: as the kind of picture has it."""

    width: float | None = None
    height: float | None = None
    type: float | None = None
    font: str | None = None
    title: str | None = None  #: "": none
    footnote: bool = True
    real_names: bool = False  #: VGG-16-BN instead of vgg16_bn
    names: Mapping[str, str] = MappingProxyType({})  #: for models, by their plain names

    def name(self, model: str) -> str:
        """A model's name as it is printed; a remark in parentheses stays."""
        plain, blank, remark = model.partition(" (")
        if plain in self.names:
            return self.names[plain] + blank + remark
        return proper(plain) + blank + remark if self.real_names else model


SCREEN = Sheet()
_CURRENT: ContextVar[Sheet] = ContextVar("sheet", default=SCREEN)


def current() -> Sheet:
    """The sheet that is being drawn on."""
    return _CURRENT.get()


@contextmanager
def on(sheet: Sheet) -> Iterator[None]:
    """Draw on a sheet for as long as the block lasts."""
    token = _CURRENT.set(sheet)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def sheet(
    paper: str | None = None,
    *,
    size: str | None = None,
    font: str | None = None,
    title: str | None = None,
    names: str | None = None,
) -> Sheet:
    """The sheet that a caller's words ask for.

    `paper` is column or page: that width, 8 point type, no title, no footnote, real names. `size` is
    3.3x2.5 or 3.3, in inches; `font` a family that matplotlib finds; `title` replaces the kind's own, ""
    leaves it out; `names` is real, plain, or plain=shown pairs by comma. Raises UsageError.
    """
    made = SCREEN
    if paper is not None:
        width = PAPERS[known_word("unknown --paper", paper, PAPERS)]
        made = Sheet(width=width, type=TYPE, title="", footnote=False, real_names=True)
    if size is not None:
        width, height = _sides(size)
        made = made._replace(width=width, height=height)
    if font is not None:
        made = made._replace(font=_installed(font))
    if title is not None:
        made = made._replace(title=title)
    if names is not None:
        real, shown = _named(names)
        made = made._replace(real_names=real or (made.real_names and names != "plain"), names=shown)
    return made


def _sides(size: str) -> tuple[float, float | None]:
    sides = size.replace("×", "x").split("x")
    try:
        found = [float(side) for side in sides]
    except ValueError:
        found = []
    if not 1 <= len(found) <= 2 or not all(1 <= side <= LARGEST for side in found):
        raise UsageError(
            f"--size {size!r} is not a size in inches, of 1 to {LARGEST:g} a side\n"
            "  for example: --size 3.35x2.5, or --size 3.35"
        )
    return found[0], found[1] if len(found) == 2 else None


def _installed(font: str) -> str:
    """The font, if matplotlib finds it. Raises UsageError."""
    from matplotlib import font_manager

    try:
        font_manager.findfont(font, fallback_to_default=False)
    except ValueError:
        known = sorted(set(font_manager.get_font_names()))
        match = nearest(font, known)
        hint = f": did you mean {match!r}?" if match else ""
        raise UsageError(f"--font {font!r} is not installed{hint}\n  fonts: {', '.join(known)}") from None
    return font


def _named(names: str) -> tuple[bool, dict[str, str]]:
    if names in ("real", "plain"):
        return names == "real", {}
    pairs = [item.partition("=") for item in names.split(",")]
    if not all(plain.strip() and equals and shown.strip() for plain, equals, shown in pairs):
        raise UsageError(
            f"--names {names!r} is neither real, plain, nor name=text\n"
            "  for example: --names real, or --names 'vgg16=VGG (D),resnet50=Ours'"
        )
    return False, {plain.strip(): shown.strip() for plain, _, shown in pairs}
