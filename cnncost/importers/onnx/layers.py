"""ONNX's convolutions, linear layers and normalisations, as its files state them: what learns."""

from __future__ import annotations

from typing import Any

from cnncost.importers import layers
from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.translation import Translation, attributes, optional
from cnncost.importers.onnx.windows import sides
from cnncost.importers.parts import build


def bias_of(t: Conversion, node: Any) -> str | None:
    """The bias of a layer, None if it has none: zeros are an exporter's way to leave it out."""
    name = optional(node, 2)
    return None if t.absent(name) else name


def window_of(t: Conversion, node: Any, x: str, weight: str) -> dict[str, Any]:
    """The window of a convolution, and its groups."""
    a = attributes(node)
    kernel = t.shape(weight)[2:]
    ones = [1] * len(kernel)
    return {
        "stride": a.get("strides", ones),
        "pad": sides(a, t.shape(x)[2:], kernel),
        "dilation": a.get("dilations", ones),
        "groups": a.get("group", 1),
    }


def conv(t: Conversion, node: Any) -> int:
    x, weight = node.input[:2]
    window = window_of(t, node, x, weight)
    channels, read = t.shape(x)[1], t.shape(weight)[1] * window["groups"]
    if channels != read:  # ONNX's inference of shapes does not look
        raise Unsupported(f"its weights read {read} channels, and {t.written(x)} has others")
    return layers.conv(t, node, x, weight, bias_of(t, node), shape=t.shape(node.output[0]), **window)


def conv_transpose(t: Conversion, node: Any) -> int:
    a = attributes(node)
    x, weight = node.input[:2]
    kernel = t.shape(weight)[2:]
    rank = len(kernel)
    stride, dilation = (a.get(name, [1] * rank) for name in ("strides", "dilations"))
    added, pads = a.get("output_padding", [0] * rank), a.get("pads", [0] * 2 * rank)
    pad = [pads[place] for at in range(rank) for place in (at, rank + at)]
    kind = a.get("auto_pad", "NOTSET")
    if "output_shape" in a or kind.startswith("SAME"):
        size, made = t.shape(x)[2:], t.shape(node.output[0])[2:]
        pad = []
        for at in range(rank):
            reach = dilation[at] * (kernel[at] - 1) + 1
            cut = stride[at] * (size[at] - 1) + added[at] + reach - made[at]
            if cut < 0:
                raise Unsupported("an output larger than its windows reach")
            pad += [cut - cut // 2, cut // 2] if kind == "SAME_LOWER" else [cut // 2, cut - cut // 2]
    window = {"stride": stride, "pad": pad, "output_pad": added, "dilation": dilation}
    groups = a.get("group", 1)
    return layers.conv_transpose(t, node, x, weight, bias_of(t, node), **window, groups=groups)


def gemm(t: Conversion, node: Any) -> int:
    a = attributes(node)
    x, weight = node.input[:2]
    bias = bias_of(t, node)
    size = t.shape(node.output[0])[-1]
    per_feature = bias is None or t.shape(bias) in ((size,), (1, size))  # else it is one number, or a matrix
    if t.own(weight, bias) and per_feature and not a.get("transA", 0):
        return layers.linear(t, node, x, weight, bias, size)

    def matrix(name: str, turned: int) -> int:
        index, shape = t.node(name), t.shape(name)[::-1]
        if not turned:
            return index
        return t.emit(build("permute", axes=[1, 0]), [index], node, shape=shape, within=True)

    factors = [matrix(x, a.get("transA", 0)), matrix(weight, a.get("transB", 0))]
    product = t.emit(build("matmul"), factors, node)
    if bias is None:
        return product
    return t.emit(build("combine", function="add"), [product, t.node(bias)], node)


def neutral(t: Conversion, name: str, number: float) -> str | None:
    """A scale or shift, None if it is left out or a constant of this number."""
    constant = name and name not in t.learned and t.is_filled_with(name, number)
    return None if constant or not name else name


def weights(t: Conversion, node: Any) -> tuple[str | None, str | None]:
    """(scale, shift) of a normalisation."""
    return neutral(t, optional(node, 1), 1.0), neutral(t, optional(node, 2), 0.0)


def epsilon(node: Any) -> float:
    """What a normalisation adds to the variance."""
    return float(attributes(node).get("epsilon", 1e-5))


def batch_norm(t: Conversion, node: Any) -> int:
    return layers.batch_norm(t, node, node.input[0], *weights(t, node), eps=epsilon(node))


def layer_norm(t: Conversion, node: Any) -> int:
    first = attributes(node).get("axis", -1)
    return layers.layer_norm(t, node, node.input[0], *weights(t, node), first=first, eps=epsilon(node))


def rms_norm(t: Conversion, node: Any) -> int:
    first = attributes(node).get("axis", -1)
    return layers.rms_norm(t, node, *node.input[:2], first=first, eps=epsilon(node))


def group_norm(t: Conversion, node: Any) -> int:
    """Opset 18 has a scale per group, opset 21 one per channel."""
    groups = attributes(node)["num_groups"]
    scale, shift = weights(t, node)
    x = node.input[0]
    per_group = any(name is not None and t.shape(name) == (groups,) for name in (scale, shift))
    if not per_group or groups == t.shape(x)[1]:
        return layers.group_norm(t, node, x, scale, shift, groups=groups, eps=epsilon(node))
    index = layers.group_norm(t, node, x, None, None, groups=groups, eps=epsilon(node))
    return layers.rescaled_groups(t, node, index, scale, shift, groups, t.shape(x))


def instance_norm(t: Conversion, node: Any) -> int:
    return layers.instance_norm(t, node, node.input[0], *weights(t, node), eps=epsilon(node))


def prelu(t: Conversion, node: Any) -> int:
    return layers.prelu(t, node, *node.input)


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
    "BatchNormalization": batch_norm,
    "LayerNormalization": layer_norm,
    "RMSNormalization": rms_norm,
    "GroupNormalization": group_norm,
    "InstanceNormalization": instance_norm,
    "LRN": lrn,
    "PRelu": prelu,
}
