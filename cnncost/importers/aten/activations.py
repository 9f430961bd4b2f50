"""PyTorch's activations, as it calls them, and dropout."""

from __future__ import annotations

from typing import Any

from cnncost.importers import activations, arithmetic
from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation, in_place, named, plain
from cnncost.importers.aten.values import arguments, is_in_place, operator_name, shape_of
from cnncost.importers.building import Unsupported
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis
from cnncost.importers.stated import custom, per_output


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


def log_softmax(t: Conversion, node: Any) -> int:
    x = node.args[0]
    along = axis(arguments(node)["dim"], len(shape_of(node)))
    return activations.softmax(t, node, x, along, "log_softmax")


def glu(t: Conversion, node: Any) -> int:
    return activations.glu(t, node, node.args[0], axis(arguments(node)["dim"], len(shape_of(node))))


def celu(t: Conversion, node: Any) -> int:
    op = build("celu", alpha=arguments(node)["alpha"], inplace=is_in_place(node))
    return t.emit(op, [t.node(node.args[0])], node)


def rrelu(t: Conversion, node: Any) -> int:
    """In inference the slope is the middle of its range (Xu et al. 2015, section 2.4)."""
    a = arguments(node)
    if a["training"]:
        raise Unsupported("a slope that is drawn in inference")
    op = build("leaky_relu", slope=(a["lower"] + a["upper"]) / 2, inplace=is_in_place(node))
    return t.emit(op, [t.node(node.args[0])], node)


def threshold(t: Conversion, node: Any) -> int:
    return arithmetic.per_value(t, node, "threshold", node.args[0], arguments(node)["threshold"])


def shrink(t: Conversion, node: Any) -> int:
    name = operator_name(node)
    return arithmetic.per_value(t, node, name, node.args[0], arguments(node)["lambd"])


def dropout(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if a["train"] and not t.training:  # as of a network that is run several times: a draw and a product
        source = t.node(node.args[0])
        return custom(t, node, "dropout", [source], shape_of(node), per_output(2), pointwise=True)
    return t.emit(build("dropout", p=a["p"]), [t.node(node.args[0])], node)


TRANSLATIONS: dict[str, Translation] = {
    **{
        name: in_place(name)
        for name in ("relu", "relu6", "silu", "hardswish", "hardsigmoid", "mish", "elu", "selu")
    },
    **{name: plain(name) for name in ("sigmoid", "tanh", "gelu")},
    "hardtanh": hardtanh,
    "leaky_relu": leaky_relu,
    "celu": celu,
    "rrelu": rrelu,
    "glu": glu,
    "threshold": threshold,
    **named("hardshrink softshrink", shrink),
    **named("softmax _softmax _safe_softmax", softmax),
    **named("log_softmax _log_softmax", log_softmax),
    **named("dropout feature_dropout alpha_dropout feature_alpha_dropout", dropout),
    **named("clamp clamp_min clamp_max clip", clamp),
}
