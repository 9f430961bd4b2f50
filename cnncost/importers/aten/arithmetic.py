"""PyTorch's sums, products, functions and reductions of tensors, element by element, in ours."""

from __future__ import annotations

from typing import Any

from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation
from cnncost.importers.aten.values import arguments, first_shape, is_tensor, shape_of
from cnncost.importers.building import Unsupported
from cnncost.importers.parts import build
from cnncost.importers.shapes import axes
from cnncost.ops.base import channel_axis


def pointwise(function: str, number: float | None = None) -> Translation:
    op = build("elementwise", function=function, number=number)
    return lambda t, node: t.emit(op, [t.node(node.args[0])], node)


def add(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x, y, alpha = a["self"], a["other"], a.get("alpha", 1)
    if not is_tensor(x):
        x, y = y, x
    if not is_tensor(y):
        return t.emit(build("elementwise", function="add", number=y * alpha), [t.node(x)], node)
    if alpha != 1:
        raise Unsupported("a sum with a factor")
    alike = shape_of(x) == shape_of(y)
    op = build("add") if alike else build("combine", function="add")
    return t.emit(op, [t.node(x), t.node(y)], node)


def add_product(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if a["value"] != 1:
        raise Unsupported("a product with a factor")
    x, y, z = (t.node(item) for item in node.args[:3])
    shapes = [t.building.at_batch[index] for index in (y, z)]
    product = build("combine", function="mul")
    made = t.emit(product, [y, z], node, shape=product.output_shape(*shapes))
    return t.emit(build("combine", function="add"), [x, made], node)


def subtract(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x, y = a["self"], a["other"]
    if a.get("alpha", 1) != 1:
        raise Unsupported("a difference with a factor")
    if not is_tensor(y):
        return t.emit(build("elementwise", function="add", number=-y), [t.node(x)], node)
    return t.emit(build("combine", function="sub"), [t.node(x), t.node(y)], node)


def rsubtract(t: Conversion, node: Any) -> int:
    a = arguments(node)
    return t.emit(build("elementwise", function="rsub", number=a["other"]), [t.node(a["self"])], node)


def multiply(t: Conversion, node: Any) -> int:
    x, y = node.args[:2]
    if not is_tensor(x):
        x, y = y, x
    if not is_tensor(y):
        return t.emit(build("scale", by=y), [t.node(x)], node)
    for factor, other in ((x, y), (y, x)):
        if factor in t.parameters and other not in t.parameters and t.own(factor):
            shape, sizes = shape_of(node), shape_of(factor)
            along = channel_axis(shape)
            per_channel = (shape[along], *[1] * (len(shape) - 1 - along))
            if shape_of(other) == shape and (*[1] * (len(shape) - len(sizes)), *sizes) == (
                *[1] * (len(shape) - len(per_channel)),
                *per_channel,
            ):
                return t.emit(build("layer_scale"), [t.node(other)], node)
    sources = [t.node(x), t.node(y)]
    first, second = shape_of(x), shape_of(y)
    gate = len(first) == len(second) and len(first) > 1 and first[0] == second[0]
    return t.emit(build("mul") if gate else build("combine", function="mul"), sources, node)


def divide(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if a.get("rounding_mode"):
        raise Unsupported("a division that rounds")
    if not is_tensor(a["other"]):
        return t.emit(build("scale", by=1 / a["other"]), [t.node(a["self"])], node)
    return t.emit(build("combine", function="div"), [t.node(a["self"]), t.node(a["other"])], node)


def power(t: Conversion, node: Any) -> int:
    x, exponent = node.args[:2]
    if is_tensor(exponent):
        return t.emit(build("combine", function="pow"), [t.node(x), t.node(exponent)], node)
    if exponent == 2:
        return t.emit(build("elementwise", function="square"), [t.node(x)], node)
    return t.emit(build("elementwise", function="pow", number=exponent), [t.node(x)], node)


def two(function: str) -> Translation:
    op = build("combine", function=function)
    return lambda t, node: t.emit(op, [t.node(node.args[0]), t.node(node.args[1])], node)


def masked_fill(t: Conversion, node: Any) -> int:
    return t.emit(build("combine", function="where"), [t.node(node.args[0]), t.node(node.args[1])], node)


def where(t: Conversion, node: Any) -> int:
    _, x, y = node.args
    if not (is_tensor(x) and is_tensor(y)):
        raise Unsupported("a choice between a tensor and a number")
    return t.emit(build("combine", function="where"), [t.node(x), t.node(y)], node)


def reduced(function: str) -> Translation:
    def translate(t: Conversion, node: Any) -> int:
        a = arguments(node)
        x = node.args[0]
        rank = len(shape_of(x))
        over = axes(a.get("dim"), rank)
        keep, shape = bool(a.get("keepdim", False)), first_shape(node)
        if function in ("mean", "max") and rank == 4 and over == (2, 3):
            pool = build("global_avgpool" if function == "mean" else "global_maxpool")
            if keep:
                return t.emit(pool, [t.node(x)], node)
            pooled = t.emit(pool, [t.node(x)], node, shape=(*shape, 1, 1))
            return t.emit(build("flatten"), [pooled], node)
        op = build("reduce", function=function, axes=over, keep=keep)
        return t.emit(op, [t.node(x)], node, shape=shape)

    return translate


def extreme(function: str) -> Translation:
    """max and min: of a whole tensor, of two tensors, or along an axis with the positions found."""
    whole = reduced(function)
    pairwise = two(f"{function}imum")

    def translate(t: Conversion, node: Any) -> Any:
        if len(node.args) > 1 and is_tensor(node.args[1]):
            return pairwise(t, node)
        return [whole(t, node)] if isinstance(node.meta["val"], (tuple, list)) else whole(t, node)

    return translate


FUNCTIONS = [
    "neg", "reciprocal", "exp", "log", "sqrt", "rsqrt", "abs", "sin", "cos", "erf", "square", "softplus",
    "atan",
]  # fmt: skip
"""Functions of one value that have the same name here."""

TRANSLATIONS: dict[str, Translation] = {
    **{name: pointwise(name) for name in FUNCTIONS},
    "add": add,
    "addcmul": add_product,
    "sub": subtract,
    "rsub": rsubtract,
    "mul": multiply,
    "div": divide,
    "pow": power,
    "maximum": two("maximum"),
    "minimum": two("minimum"),
    "masked_fill": masked_fill,
    "where": where,
    "mean": reduced("mean"),
    "sum": reduced("sum"),
    "amax": reduced("max"),
    "amin": reduced("min"),
    "max": extreme("max"),
    "min": extreme("min"),
    "var": reduced("var"),
    "std": reduced("std"),
    "linalg_vector_norm": reduced("norm"),
}
