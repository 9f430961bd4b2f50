"""Products of matrices of every framework in ours, attention among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost.importers.building import Unsupported
from cnncost.importers.conversion import Conversion
from cnncost.importers.parts import build
from cnncost.importers.shapes import Shape, with_rest_as
from cnncost.ops.sizes import free


def matmul(t: Conversion, call: Any, x: Any, y: Any) -> int:
    """A product over the last axis of one and the last but one of the other, or the only one."""
    first, second = t.shape(x), t.shape(y)
    row, column = len(first) == 1, len(second) == 1
    if not (row or column):
        return t.emit(build("matmul"), [t.node(x), t.node(y)], call)
    left, right = (1, *first) if row else first, (*second, 1) if column else second
    sources = [as_shape(t, call, x, left), as_shape(t, call, y, right)]
    op = build("matmul")
    shape: Shape = op.output_shape(free(left), free(right))
    product = t.emit(op, sources, call, shape=shape)
    axes = [axis for axis, drop in ((len(shape) - 2, row), (len(shape) - 1, column)) if drop]
    for place in reversed(axes):
        shape = (*shape[:place], *shape[place + 1 :])
        product = t.emit(build("select", axis=place), [product], call, shape=shape, within=True)
    return product


def as_shape(t: Conversion, call: Any, item: Any, shape: Shape) -> int:
    """The node of a tensor, seen in another shape."""
    if t.shape(item) == shape:
        return t.node(item)
    op = build("view", shape=with_rest_as(shape))
    return t.emit(op, [t.node(item)], call, shape=shape, within=True)


def einsum(t: Conversion, call: Any, equation: str, tensors: Sequence[Any]) -> int:
    """A product in Einstein's notation."""
    equation = equation.replace(" ", "")
    if "->" not in equation:
        raise Unsupported("a product whose output is not named")
    op = build("einsum", equation=equation.replace("->", "_").replace(",", "_"))
    return t.emit(op, [t.node(item) for item in tensors], call)


def attention(t: Conversion, call: Any, query: int, key: int, value: int, mask: int | None) -> int:
    """Scaled dot-product attention of the nodes of (..., heads, length, features)."""
    sources = [query, key, value, *([] if mask is None else [mask])]
    return t.emit(build("attention"), sources, call)
