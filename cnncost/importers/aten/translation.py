"""What a translation is, and the two that several kinds of operators share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.values import is_in_place
from cnncost.importers.parts import build

Translation = Callable[[Conversion, Any], Any]
"""Gets the conversion and the call, appends nodes, and gives the index of the last one.

Or a list, one entry per tensor that the call gives; an entry that is a function is called when its
tensor is taken. Or None: the call makes no node, its tensor is known as a parameter. Raises
Unsupported for a use that no declaration covers.
"""


def plain(name: str, **given: Any) -> Translation:
    """An operator of one tensor whose other arguments do not matter."""
    op = build(name, **given)
    return lambda t, node: t.emit(op, [t.node(node.args[0])], node)


def in_place(name: str) -> Translation:
    """An activation that PyTorch has in place and not."""

    def translate(t: Conversion, node: Any) -> int:
        return t.emit(build(name, inplace=is_in_place(node)), [t.node(node.args[0])], node)

    return translate


def named(names: str, translation: Translation) -> dict[str, Translation]:
    """One translation under several names."""
    return dict.fromkeys(names.split(), translation)
