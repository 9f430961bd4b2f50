"""PyTorch's activations in ours, and dropout."""

from __future__ import annotations

from typing import Any

from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation, in_place, named, plain
from cnncost.importers.aten.values import arguments, is_in_place, is_tensor, shape_of
from cnncost.importers.building import Unsupported
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis
from cnncost.ops.base import channel_axis


def hardtanh(t: Conversion, node: Any) -> int:
    a = arguments(node)
    low, high = a["min_val"], a["max_val"]
    if (low, high) == (0, 6):
        inplace = is_in_place(node)
        return t.emit(build("relu6", inplace=inplace), [t.node(node.args[0])], node)
    return clamped(t, node, low, high)


def clamped(t: Conversion, node: Any, low: Any, high: Any) -> int:
    index = t.node(node.args[0])
    for function, number in (("maximum", low), ("minimum", high)):
        if number is not None:
            if is_tensor(number):
                index = t.emit(build("combine", function=function), [index, t.node(number)], node)
            else:
                index = t.emit(build("elementwise", function=function, number=number), [index], node)
    return index


def clamp(t: Conversion, node: Any) -> int:
    a = arguments(node)
    return clamped(t, node, a.get("min"), a.get("max"))


def leaky_relu(t: Conversion, node: Any) -> int:
    a = arguments(node)
    inplace = is_in_place(node)
    return t.emit(
        build("leaky_relu", slope=a["negative_slope"], inplace=inplace), [t.node(node.args[0])], node
    )


def elu(t: Conversion, node: Any) -> int:
    inplace = is_in_place(node)
    return t.emit(build("elu", inplace=inplace), [t.node(node.args[0])], node)


def softmax(t: Conversion, node: Any) -> int:
    a = arguments(node)
    shape = shape_of(node)
    along = axis(a["dim"], len(shape))
    op = build("softmax", axis=None if along == channel_axis(shape) else along)
    return t.emit(op, [t.node(node.args[0])], node)


def dropout(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if a["train"]:
        raise Unsupported("dropout that is on in inference")
    return t.emit(build("dropout", p=a["p"]), [t.node(node.args[0])], node)


TRANSLATIONS: dict[str, Translation] = {
    **{name: in_place(name) for name in ("relu", "relu6", "silu", "hardswish", "hardsigmoid", "mish")},
    **{name: plain(name) for name in ("sigmoid", "tanh", "gelu")},
    "hardtanh": hardtanh,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "softmax": softmax,
    **named("dropout feature_dropout", dropout),
    **named("clamp clamp_min clamp_max", clamp),
}
