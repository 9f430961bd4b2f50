"""What a translation is, a node's attributes, and the translations that several kinds share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onnx import helper

from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.tensors import shortest
from cnncost.importers.parts import build

Translation = Callable[[Conversion, Any], Any]
"""Gets the conversion and the node, appends ours, and gives the index of the last one.

Or a list, one index per output. Raises Unsupported for a use that no declaration covers.
"""


def attributes(node: Any) -> dict[str, Any]:
    """A node's attributes by name: words as words, numbers as they were before they became float32."""
    return {item.name: plain_value(helper.get_attribute_value(item)) for item in node.attribute}


def plain_value(value: Any) -> Any:
    """An attribute's value as Python has it."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return shortest(value) if isinstance(value, float) else value


def optional(node: Any, position: int) -> str:
    """The name of an input that may be left out; "" if it is."""
    return str(node.input[position]) if position < len(node.input) else ""


def plain(name: str, **given: Any) -> Translation:
    """An operator of one tensor whose other arguments do not matter."""
    op = build(name, **given)
    return lambda t, node: t.emit(op, [t.node(node.input[0])], node)


def named(names: str, translation: Translation) -> dict[str, Translation]:
    """One translation under several names."""
    return dict.fromkeys(names.split(), translation)
