"""ONNX's activations in ours, and dropout.

ONNX has none in place: those that overwrite their input by default do so here too.
"""

from __future__ import annotations

from math import prod
from typing import Any

from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.translation import Translation, attributes, named, optional, plain
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis
from cnncost.ops.base import channel_axis


def clip(t: Conversion, node: Any) -> int:
    """A lower and an upper bound: attributes in old files, else inputs."""
    a = attributes(node)
    low, high = (
        a.get(name) if not optional(node, at) else t.tensors.number(node.input[at])
        for name, at in (("min", 1), ("max", 2))
    )
    if any(optional(node, at) and bound is None for at, bound in ((1, low), (2, high))):
        raise Unsupported("bounds that are computed")
    source = t.node(node.input[0])
    if (low, high) == (0, 6):
        return t.emit(build("relu6"), [source], node)
    if low == 0 and (high is None or high > 1e30):
        return t.emit(build("relu"), [source], node)
    for function, bound in (("maximum", low), ("minimum", high)):
        if bound is not None and abs(bound) < 1e30:
            source = t.emit(build("elementwise", function=function, number=bound), [source], node)
    return source


def leaky_relu(t: Conversion, node: Any) -> int:
    op = build("leaky_relu", slope=attributes(node).get("alpha", 0.01))
    return t.emit(op, [t.node(node.input[0])], node)


def threshold(t: Conversion, node: Any) -> int:
    op = build("elementwise", function="threshold", number=attributes(node).get("alpha", 1.0))
    return t.emit(op, [t.node(node.input[0])], node)


def softmax(t: Conversion, node: Any) -> int:
    shape = t.shape(node.input[0])
    old = t.tensors.opset < 13  # over all axes from `axis` on
    along = axis(attributes(node).get("axis", 1 if old else -1), len(shape))
    if old and prod(shape[along:]) != shape[along]:
        raise Unsupported("a softmax over several axes")
    op = build("softmax", axis=None if along == channel_axis(shape) else along)
    index = t.emit(op, [t.node(node.input[0])], node)
    if node.op_type == "LogSoftmax":
        index = t.emit(build("elementwise", function="log"), [index], node)
    return index


def dropout(t: Conversion, node: Any) -> int:
    ratio = t.tensors.number(optional(node, 1)) if optional(node, 1) else attributes(node).get("ratio")
    return t.emit(build("dropout", p=0.5 if ratio is None else ratio), [t.node(node.input[0])], node)


TRANSLATIONS: dict[str, Translation] = {
    "Relu": plain("relu"),
    "Clip": clip,
    "LeakyRelu": leaky_relu,
    "Elu": plain("elu"),
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
