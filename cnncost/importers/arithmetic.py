"""Sums, products, functions and reductions of tensors of every framework, element by element, in ours.

An operand that is a number is a Python number, one that is a tensor an item.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost.importers.building import Unsupported
from cnncost.importers.conversion import Conversion
from cnncost.importers.parts import build, channels
from cnncost.importers.shapes import Shape

Operand = Any
"""A tensor of the framework, or a number."""


def is_number(value: Operand) -> bool:
    """Whether an operand is a number."""
    return isinstance(value, (int, float))


def per_value(t: Conversion, call: Any, function: str, x: Any, number: float | None = None) -> int:
    """A function of every value, or of every value and a number."""
    return t.emit(build("elementwise", function=function, number=number), [t.node(x)], call)


def per_pair(t: Conversion, call: Any, function: str, x: Any, y: Any) -> int:
    """An operation of two tensors, value by value."""
    return t.emit(build("combine", function=function), [t.node(x), t.node(y)], call)


def add(t: Conversion, call: Any, x: Operand, y: Operand, alpha: float = 1) -> int:
    """x + alpha y"""
    if is_number(y):
        return per_value(t, call, "add", x, y * alpha)
    if is_number(x):
        x, y = scaled(t, call, y, alpha), x
        return t.emit(build("elementwise", function="add", number=y), [x], call)
    op = build("add") if t.shape(x) == t.shape(y) else build("combine", function="add")
    return t.emit(op, [t.node(x), scaled(t, call, y, alpha)], call)


def subtract(t: Conversion, call: Any, x: Operand, y: Operand, alpha: float = 1) -> int:
    """x - alpha y"""
    if is_number(y):
        return per_value(t, call, "add", x, -y * alpha)
    factor = scaled(t, call, y, alpha)
    if is_number(x):
        return t.emit(build("elementwise", function="rsub", number=x), [factor], call)
    return t.emit(build("combine", function="sub"), [t.node(x), factor], call)


def scaled(t: Conversion, call: Any, x: Any, by: float) -> int:
    """A tensor times a number, as part of a call."""
    if by == 1:
        return t.node(x)
    return t.emit(build("scale", by=by), [t.node(x)], call, shape=t.shape(x), within=True)


def multiply(t: Conversion, call: Any, x: Operand, y: Operand, shape: Shape) -> int:
    """x y, of a shape: by a number, by a learned factor per channel, by a gate, or by any tensor."""
    if is_number(x):
        x, y = y, x
    if is_number(y):
        return t.emit(build("scale", by=y), [t.node(x)], call)
    for factor, other in ((x, y), (y, x)):
        if t.shape(other) != shape or not (t.own(factor) and t.depends(other)):
            continue
        along = channels(t, t.node(other))
        if is_per_channel(t.shape(factor), shape, len(shape) - 1 if along is None else along):
            return t.emit(build("layer_scale", frozen=t.frozen(factor)), [t.node(other)], call)
    first, second = t.shape(x), t.shape(y)
    gate = len(first) == len(second) and len(first) > 1 and first[0] == second[0]
    return t.emit(build("mul") if gate else build("combine", function="mul"), [t.node(x), t.node(y)], call)


def is_per_channel(sizes: Shape, shape: Shape, along: int) -> bool:
    """Whether a factor of these sizes is one value per channel (the axis `along`) of a tensor."""
    if len(shape) < 2 or len(sizes) > len(shape):
        return False
    aligned = (*[1] * (len(shape) - len(sizes)), *sizes)
    return aligned == tuple(size if at == along else 1 for at, size in enumerate(shape))


def divide(t: Conversion, call: Any, x: Operand, y: Operand) -> int:
    """x / y"""
    if is_number(y):
        if not y:
            raise Unsupported("a division by zero")
        return t.emit(build("scale", by=1 / y), [t.node(x)], call)
    if is_number(x):
        inverse = t.emit(build("elementwise", function="reciprocal"), [t.node(y)], call)
        return inverse if x == 1 else t.emit(build("scale", by=x), [inverse], call, within=True)
    return per_pair(t, call, "div", x, y)


def power(t: Conversion, call: Any, x: Operand, exponent: Operand) -> int:
    """x to the power of a number or a tensor."""
    if is_number(x):
        raise Unsupported("a number to the power of a tensor")
    if not is_number(exponent):
        return per_pair(t, call, "pow", x, exponent)
    square = exponent == 2
    return per_value(t, call, "square" if square else "pow", x, None if square else exponent)


def clamped(t: Conversion, call: Any, x: Any, low: Operand | None, high: Operand | None) -> int:
    """Values no smaller than a number or a tensor, and no larger than another."""
    index = t.node(x)
    for function, bound in (("maximum", low), ("minimum", high)):
        if bound is None:
            continue
        if is_number(bound):
            index = t.emit(build("elementwise", function=function, number=bound), [index], call)
        else:
            index = t.emit(build("combine", function=function), [index, t.node(bound)], call)
    return index


def choice(t: Conversion, call: Any, condition: Any, x: Operand, y: Operand) -> int:
    """Values of one tensor or number, or of another, by a condition; of two tensors that is not read here."""
    if is_number(x) and is_number(y):
        return t.emit(build("elementwise", function="threshold", number=0.0), [t.node(condition)], call)
    x, y = (condition if is_number(operand) else operand for operand in (x, y))
    whole = joint([t.shape(operand) for operand in (condition, x, y)])
    pairs = sorted(
        [(x, y), (condition, y), (condition, x)],
        key=lambda pair: any(t.shape(operand) == () for operand in pair),
    )
    read = [pair for pair in pairs if joint([t.shape(operand) for operand in pair]) == whole]
    if not read:
        raise Unsupported("a choice among three shapes that differ")
    return per_pair(t, call, "where", *read[0])


def joint(shapes: Sequence[Shape]) -> Shape:
    """The shape of values that are repeated along the axes that they lack or have once."""
    rank = max(map(len, shapes))
    aligned = [(*[1] * (rank - len(shape)), *shape) for shape in shapes]
    return tuple([next((size for size in sizes if size != 1), 1) for sizes in zip(*aligned, strict=True)])


MIRRORED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq", "ne": "ne"}
"""What a comparison is with its sides exchanged."""


def either(t: Conversion, call: Any, function: str, x: Operand, y: Operand) -> int:
    """An operation of two tensors, or of a tensor and a number, that has one name for both."""
    if is_number(x) and function in MIRRORED:
        function, x, y = MIRRORED[function], y, x
    if is_number(x):
        return t.emit(build("elementwise", function="reciprocal"), [t.node(y)], call)
    if is_number(y):
        number = float(y)
        return per_value(t, call, function, x, number)
    return per_pair(t, call, function, x, y)


def reduced(
    t: Conversion, call: Any, function: str, x: Any, over: Sequence[int], keep: bool, shape: Shape
) -> int:
    """Some axes reduced to one value each; `shape` is the output's. Of a map's space: a global pooling."""
    rank = len(t.shape(x))
    if function in ("mean", "max") and rank == 4 and tuple(over) == (2, 3):
        pool = build("global_avgpool" if function == "mean" else "global_maxpool")
        pooled = t.emit(pool, [t.node(x)], call, shape=(*shape[:2], 1, 1))
        return pooled if keep else t.emit(build("flatten"), [pooled], call, shape=shape)
    op = build("reduce", function=function, axes=over, keep=keep)
    return t.emit(op, [t.node(x)], call, shape=shape)
