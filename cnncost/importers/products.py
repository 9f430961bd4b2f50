"""Products of matrices of every framework in ours, attention among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost.importers.building import Unsupported
from cnncost.importers.conversion import Conversion
from cnncost.importers.parts import build


def matmul(t: Conversion, call: Any, x: Any, y: Any) -> int:
    """A product over the last axis of one and the last but one of the other."""
    if min(len(t.shape(x)), len(t.shape(y))) < 2:
        raise Unsupported("a product with a vector")
    return t.emit(build("matmul"), [t.node(x), t.node(y)], call)


def einsum(t: Conversion, call: Any, equation: str, tensors: Sequence[Any]) -> int:
    """A product in Einstein's notation."""
    equation = equation.replace(" ", "")
    if "->" not in equation:
        raise Unsupported("a product whose output is not named")
    op = build("einsum", equation=equation.replace("->", "_").replace(",", "_"))
    return t.emit(op, [t.node(item) for item in tensors], call)


def attention(t: Conversion, call: Any, query: Any, key: Any, value: Any, mask: Any) -> int:
    """Scaled dot-product attention of (..., heads, length, features)."""
    sources = [query, key, value, *([] if mask is None else [mask])]
    return t.emit(build("attention"), [t.node(item) for item in sources], call)
