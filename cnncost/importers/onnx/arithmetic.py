"""ONNX's sums, products, functions and reductions of tensors, element by element, as its files state them."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from cnncost.importers import arithmetic
from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.translation import Translation, attributes, named, optional
from cnncost.importers.parts import build
from cnncost.importers.shapes import axes
from cnncost.ops.sizes import free


def pointwise(function: str) -> Translation:
    """A function of every value."""
    return lambda t, node: arithmetic.per_value(t, node, function, node.input[0])


def operands(t: Conversion, node: Any) -> tuple[Any, Any]:
    """The two operands; a constant of one value, where the other has the output's shape, as a number."""
    x, y = node.input
    shape = t.shape(node.output[0])
    for tensor, other, number in ((x, y, t.tensors.number(y)), (y, x, t.tensors.number(x))):
        if number is None or not isfinite(number):
            continue
        if t.shape(tensor) == shape and t.depends(tensor):
            return (tensor, number) if other is y else (number, tensor)
    return x, y


def two(operation: Callable[..., int]) -> Translation:
    """An operation of two operands."""
    return lambda t, node: operation(t, node, *operands(t, node))


def multiply(t: Conversion, node: Any) -> int:
    return arithmetic.multiply(t, node, *operands(t, node), t.shape(node.output[0]))


def several(function: str, join: str = "") -> Translation:
    """One operation of two tensors or more, one after the other; a join if all have one shape."""

    def translate(t: Conversion, node: Any) -> int:
        shapes = [t.shape(name) for name in node.input]
        if join and len(set(shapes)) == 1 and len(shapes) > 1:
            return t.emit(build(join), [t.node(name) for name in node.input], node)
        index = t.node(node.input[0])
        for name, shape in zip(node.input[1:], shapes[1:], strict=True):
            number = t.tensors.number(name)
            if number is not None and isfinite(number) and function in ("maximum", "minimum"):
                op = build("elementwise", function=function, number=number)
                index = t.emit(op, [index], node, shape=t.building.at_batch[index])
            else:
                op = build("combine", function=function)
                made = op.output_shape(t.building.at_batch[index], free(shape))
                index = t.emit(op, [index, t.node(name)], node, shape=made)
        return index

    return translate


def mean_of(t: Conversion, node: Any) -> int:
    if len({t.shape(name) for name in node.input}) != 1:
        raise Unsupported("a mean of tensors of several shapes")
    return t.emit(build("mean"), [t.node(name) for name in node.input], node)


COMPARISONS = {
    "Equal": "eq", "Greater": "gt", "GreaterOrEqual": "ge", "Less": "lt", "LessOrEqual": "le",
    "And": "logical_and", "Or": "logical_or", "Xor": "logical_xor", "Mod": "remainder",
    "BitwiseAnd": "logical_and", "BitwiseOr": "logical_or", "BitwiseXor": "logical_xor",
}  # fmt: skip
"""Operations of two operands, and what they are called here."""


def compared(t: Conversion, node: Any) -> int:
    return arithmetic.either(t, node, COMPARISONS[node.op_type], *operands(t, node))


def where(t: Conversion, node: Any) -> int:
    return arithmetic.choice(t, node, *node.input)


def reduced(function: str) -> Translation:
    """A function of all values along some axes."""

    def translate(t: Conversion, node: Any) -> int:
        a = attributes(node)
        x = node.input[0]
        given = a.get("axes")
        if optional(node, 1):
            value = t.tensors.value(node.input[1])
            if value is None:
                raise Unsupported("axes that are computed")
            given = [int(item) for item in value.reshape(-1)]
        if not given and a.get("noop_with_empty_axes", 0):
            return t.node(x)
        over = axes(list(given) if given else None, len(t.shape(x)))
        keep = bool(a.get("keepdims", 1))
        return arithmetic.reduced(t, node, function, x, over, keep, t.shape(node.output[0]))

    return translate


FUNCTIONS = """
    Neg Reciprocal Exp Log Sqrt Abs Sin Cos Erf Softplus Softsign Atan Tan Sinh Cosh Asin Acos Asinh Acosh
    Atanh Sign Floor Ceil Round
"""
"""Functions of one value that have the same name here, in small letters."""

TRANSLATIONS: dict[str, Translation] = {
    **{name: pointwise(name.lower()) for name in FUNCTIONS.split()},
    "Add": two(arithmetic.add),
    "Sub": two(arithmetic.subtract),
    "Mul": multiply,
    "Div": two(arithmetic.divide),
    "Pow": two(arithmetic.power),
    "Max": several("maximum"),
    "Min": several("minimum"),
    "Sum": several("add", "add"),
    "Mean": mean_of,
    "Where": where,
    **named(" ".join(COMPARISONS), compared),
    "ReduceMean": reduced("mean"),
    "ReduceSum": reduced("sum"),
    "ReduceMax": reduced("max"),
    "ReduceMin": reduced("min"),
    "ReduceL2": reduced("norm"),
}
