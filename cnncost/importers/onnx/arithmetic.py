"""ONNX's sums, products, functions and reductions of tensors, element by element, in ours."""

from __future__ import annotations

from typing import Any

from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.translation import Translation, attributes, named, optional
from cnncost.importers.parts import build
from cnncost.importers.shapes import axes
from cnncost.ops.base import channel_axis


def pointwise(function: str) -> Translation:
    op = build("elementwise", function=function)
    return lambda t, node: t.emit(op, [t.node(node.input[0])], node)


def with_number(t: Conversion, node: Any) -> tuple[str, float] | None:
    """(the tensor, the number) of an operation of the two in any order."""
    x, y = node.input
    for tensor, other in ((x, y), (y, x)):
        number = t.tensors.number(other)
        if number is not None and t.shape(tensor) == t.shape(node.output[0]):
            return tensor, number
    return None


def add(t: Conversion, node: Any) -> int:
    found = with_number(t, node)
    if found:
        return t.emit(build("elementwise", function="add", number=found[1]), [t.node(found[0])], node)
    x, y = node.input
    alike = t.shape(x) == t.shape(y)
    op = build("add") if alike else build("combine", function="add")
    return t.emit(op, [t.node(x), t.node(y)], node)


def subtract(t: Conversion, node: Any) -> int:
    x, y = node.input
    found = with_number(t, node)
    if found and found[0] == x:
        return t.emit(build("elementwise", function="add", number=-found[1]), [t.node(x)], node)
    if found:
        return t.emit(build("elementwise", function="rsub", number=found[1]), [t.node(y)], node)
    return t.emit(build("combine", function="sub"), [t.node(x), t.node(y)], node)


def multiply(t: Conversion, node: Any) -> int:
    found = with_number(t, node)
    if found:
        return t.emit(build("scale", by=found[1]), [t.node(found[0])], node)
    x, y = node.input
    shape = t.shape(node.output[0])
    for factor, other in ((x, y), (y, x)):
        if other in t.varies and is_per_channel(t.shape(factor), shape) and t.own(factor):
            return t.emit(build("layer_scale"), [t.node(other)], node)
    first, second = t.shape(x), t.shape(y)
    gate = len(first) == len(second) and len(first) > 1 and first[0] == second[0]
    return t.emit(build("mul") if gate else build("combine", function="mul"), [t.node(x), t.node(y)], node)


def is_per_channel(sizes: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether a factor of these sizes is one value per channel of a tensor."""
    if len(shape) < 2 or len(sizes) > len(shape):
        return False
    aligned = (*[1] * (len(shape) - len(sizes)), *sizes)
    along = channel_axis(shape)
    return aligned == tuple(size if at == along else 1 for at, size in enumerate(shape))


def divide(t: Conversion, node: Any) -> int:
    x, y = node.input
    number = t.tensors.number(y)
    if number:
        return t.emit(build("scale", by=1 / number), [t.node(x)], node)
    return t.emit(build("combine", function="div"), [t.node(x), t.node(y)], node)


def power(t: Conversion, node: Any) -> int:
    x, y = node.input
    number = t.tensors.number(y)
    if number is None:
        return t.emit(build("combine", function="pow"), [t.node(x), t.node(y)], node)
    square = number == 2
    op = build("elementwise", function="square" if square else "pow", number=None if square else number)
    return t.emit(op, [t.node(x)], node)


def several(function: str, join: str = "") -> Translation:
    """One operation of two tensors or more, one after the other; a join if all have one shape."""

    def translate(t: Conversion, node: Any) -> int:
        shapes = [t.shape(name) for name in node.input]
        if join and len(set(shapes)) == 1 and len(shapes) > 1:
            return t.emit(build(join), [t.node(name) for name in node.input], node)
        index = t.node(node.input[0])
        for name, shape in zip(node.input[1:], shapes[1:], strict=True):
            number = t.tensors.number(name)
            if number is not None and function in ("maximum", "minimum"):
                op = build("elementwise", function=function, number=number)
                index = t.emit(op, [index], node, shape=t.building.at_batch[index])
            else:
                op = build("combine", function=function)
                made = op.output_shape(t.building.at_batch[index], shape)
                index = t.emit(op, [index, t.node(name)], node, shape=made)
        return index

    return translate


def mean_of(t: Conversion, node: Any) -> int:
    if len({t.shape(name) for name in node.input}) != 1:
        raise Unsupported("a mean of tensors of several shapes")
    return t.emit(build("mean"), [t.node(name) for name in node.input], node)


def compared(t: Conversion, node: Any) -> int:
    """One comparison per value; what is chosen by it does not depend on which."""
    found = with_number(t, node)
    if found:
        op = build("elementwise", function="threshold", number=found[1])
        return t.emit(op, [t.node(found[0])], node)
    return t.emit(build("combine", function="maximum"), [t.node(name) for name in node.input], node)


def where(t: Conversion, node: Any) -> int:
    _, x, y = node.input
    return t.emit(build("combine", function="where"), [t.node(x), t.node(y)], node)


def reduced(function: str) -> Translation:
    def translate(t: Conversion, node: Any) -> int:
        a = attributes(node)
        x = node.input[0]
        rank = len(t.shape(x))
        given = a.get("axes")
        if optional(node, 1):
            value = t.tensors.value(node.input[1])
            given = [int(item) for item in value.reshape(-1)]
        if not given and a.get("noop_with_empty_axes", 0):
            return t.node(x)
        over = axes(list(given) if given else None, rank)
        keep = bool(a.get("keepdims", 1))
        shape = t.shape(node.output[0])
        if function in ("mean", "max") and rank == 4 and over == (2, 3):
            pool = build("global_avgpool" if function == "mean" else "global_maxpool")
            pooled = t.emit(pool, [t.node(x)], node, shape=(*shape[:2], 1, 1))
            return pooled if keep else t.emit(build("flatten"), [pooled], node)
        return t.emit(build("reduce", function=function, axes=over, keep=keep), [t.node(x)], node)

    return translate


FUNCTIONS = [
    "Neg", "Reciprocal", "Exp", "Log", "Sqrt", "Abs", "Sin", "Cos", "Erf", "Softplus", "Atan",
]  # fmt: skip
"""Functions of one value that have the same name here, in small letters."""

TRANSLATIONS: dict[str, Translation] = {
    **{name: pointwise(name.lower()) for name in FUNCTIONS},
    "Add": add,
    "Sub": subtract,
    "Mul": multiply,
    "Div": divide,
    "Pow": power,
    "Max": several("maximum"),
    "Min": several("minimum"),
    "Sum": several("add", "add"),
    "Mean": mean_of,
    "Where": where,
    **named("Equal Greater GreaterOrEqual Less LessOrEqual", compared),
    "ReduceMean": reduced("mean"),
    "ReduceSum": reduced("sum"),
    "ReduceMax": reduced("max"),
    "ReduceMin": reduced("min"),
    "ReduceL2": reduced("norm"),
}
