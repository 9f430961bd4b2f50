"""PyTorch's activations, as it calls them, and dropout."""

from __future__ import annotations

from typing import Any

from cnncost.importers import activations, arithmetic
from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation, in_place, named, plain
from cnncost.importers.aten.values import arguments, is_in_place, shape_of
from cnncost.importers.building import Unsupported
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis


def hardtanh(t: Conversion, node: Any) -> int:
    a = arguments(node)
    low, high = a["min_val"], a["max_val"]
    return activations.clipped(t, node, node.args[0], low, high, inplace=is_in_place(node))


def clamp(t: Conversion, node: Any) -> int:
    a = arguments(node)
    return arithmetic.clamped(t, node, node.args[0], a.get("min"), a.get("max"))


def leaky_relu(t: Conversion, node: Any) -> int:
    op = build("leaky_relu", slope=arguments(node)["negative_slope"], inplace=is_in_place(node))
    return t.emit(op, [t.node(node.args[0])], node)


def softmax(t: Conversion, node: Any) -> int:
    return activations.softmax(t, node, node.args[0], axis(arguments(node)["dim"], len(shape_of(node))))


def dropout(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if a["train"]:
        raise Unsupported("dropout that is on in inference")
    return t.emit(build("dropout", p=a["p"]), [t.node(node.args[0])], node)


TRANSLATIONS: dict[str, Translation] = {
    **{name: in_place(name) for name in ("relu", "relu6", "silu", "hardswish", "hardsigmoid", "mish", "elu")},
    **{name: plain(name) for name in ("sigmoid", "tanh", "gelu")},
    "hardtanh": hardtanh,
    "leaky_relu": leaky_relu,
    "softmax": softmax,
    **named("dropout feature_dropout", dropout),
    **named("clamp clamp_min clamp_max", clamp),
}
