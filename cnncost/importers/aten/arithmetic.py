"""PyTorch's sums, products, functions and reductions of tensors, element by element, as it calls them."""

from __future__ import annotations

from typing import Any

from cnncost.importers import arithmetic
from cnncost.importers.aten import general
from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation, named
from cnncost.importers.aten.values import arguments, first_shape, is_tensor, operator_name, shape_of
from cnncost.importers.parts import build
from cnncost.importers.shapes import axes
from cnncost.importers.stated import free
from cnncost.ops.arithmetic import PER_PAIR


def pointwise(function: str) -> Translation:
    """A function of every value."""
    return lambda t, node: arithmetic.per_value(t, node, function, node.args[0])


def two(function: str) -> Translation:
    """A function of every pair of values."""
    return lambda t, node: arithmetic.per_pair(t, node, function, node.args[0], node.args[1])


def add(t: Conversion, node: Any) -> int:
    a = arguments(node)
    return arithmetic.add(t, node, a["self"], a["other"], a.get("alpha", 1))


def add_product(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x, y, z = (t.node(item) for item in node.args[:3])
    shapes = [t.building.at_batch[index] for index in (y, z)]
    product = build("combine", function="mul")
    shape = product.output_shape(*shapes)
    made = t.emit(product, [y, z], node, shape=shape)
    if a["value"] != 1:
        made = t.emit(build("scale", by=a["value"]), [made], node, shape=shape, within=True)
    return t.emit(build("combine", function="add"), [x, made], node)


def subtract(t: Conversion, node: Any) -> int:
    a = arguments(node)
    return arithmetic.subtract(t, node, a["self"], a["other"], a.get("alpha", 1))


def rsubtract(t: Conversion, node: Any) -> int:
    a = arguments(node)
    return arithmetic.subtract(t, node, a["other"], a["self"], a.get("alpha", 1))


def multiply(t: Conversion, node: Any) -> int:
    x, y = node.args[:2]
    return arithmetic.multiply(t, node, x, y, shape_of(node))


def divide(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if a.get("rounding_mode"):
        return arithmetic.either(t, node, "floor_divide", a["self"], a["other"])
    return arithmetic.divide(t, node, a["self"], a["other"])


def power(t: Conversion, node: Any) -> int:
    return arithmetic.power(t, node, *node.args[:2])


def masked_fill(t: Conversion, node: Any) -> int:
    return arithmetic.choice(t, node, node.args[1], node.args[0], node.args[2])


def where(t: Conversion, node: Any) -> Any:
    """A choice between two; of a mask alone the positions where it is true."""
    if len(node.args) == 1:
        return general.several(t, node, free)
    return arithmetic.choice(t, node, *node.args)


def reduced(function: str) -> Translation:
    """A function of all values along some axes."""

    def translate(t: Conversion, node: Any) -> int:
        a = arguments(node)
        x = node.args[0]
        over = axes(a.get("dim"), len(shape_of(x)))
        keep = bool(a.get("keepdim", False))
        return arithmetic.reduced(t, node, function, x, over, keep, first_shape(node))

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


def compared(t: Conversion, node: Any) -> int:
    """A comparison, a division with remainder, a choice: of two tensors, or of a tensor and a number."""
    x, y = node.args[:2]
    return arithmetic.either(t, node, OTHER_NAMES.get(operator_name(node), operator_name(node)), x, y)


FUNCTIONS = """
    neg reciprocal exp log sqrt rsqrt abs sin cos erf square softplus atan logical_not sign floor ceil round
    trunc frac log2 log10 log1p expm1 exp2 tan sinh cosh asin acos asinh acosh atanh erfc erfinv isnan isinf
"""
"""Functions of one value that have the same name here."""

OTHER_NAMES = {
    "negative": "neg", "absolute": "abs", "arctan": "atan", "arcsin": "asin", "arccos": "acos",
    "fix": "trunc", "sgn": "sign", "bitwise_not": "logical_not", "log_sigmoid": "logsigmoid",
    "special_erf": "erf", "special_expm1": "expm1", "special_log1p": "log1p", "special_exp2": "exp2",
    "arctan2": "atan2", "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le",
    "not_equal": "ne", "bitwise_and": "logical_and", "bitwise_or": "logical_or",
    "bitwise_xor": "logical_xor", "__and__": "logical_and", "__or__": "logical_or",
    "__xor__": "logical_xor", "fmod": "remainder",
}  # fmt: skip
"""Functions that have another name here."""

COMPARISONS = """
    gt ge lt le eq ne greater greater_equal less less_equal not_equal logical_and logical_or logical_xor
    bitwise_and bitwise_or bitwise_xor __and__ __or__ __xor__ remainder fmod floor_divide atan2 arctan2 hypot
"""
"""Operations of a tensor and another or a number that have no translation of their own."""

TRANSLATIONS: dict[str, Translation] = {
    **{name: pointwise(name) for name in FUNCTIONS.split()},
    **{name: pointwise(ours) for name, ours in OTHER_NAMES.items() if ours not in PER_PAIR},
    **named(COMPARISONS, compared),
    "add": add,
    "addcmul": add_product,
    **named("sub subtract", subtract),
    "rsub": rsubtract,
    **named("mul multiply", multiply),
    **named("div divide true_divide", divide),
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
