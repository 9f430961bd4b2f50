"""ONNX's layers that read a map at computed positions, as its files state them."""

from __future__ import annotations

from typing import Any

from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.translation import Translation, attributes, optional
from cnncost.importers.parts import build
from cnncost.importers.recurrent import layer

MODES = {"linear": "bilinear", "cubic": "bicubic"}


def grid_sample(t: Conversion, node: Any) -> int:
    mode = attributes(node).get("mode", "bilinear")
    op = build("grid_sample", mode=MODES.get(mode, mode))
    return t.emit(op, [t.node(name) for name in node.input], node)


def deform_conv(t: Conversion, node: Any) -> int:
    a = attributes(node)
    x, weight, offset = node.input[:3]
    bias = None if t.absent(optional(node, 3)) else node.input[3]
    filters = t.shape(weight)
    kernel = filters[2:]
    stride, dilation = (a.get(name, [1, 1]) for name in ("strides", "dilations"))
    pads = a.get("pads", [0] * 4)
    if any(len(set(sizes)) > 1 for sizes in (kernel, stride, dilation, pads)):
        raise Unsupported("a deformable window that is not square")
    op = build(
        "deform_conv",
        out=filters[0],
        kernel=kernel[0],
        stride=stride[0],
        pad=pads[0],
        dilation=dilation[0],
        groups=a.get("group", 1),
        bias=bias is not None,
    )
    inputs = [x, offset, *([node.input[4]] if optional(node, 4) else [])]
    return layer(t, node, op, [t.node(name) for name in inputs], [weight, bias], t.shape(node.output[0]))


TRANSLATIONS: dict[str, Translation] = {"GridSample": grid_sample, "DeformConv": deform_conv}
