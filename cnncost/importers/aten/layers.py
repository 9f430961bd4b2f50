"""PyTorch's convolutions, linear layers and normalisations, as it calls them: what learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost.importers import layers
from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation, named
from cnncost.importers.aten.values import arguments, shape_of
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis, per_axis


def conv(t: Conversion, node: Any) -> int:
    a = arguments(node)
    kernel = shape_of(a["weight"])[2:]
    stride, dilation = (per_axis(a[name], len(kernel)) for name in ("stride", "dilation"))
    pad = a["padding"]
    pad = named_padding(pad, kernel, dilation) if isinstance(pad, str) else per_axis(pad, len(kernel))
    window = {"stride": stride, "pad": pad, "dilation": dilation, "groups": a["groups"]}
    return layers.conv(t, node, a["input"], a["weight"], a["bias"], shape=shape_of(node), **window)


def named_padding(name: str, kernel: Sequence[int], dilation: Sequence[int]) -> list[int]:
    """PyTorch's "same" or "valid" as (before, after) of every axis, the odd pixel after."""
    totals = [d * (k - 1) if name == "same" else 0 for d, k in zip(dilation, kernel, strict=True)]
    return [side for total in totals for side in (total // 2, total - total // 2)]


def conv_transpose(t: Conversion, node: Any) -> int:
    a = arguments(node)
    rank = len(shape_of(a["weight"])) - 2
    theirs = {"stride": "stride", "pad": "padding", "output_pad": "output_padding", "dilation": "dilation"}
    window = {name: per_axis(a[given], rank) for name, given in theirs.items()}
    return layers.conv_transpose(
        t, node, a["input"], a["weight"], a["bias"], **window, groups=a["groups"], shape=shape_of(node)
    )


def linear(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x, weight, bias = a["input"], a["weight"], a["bias"]
    if t.own(weight, bias):
        return layers.linear(t, node, x, weight, bias, shape_of(weight)[0])
    sources = [item for item in (x, weight, bias) if item is not None]
    return t.emit(build("linear_given"), [t.node(item) for item in sources], node)


def batch_norm(t: Conversion, node: Any) -> int:
    a = arguments(node)
    learned, kept = (a["weight"], a["bias"]), (a.get("running_mean"), a.get("running_var"))
    fixed = t.training and not a.get("training", False)  # a part of the module that stays in eval mode
    again = t.tensors.has(*kept)
    statistics = t.tensors.keep(*kept)
    if statistics and t.tensors.read_alike(node, *learned, *kept):  # one layer, called several times
        scale, shift = (item is not None for item in learned)
        op = build("bn", scale=scale, shift=shift, eps=a["eps"], shared=again, fixed=fixed)
        return t.emit(op, [t.node(a["input"])], node, shape=shape_of(a["input"]))
    return layers.batch_norm(t, node, a["input"], *learned, eps=a["eps"], statistics=statistics, fixed=fixed)


def layer_norm(t: Conversion, node: Any) -> int:
    a = arguments(node)
    first = -len(a["normalized_shape"])
    return layers.layer_norm(t, node, a["input"], a["weight"], a["bias"], first=first, eps=a["eps"])


def rms_norm(t: Conversion, node: Any) -> int:
    a = arguments(node)
    eps = 1e-7 if a["eps"] is None else a["eps"]  # PyTorch's own is that of the element type
    return layers.rms_norm(t, node, a["input"], a["weight"], first=-len(a["normalized_shape"]), eps=eps)


def weight_norm(t: Conversion, node: Any) -> int:
    """A direction times a length, per filter (Salimans and Kingma 2016, equation 2)."""
    t.doubts["weight norm"] = None  # one kernel to PyTorch, which keeps less
    direction, length, along = node.args[0], node.args[1], arguments(node)["dim"]
    rank = len(shape_of(node))
    rest = [place for place in range(rank) if place != axis(along, rank)]
    source = t.node(direction)
    norm = build("reduce", function="norm", axes=rest, keep=True)
    lengths = t.emit(norm, [source], node, shape=shape_of(length))
    factor = t.emit(build("combine", function="div"), [t.node(length), lengths], node, shape=shape_of(length))
    return t.emit(build("combine", function="mul"), [source, factor], node)


def group_norm(t: Conversion, node: Any) -> int:
    a = arguments(node)
    groups, eps = a["num_groups"], a["eps"]
    return layers.group_norm(t, node, a["input"], a["weight"], a["bias"], groups=groups, eps=eps)


def instance_norm(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if not a["use_input_stats"]:  # those that it learned: it is a batch norm
        return layers.batch_norm(t, node, a["input"], a["weight"], a["bias"], eps=a["eps"])
    return layers.instance_norm(t, node, a["input"], a["weight"], a["bias"], eps=a["eps"])


def convolution(t: Conversion, node: Any) -> int:
    """What the layers of any rank call, transposed or not."""
    return conv_transpose(t, node) if arguments(node)["transposed"] else conv(t, node)


def native(translation: Translation) -> Translation:
    """A normalisation that also gives its statistics."""
    return lambda t, node: [translation(t, node)]


def native_group_norm(t: Conversion, node: Any) -> int:
    a = arguments(node)
    return layers.group_norm(t, node, a["input"], a["weight"], a["bias"], groups=a["group"], eps=a["eps"])


def prelu(t: Conversion, node: Any) -> int:
    return layers.prelu(t, node, *node.args)


TRANSLATIONS: dict[str, Translation] = {
    **named("conv1d conv2d conv3d", conv),
    **named("conv_transpose1d conv_transpose2d conv_transpose3d", conv_transpose),
    **named("convolution _convolution", convolution),
    "linear": linear,
    "batch_norm": batch_norm,
    **named(
        "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training", native(batch_norm)
    ),
    **named("cudnn_batch_norm _batch_norm_no_update", native(batch_norm)),
    "layer_norm": layer_norm,
    "native_layer_norm": native(layer_norm),
    "native_group_norm": native(native_group_norm),
    "rms_norm": rms_norm,
    "_weight_norm": weight_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    **named("prelu _prelu_kernel", prelu),
}
