"""ONNX's convolutions, linear layers and normalisations in ours: what learns."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.translation import Translation, attributes, optional
from cnncost.importers.onnx.windows import sides
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis, with_rest_as
from cnncost.ops.base import Operator
from cnncost.ops.sizes import Shape


def lifted(t: Conversion, node: Any, name: str, shape: Shape) -> int:
    """A tensor in another shape of as many values."""
    return t.emit(build("view", shape=with_rest_as(shape)), [t.node(name)], node, shape=shape, within=True)


def as_before(t: Conversion, node: Any, index: int) -> int:
    """The same, back in the shape that the node makes."""
    shape = t.shape(node.output[0])
    return t.emit(build("view", shape=with_rest_as(shape)), [index], node, within=True)


def conv(t: Conversion, node: Any) -> int:
    a = attributes(node)
    x, weight = node.input[:2]
    bias = optional(node, 2)
    bias = "" if t.absent(bias) else bias
    filters, shape = t.shape(weight), t.shape(node.output[0])
    if len(filters) not in (3, 4):
        raise Unsupported(f"convolution over {len(filters) - 2} axes")
    flat = len(filters) == 3  # over one axis: a map of height 1
    source = t.node(x)
    size = t.shape(x)[2:]
    kernel = filters[2:]
    settings: dict[str, Any] = {
        "stride": spread(a.get("strides", [1] * len(kernel))),
        "pad": sides(a, size, kernel),
        "dilation": spread(a.get("dilations", [1] * len(kernel))),
    }
    if flat:
        batch, channels, length = t.shape(x)
        source = lifted(t, node, x, (batch, channels, 1, length))
        shape = (shape[0], shape[1], 1, shape[2])
    if t.own(weight, bias):
        settings |= {"groups": a.get("group", 1), "bias": bool(bias)}
        op = build("conv", out=filters[0], kernel=spread(kernel), **settings)
        result = t.emit(op, [source], node, shape=shape)
    else:
        learned = lifted(t, node, weight, (*filters[:2], 1, filters[2])) if flat else t.node(weight)
        biases = [t.node(bias)] if bias else []
        result = t.emit(build("conv_given", **settings), [source, learned, *biases], node, shape=shape)
    return as_before(t, node, result) if flat else result


def spread(sizes: Any) -> tuple[int, int]:
    """Sizes of one axis or two as (height, width); 1 in the height that there is not."""
    return (1, int(sizes[0])) if len(sizes) == 1 else (int(sizes[0]), int(sizes[1]))


def conv_transpose(t: Conversion, node: Any) -> int:
    a = attributes(node)
    x, weight = node.input[:2]
    bias = "" if t.absent(optional(node, 2)) else node.input[2]
    filters = t.shape(weight)
    if len(filters) != 4:
        raise Unsupported(f"transposed convolution over {len(filters) - 2} axes")
    if not t.own(weight, bias):
        raise Unsupported("transposed convolution with shared or computed weights")
    stride, dilation = (spread(a.get(name, [1, 1])) for name in ("strides", "dilations"))
    added = spread(a.get("output_padding", [0, 0]))
    pad: Any = [a.get("pads", [0] * 4)[side] for side in (0, 2, 1, 3)]
    kind = a.get("auto_pad", "NOTSET")
    if "output_shape" in a or kind.startswith("SAME"):
        size, made = t.shape(x)[2:], t.shape(node.output[0])[2:]
        pad = []
        for at in (0, 1):
            reach = dilation[at] * (filters[2 + at] - 1) + 1
            cut = stride[at] * (size[at] - 1) + added[at] + reach - made[at]
            if cut < 0:
                raise Unsupported("an output larger than its windows reach")
            pad += [cut - cut // 2, cut // 2] if kind == "SAME_LOWER" else [cut // 2, cut - cut // 2]
    op = build(
        "conv_transpose",
        out=filters[1] * a.get("group", 1),
        kernel=filters[2:],
        stride=stride,
        pad=pad,
        output_pad=added,
        dilation=dilation,
        groups=a.get("group", 1),
        bias=bool(bias),
    )
    return t.emit(op, [t.node(x)], node)


def gemm(t: Conversion, node: Any) -> int:
    a = attributes(node)
    x, weight = node.input[:2]
    bias = "" if t.absent(optional(node, 2)) else node.input[2]
    if a.get("transA", 0):
        raise Unsupported("a product with a transposed input")
    if t.own(weight) and (not bias or t.own(bias)):
        op = build("linear", out=t.shape(node.output[0])[-1], bias=bool(bias))
        return t.emit(op, [t.node(x)], node)
    matrix = t.node(weight)
    if a.get("transB", 0):
        turned = t.shape(weight)[::-1]
        matrix = t.emit(build("permute", axes=[1, 0]), [matrix], node, shape=turned, within=True)
    product = t.emit(build("matmul"), [t.node(x), matrix], node)
    if not bias:
        return product
    return t.emit(build("combine", function="add"), [product, t.node(bias)], node)


def matmul(t: Conversion, node: Any) -> int:
    x, y = node.input[:2]
    first, second = t.shape(x), t.shape(y)
    if min(len(first), len(second)) < 2:
        raise Unsupported("a product with a vector")
    if len(second) == 2 and x in t.varies and t.own(y):
        bias = t.bias(node, second[1])
        op = build("linear", out=second[1], bias=bool(bias), channels_last=len(first) > 3)
        index = t.emit(op, [t.node(x)], node)
        return t.stands_for(node, index) if bias else index
    return t.emit(build("matmul"), [t.node(x), t.node(y)], node)


def normalised(
    t: Conversion, node: Any, source: int, op: Callable[..., Operator], along: int, shape: Shape
) -> int:
    """A normalisation; weights that it does not have for itself are factors and summands behind it."""
    weights = [optional(node, 1), optional(node, 2)]
    for place, neutral in ((0, 1.0), (1, 0.0)):
        name = weights[place]
        if name and name not in t.learned and t.is_filled_with(name, neutral):
            weights[place] = ""
    scale, shift = weights
    for name in weights:
        if name and t.shape(name) != (shape[along],):
            raise Unsupported(f"a normalisation with a scale of {t.written(name)}")
    if t.own(scale, shift):
        return t.emit(op(scale=bool(scale), shift=bool(shift)), [source], node, shape=shape)
    result = t.emit(op(scale=False, shift=False), [source], node, shape=shape)
    for name, function in ((scale, "mul"), (shift, "add")):
        if name:
            factor = (shape[along], *[1] * (len(shape) - 1 - along))
            spread_out = lifted(t, node, name, factor) if len(factor) > 1 else t.node(name)
            combined = build("combine", function=function)
            result = t.emit(combined, [result, spread_out], node, shape=shape, within=True)
    return result


def batch_norm(t: Conversion, node: Any) -> int:
    x = node.input[0]
    shape = t.shape(x)
    op = partial(build, "bn", eps=attributes(node).get("epsilon", 1e-5))
    if len(shape) != 3:
        return normalised(t, node, t.node(x), op, 1, shape)
    tall = (*shape, 1)
    return as_before(t, node, normalised(t, node, lifted(t, node, x, tall), op, 1, tall))


def layer_norm(t: Conversion, node: Any) -> int:
    a = attributes(node)
    shape = t.shape(node.input[0])
    rank = len(shape)
    if axis(a.get("axis", -1), rank) != rank - 1:
        raise Unsupported("layer norm over several axes")
    op = partial(build, "layer_norm", eps=a.get("epsilon", 1e-5), channels_last=rank > 3)
    return normalised(t, node, t.node(node.input[0]), op, rank - 1, shape)


def rms_norm(t: Conversion, node: Any) -> int:
    a = attributes(node)
    x, scale = node.input[:2]
    rank = len(t.shape(x))
    if axis(a.get("axis", -1), rank) != rank - 1 or not t.own(scale):
        raise Unsupported("root-mean-square norm over several axes, or with shared weights")
    return t.emit(build("rms_norm", eps=a.get("epsilon", 1e-5)), [t.node(x)], node)


def group_norm(t: Conversion, node: Any) -> int:
    a = attributes(node)
    op = partial(build, "group_norm", groups=a["num_groups"], eps=a.get("epsilon", 1e-5))
    return normalised(t, node, t.node(node.input[0]), op, 1, t.shape(node.input[0]))


def instance_norm(t: Conversion, node: Any) -> int:
    x = node.input[0]
    shape = t.shape(x)
    op = partial(build, "instance_norm", eps=attributes(node).get("epsilon", 1e-5))
    if len(shape) != 3:
        return normalised(t, node, t.node(x), op, 1, shape)
    tall = (*shape, 1)  # a group norm, as PyTorch's exporter writes it
    return as_before(t, node, normalised(t, node, lifted(t, node, x, tall), op, 1, tall))


def prelu(t: Conversion, node: Any) -> int:
    x, slope = node.input
    shape = t.shape(x)
    values = 1
    for size in t.shape(slope):
        values *= size
    if len(shape) == 3 or values != shape[1] or not t.own(slope):
        raise Unsupported("one slope for all channels, or a shared one")
    return t.emit(build("prelu"), [t.node(x)], node)


def lrn(t: Conversion, node: Any) -> int:
    a = attributes(node)
    op = build(
        "lrn", size=a["size"], alpha=a.get("alpha", 1e-4), beta=a.get("beta", 0.75), k=a.get("bias", 1.0)
    )
    return t.emit(op, [t.node(node.input[0])], node)


TRANSLATIONS: dict[str, Translation] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Gemm": gemm,
    "MatMul": matmul,
    "BatchNormalization": batch_norm,
    "LayerNormalization": layer_norm,
    "RMSNormalization": rms_norm,
    "GroupNormalization": group_norm,
    "InstanceNormalization": instance_norm,
    "LRN": lrn,
    "PRelu": prelu,
}
