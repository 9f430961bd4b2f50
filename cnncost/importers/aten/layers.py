"""PyTorch's convolutions, linear layers and normalisations in ours: what learns."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation, build, named
from cnncost.importers.aten.values import arguments, shape_of
from cnncost.importers.building import Unsupported
from cnncost.importers.shapes import axis, pair, with_rest_as
from cnncost.ops.base import Operator


def conv(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x, weight, bias = a["input"], a["weight"], a["bias"]
    filters = shape_of(weight)
    if len(filters) not in (3, 4):
        raise Unsupported(f"convolution over {len(filters) - 2} axes")
    flat = len(filters) == 3  # over one axis: a map of height 1

    def spread(value: Any, fill: int) -> tuple[int, int]:
        return (fill, pair(value)[-1]) if flat else pair(value)

    dilation, stride = spread(a["dilation"], 1), spread(a["stride"], 1)
    pad: Any = a["padding"]
    if isinstance(pad, str):
        kernel = (1, *filters[2:]) if flat else filters[2:]
        totals = [d * (k - 1) if pad == "same" else 0 for d, k in zip(dilation, kernel, strict=True)]
        pad = [side for total in totals for side in (total // 2, total - total // 2)]
    else:
        pad = spread(pad, 0)
    settings: dict[str, Any] = {"stride": stride, "pad": pad, "dilation": dilation}
    source = t.node(x)
    shape = shape_of(node)
    if flat:
        channels, length = shape_of(x)[1:]
        source = t.emit(
            build("view", shape=[-1, channels, 1, length]),
            [source],
            None,
            shape=(shape[0], channels, 1, length),
        )
        shape = (shape[0], shape[1], 1, shape[2])
    if t.own(weight, bias):
        frozen = not weight.meta["val"].requires_grad
        kernel = (1, *filters[2:]) if flat else filters[2:]
        settings |= {"groups": a["groups"], "bias": bias is not None, "frozen": frozen}
        op = build("conv", out=filters[0], kernel=kernel, **settings)
        result = t.emit(op, [source], node, shape=shape)
    else:
        learned = t.node(weight)
        if flat:
            learned = t.emit(
                build("view", shape=[*filters[:2], 1, filters[2]]),
                [learned],
                None,
                shape=(*filters[:2], 1, filters[2]),
            )
        biases = [] if bias is None else [t.node(bias)]
        result = t.emit(build("conv_given", **settings), [source, learned, *biases], node, shape=shape)
    if flat:
        result = t.emit(build("view", shape=[-1, *shape_of(node)[1:]]), [result], None, shape=shape_of(node))
    return result


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
    x = a["input"]
    shape = shape_of(x)
    source = t.node(x)
    statistics = a["running_mean"] is not None
    op = partial(build, "bn", statistics=statistics, eps=a["eps"])
    if len(shape) != 3:
        return scaled_and_shifted(t, node, source, op, a, 1)
    weight, bias = a["weight"], a["bias"]
    own = t.own(weight, bias)
    lifted = (*shape, 1)
    source = t.emit(build("view", shape=with_rest_as(lifted)), [source], None, shape=lifted)
    norm = op(scale=own and weight is not None, shift=own and bias is not None)
    result = t.emit(norm, [source], node, shape=lifted)
    result = t.emit(build("view", shape=with_rest_as(shape)), [result], None, shape=shape)
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
