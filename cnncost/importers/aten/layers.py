"""PyTorch's convolutions, linear layers and normalisations in ours: what learns."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.sequences import as_map, emit_map, sides
from cnncost.importers.aten.translation import Translation, named
from cnncost.importers.aten.values import arguments, shape_of
from cnncost.importers.building import Unsupported
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis, pair
from cnncost.ops.base import Operator


def conv(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x, weight, bias = a["input"], a["weight"], a["bias"]
    filters = shape_of(weight)
    rank = len(filters)
    if rank not in (3, 4):
        raise Unsupported(f"convolution over {rank - 2} axes")
    kernel = sides(filters[2:], rank, 1)
    stride, dilation = sides(a["stride"], rank, 1), sides(a["dilation"], rank, 1)
    pad: Any = a["padding"]
    pad = named_padding(pad, kernel, dilation) if isinstance(pad, str) else sides(pad, rank, 0)
    window = {"stride": stride, "pad": pad, "dilation": dilation}
    if not t.own(weight, bias):
        sources = [as_map(t, x), as_map(t, weight), *([] if bias is None else [t.node(bias)])]
        return emit_map(t, build("conv_given", **window), sources, node)
    op = build(
        "conv",
        out=filters[0],
        kernel=kernel,
        groups=a["groups"],
        bias=bias is not None,
        frozen=not weight.meta["val"].requires_grad,
        **window,
    )
    return emit_map(t, op, [as_map(t, x)], node)


def named_padding(name: str, kernel: tuple[int, int], dilation: tuple[int, int]) -> list[int]:
    """PyTorch's "same" or "valid" as four sides, the odd pixel after."""
    totals = [d * (k - 1) if name == "same" else 0 for d, k in zip(dilation, kernel, strict=True)]
    return [side for total in totals for side in (total // 2, total - total // 2)]


def conv_transpose(t: Conversion, node: Any) -> int:
    a = arguments(node)
    weight, bias = a["weight"], a["bias"]
    if not t.own(weight, bias):
        raise Unsupported("transposed convolution with shared or computed weights")
    filters = shape_of(weight)
    op = build(
        "conv_transpose",
        out=filters[1] * a["groups"],
        kernel=filters[2:],
        stride=pair(a["stride"]),
        pad=pair(a["padding"]),
        output_pad=pair(a["output_padding"]),
        dilation=pair(a["dilation"]),
        groups=a["groups"],
        bias=bias is not None,
        frozen=not weight.meta["val"].requires_grad,
    )
    return t.emit(op, [t.node(a["input"])], node)


def linear(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x, weight, bias = a["input"], a["weight"], a["bias"]
    if not t.own(weight, bias):
        biases = [] if bias is None else [t.node(bias)]
        return t.emit(build("linear_given"), [t.node(x), t.node(weight), *biases], node)
    op = build(
        "linear",
        out=shape_of(weight)[0],
        bias=bias is not None,
        frozen=not weight.meta["val"].requires_grad,
        channels_last=len(shape_of(x)) > 3,
    )
    return t.emit(op, [t.node(x)], node)


def scaled_and_shifted(
    t: Conversion, node: Any, source: int, op: Callable[..., Operator], a: dict[str, Any], along: int
) -> int:
    """A normalisation; weights that it does not have for itself are factors and summands behind it."""
    weight, bias = a["weight"], a["bias"]
    if t.own(weight, bias):
        return t.emit(op(scale=weight is not None, shift=bias is not None), [source], node)
    result = t.emit(op(scale=False, shift=False), [source], node)
    return rescaled(t, node, result, weight, bias, along)


def rescaled(t: Conversion, node: Any, result: int, weight: Any, bias: Any, along: int) -> int:
    """A tensor times a weight, plus a bias, along an axis; either may be None."""
    rank = len(shape_of(node))
    for item, function in ((weight, "mul"), (bias, "add")):
        if item is not None:
            learned = t.node(item)
            size = shape_of(item)[0]
            if along != rank - 1:
                spread = [size, *[1] * (rank - 1 - along)]
                learned = t.emit(build("view", shape=spread), [learned], None, shape=tuple(spread))
            result = t.emit(build("combine", function=function), [result, learned], node)
    return result


def batch_norm(t: Conversion, node: Any) -> int:
    a = arguments(node)
    weight, bias = a["weight"], a["bias"]
    own = t.own(weight, bias)
    op = build(
        "bn",
        scale=own and weight is not None,
        shift=own and bias is not None,
        statistics=a["running_mean"] is not None,
        eps=a["eps"],
    )
    result = emit_map(t, op, [as_map(t, a["input"])], node)
    return result if own else rescaled(t, node, result, weight, bias, 1)


def layer_norm(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if len(a["normalized_shape"]) != 1:
        raise Unsupported("layer norm over several axes")
    rank = len(shape_of(node))
    op = partial(build, "layer_norm", eps=a["eps"], channels_last=rank > 3)
    return scaled_and_shifted(t, node, t.node(a["input"]), op, a, rank - 1)


def rms_norm(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if len(a["normalized_shape"]) != 1:
        raise Unsupported("root-mean-square norm over several axes")
    weight, source = a["weight"], t.node(a["input"])
    eps = 1e-7 if a["eps"] is None else a["eps"]  # PyTorch's own is that of the element type
    if t.own(weight):
        return t.emit(build("rms_norm", scale=weight is not None, eps=eps), [source], node)
    result = t.emit(build("rms_norm", scale=False, eps=eps), [source], node)
    return rescaled(t, node, result, weight, None, len(shape_of(node)) - 1)


def weight_norm(t: Conversion, node: Any) -> int:
    """A direction times a length, per filter (Salimans and Kingma 2016, equation 2)."""
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
    op = partial(build, "group_norm", groups=a["num_groups"], eps=a["eps"])
    return scaled_and_shifted(t, node, t.node(a["input"]), op, a, 1)


def instance_norm(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if a["running_mean"] is not None:
        raise Unsupported("instance norm with running statistics")
    return scaled_and_shifted(
        t, node, t.node(a["input"]), partial(build, "instance_norm", eps=a["eps"]), a, 1
    )


def prelu(t: Conversion, node: Any) -> int:
    x, weight = node.args
    shape = shape_of(x)
    if len(shape) == 3 or shape_of(weight)[0] != shape[1] or not t.own(weight):
        raise Unsupported("one slope for all channels, or a shared one")
    return t.emit(build("prelu"), [t.node(x)], node)


TRANSLATIONS: dict[str, Translation] = {
    **named("conv1d conv2d conv3d", conv),
    "conv_transpose2d": conv_transpose,
    "linear": linear,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "_weight_norm": weight_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "prelu": prelu,
}
