"""ONNX's activations, as its files state them, and dropout.

ONNX has none in place: those that overwrite their input by default do so here too.
"""

from __future__ import annotations

from math import prod
from typing import Any

from cnncost.importers import activations, moves
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.translation import Translation, attributes, named, optional, plain
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis


def bound(t: Conversion, node: Any, name: str, place: int) -> Any:
    """A bound: an attribute in old files, else an input; None if it is left out or has no end."""
    given = optional(node, place)
    number = t.tensors.number(given) if given else attributes(node).get(name)
    if number is None and given:
        return given
    return None if number is None or abs(number) > 1e30 else number


def clip(t: Conversion, node: Any) -> int:
    low, high = bound(t, node, "min", 1), bound(t, node, "max", 2)
    if low == 0 and high is None:
        return t.emit(build("relu"), [t.node(node.input[0])], node)
    return activations.clipped(t, node, node.input[0], low, high)


def leaky_relu(t: Conversion, node: Any) -> int:
    op = build("leaky_relu", slope=attributes(node).get("alpha", 0.01))
    return t.emit(op, [t.node(node.input[0])], node)


def threshold(t: Conversion, node: Any) -> int:
    op = build("elementwise", function="threshold", number=attributes(node).get("alpha", 1.0))
    return t.emit(op, [t.node(node.input[0])], node)


def shrink(t: Conversion, node: Any) -> int:
    op = build("elementwise", function="softshrink", number=attributes(node).get("lambd", 0.5))
    return t.emit(op, [t.node(node.input[0])], node)


def celu(t: Conversion, node: Any) -> int:
    op = build("celu", alpha=attributes(node).get("alpha", 1.0))
    return t.emit(op, [t.node(node.input[0])], node)


def softmax(t: Conversion, node: Any) -> int:
    shape = t.shape(node.input[0])
    old = t.tensors.opset < 13  # over all axes from `axis` on
    along = axis(attributes(node).get("axis", 1 if old else -1), len(shape))
    name = "log_softmax" if node.op_type == "LogSoftmax" else "softmax"
    if not old or prod(shape[along:]) == shape[along]:
        return activations.softmax(t, node, node.input[0], along, name)
    flat = (*shape[:along], prod(shape[along:]))
    index = moves.viewed(t, node, t.node(node.input[0]), shape, flat)
    index = t.emit(build(name, axis=along), [index], node, shape=flat)
    return moves.viewed(t, node, index, flat, shape)


def dropout(t: Conversion, node: Any) -> int:
    ratio = t.tensors.number(optional(node, 1)) if optional(node, 1) else attributes(node).get("ratio")
    return t.emit(build("dropout", p=0.5 if ratio is None else ratio), [t.node(node.input[0])], node)


TRANSLATIONS: dict[str, Translation] = {
    "Relu": plain("relu"),
    "Clip": clip,
    "LeakyRelu": leaky_relu,
    "Elu": plain("elu"),
    "Selu": plain("selu"),
    "Celu": celu,
    "Shrink": shrink,
    "ThresholdedRelu": threshold,
    "Sigmoid": plain("sigmoid"),
    "Tanh": plain("tanh"),
    "HardSigmoid": plain("hardsigmoid"),
    "HardSwish": plain("hardswish"),
    "Swish": plain("silu"),
    "Mish": plain("mish"),
    "Gelu": plain("gelu"),
    **named("Softmax LogSoftmax", softmax),
    "Dropout": dropout,
}
