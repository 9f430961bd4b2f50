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
    """A product in Einstein's notation; of more than two factors two at a time, from the left.

    What no later factor and no output names is summed over as soon as it can be.
    """
    equation = equation.replace(" ", "")
    if "->" not in equation or "." in equation:
        raise Unsupported("a product whose axes are not all named")
    terms, output = equation.split("->")
    first, *others = terms.split(",")
    if not others:
        raise Unsupported("a product of one factor")
    made = t.node(tensors[0])
    for place, (term, item) in enumerate(zip(others, tensors[1:], strict=True), 1):
        later = output + "".join(others[place:])
        kept = "".join(letter for letter in dict.fromkeys(first + term) if letter in later)
        result = output if place == len(others) else kept
        op = build("einsum", equation=f"{first}_{term}_{result}")
        sources = [made, t.node(item)]
        shape = op.output_shape(*[t.building.at_batch[source] for source in sources])
        made = t.emit(op, sources, call, shape=shape, within=place < len(others))
        first = result
    return made


def attention(t: Conversion, call: Any, query: int, key: int, value: int, mask: int | None) -> int:
    """Scaled dot-product attention of the nodes of (..., heads, length, features)."""
    sources = [query, key, value, *([] if mask is None else [mask])]
    return t.emit(build("attention"), sources, call)
