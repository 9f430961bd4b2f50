"""What PyTorch's operators are in ours: `TRANSLATIONS` is the table, by PyTorch's name.

A function gets the conversion and the call, appends nodes and gives the index of the last one, or a
list (one entry per tensor that the call gives; a function is called when its tensor is taken). It
raises Unsupported for a use that no declaration covers. A new operator is one entry.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

from cnncost.importers.convert import Conversion, Unsupported
from cnncost.importers.values import (
    arguments,
    axes,
    axis,
    batched,
    is_tensor,
    pair,
    same_memory,
    shape_of,
    with_batch_as,
    with_rest_as,
)
from cnncost.ops import REGISTRY
from cnncost.ops.base import Operator, channel_axis

Translation = Callable[[Conversion, Any], Any]


def build(name: str, **given: Any) -> Operator:
    """One of our operators."""
    return REGISTRY[name](**given)


def plain(name: str, **given: Any) -> Translation:
    """An operator of one tensor whose other arguments do not matter."""
    op = build(name, **given)
    return lambda t, node: t.emit(op, [t.node(node.args[0])], node)


def in_place(name: str) -> Translation:
    """An activation that PyTorch has in place and not."""

    def translate(t: Conversion, node: Any) -> int:
        inplace = str(node.target._schema.name).endswith("_")
        return t.emit(build(name, inplace=inplace), [t.node(node.args[0])], node)

    return translate


# Layers with weights ------------------------------------------------------------------------


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
    settings: dict[str, Any] = {"stride": stride, "pad": pad, "dilation": dilation, "groups": a["groups"]}
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
        op = build("conv", out=filters[0], kernel=kernel, bias=bias is not None, frozen=frozen, **settings)
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
    weight = a["weight"]
    if len(a["normalized_shape"]) != 1 or not t.own(weight):
        raise Unsupported("over several axes, or with shared weights")
    eps = 1e-7 if a["eps"] is None else a["eps"]  # PyTorch's own is that of the element type
    return t.emit(build("rms_norm", scale=weight is not None, eps=eps), [t.node(a["input"])], node)


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


# Windows --------------------------------------------------------------------------------------


def max_pool(t: Conversion, node: Any) -> int:
    a = arguments(node)
    op = build(
        "maxpool",
        kernel=pair(a["kernel_size"]),
        stride=pair(a["stride"] or a["kernel_size"]),
        pad=pair(a["padding"]),
        dilation=pair(a["dilation"]),
        ceil=a["ceil_mode"],
    )
    return t.emit(op, [t.node(node.args[0])], node, shape=first_shape(node))


def first_shape(node: Any) -> tuple[int, ...]:
    """The shape of a call's (first) tensor."""
    value = node.meta["val"]
    return tuple(int(size) for size in (value[0] if isinstance(value, (tuple, list)) else value).shape)


def avg_pool(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if a["divisor_override"] is not None:
        raise Unsupported("a divisor of its own")
    op = build(
        "avgpool",
        kernel=pair(a["kernel_size"]),
        stride=pair(a["stride"] or a["kernel_size"]),
        pad=pair(a["padding"]),
        ceil=a["ceil_mode"],
        count_pad=a["count_include_pad"],
    )
    return t.emit(op, [t.node(node.args[0])], node)


def adaptive_avg_pool(t: Conversion, node: Any) -> int:
    x, size = node.args
    if len(shape_of(x)) == 4:
        op = build("global_avgpool") if pair(size) == (1, 1) else build("adaptive_avgpool", size=pair(size))
        return t.emit(op, [t.node(x)], node)
    if list(size) == [1]:
        op = build("reduce", function="mean", axes=[len(shape_of(x)) - 1], keep=True)
        return t.emit(op, [t.node(x)], node)
    raise Unsupported("adaptive pooling of sequences")


def adaptive_max_pool(t: Conversion, node: Any) -> list[Any]:
    x, size = node.args
    if pair(size) != (1, 1):
        raise Unsupported("adaptive max pooling to more than one value")
    return [t.emit(build("global_maxpool"), [t.node(x)], node, shape=first_shape(node))]


def interpolate(mode: str) -> Translation:
    def translate(t: Conversion, node: Any) -> int:
        op = build("interpolate", size=shape_of(node)[2:], mode=mode)
        return t.emit(op, [t.node(node.args[0])], node)

    return translate


# Activations ----------------------------------------------------------------------------------


def hardtanh(t: Conversion, node: Any) -> int:
    a = arguments(node)
    low, high = a["min_val"], a["max_val"]
    if (low, high) == (0, 6):
        inplace = str(node.target._schema.name).endswith("_")
        return t.emit(build("relu6", inplace=inplace), [t.node(node.args[0])], node)
    return clamped(t, node, low, high)


def clamped(t: Conversion, node: Any, low: Any, high: Any) -> int:
    index = t.node(node.args[0])
    for function, number in (("maximum", low), ("minimum", high)):
        if number is not None:
            if is_tensor(number):
                index = t.emit(build("combine", function=function), [index, t.node(number)], node)
            else:
                index = t.emit(build("elementwise", function=function, number=number), [index], node)
    return index


def clamp(t: Conversion, node: Any) -> int:
    a = arguments(node)
    return clamped(t, node, a.get("min"), a.get("max"))


def leaky_relu(t: Conversion, node: Any) -> int:
    a = arguments(node)
    inplace = str(node.target._schema.name).endswith("_")
    return t.emit(
        build("leaky_relu", slope=a["negative_slope"], inplace=inplace), [t.node(node.args[0])], node
    )


def elu(t: Conversion, node: Any) -> int:
    inplace = str(node.target._schema.name).endswith("_")
    return t.emit(build("elu", inplace=inplace), [t.node(node.args[0])], node)


def softmax(t: Conversion, node: Any) -> int:
    a = arguments(node)
    shape = shape_of(node)
    along = axis(a["dim"], len(shape))
    op = build("softmax", axis=None if along == channel_axis(shape) else along)
    return t.emit(op, [t.node(node.args[0])], node)


def dropout(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if a["train"]:
        raise Unsupported("dropout that is on in inference")
    return t.emit(build("dropout", p=a["p"]), [t.node(node.args[0])], node)


# Arithmetic -----------------------------------------------------------------------------------


def pointwise(function: str, number: float | None = None) -> Translation:
    op = build("elementwise", function=function, number=number)
    return lambda t, node: t.emit(op, [t.node(node.args[0])], node)


def add(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x, y, alpha = a["self"], a["other"], a.get("alpha", 1)
    if not is_tensor(x):
        x, y = y, x
    if not is_tensor(y):
        return t.emit(build("elementwise", function="add", number=y * alpha), [t.node(x)], node)
    if alpha != 1:
        raise Unsupported("a sum with a factor")
    alike = shape_of(x) == shape_of(y)
    op = build("add") if alike else build("combine", function="add")
    return t.emit(op, [t.node(x), t.node(y)], node)


def add_product(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if a["value"] != 1:
        raise Unsupported("a product with a factor")
    x, y, z = (t.node(item) for item in node.args[:3])
    shapes = [t.at_batch[index] for index in (y, z)]
    product = build("combine", function="mul")
    made = t.emit(product, [y, z], node, shape=product.output_shape(*shapes))
    return t.emit(build("combine", function="add"), [x, made], node)


def subtract(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x, y = a["self"], a["other"]
    if a.get("alpha", 1) != 1:
        raise Unsupported("a difference with a factor")
    if not is_tensor(y):
        return t.emit(build("elementwise", function="add", number=-y), [t.node(x)], node)
    return t.emit(build("combine", function="sub"), [t.node(x), t.node(y)], node)


def rsubtract(t: Conversion, node: Any) -> int:
    a = arguments(node)
    return t.emit(build("elementwise", function="rsub", number=a["other"]), [t.node(a["self"])], node)


def multiply(t: Conversion, node: Any) -> int:
    x, y = node.args[:2]
    if not is_tensor(x):
        x, y = y, x
    if not is_tensor(y):
        return t.emit(build("scale", by=y), [t.node(x)], node)
    for factor, other in ((x, y), (y, x)):
        if factor in t.parameters and other not in t.parameters and t.own(factor):
            shape, sizes = shape_of(node), shape_of(factor)
            along = channel_axis(shape)
            per_channel = (shape[along], *[1] * (len(shape) - 1 - along))
            if shape_of(other) == shape and (*[1] * (len(shape) - len(sizes)), *sizes) == (
                *[1] * (len(shape) - len(per_channel)),
                *per_channel,
            ):
                return t.emit(build("layer_scale"), [t.node(other)], node)
    sources = [t.node(x), t.node(y)]
    first, second = shape_of(x), shape_of(y)
    gate = len(first) == len(second) and len(first) > 1 and first[0] == second[0]
    return t.emit(build("mul") if gate else build("combine", function="mul"), sources, node)


def divide(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if a.get("rounding_mode"):
        raise Unsupported("a division that rounds")
    if not is_tensor(a["other"]):
        return t.emit(build("scale", by=1 / a["other"]), [t.node(a["self"])], node)
    return t.emit(build("combine", function="div"), [t.node(a["self"]), t.node(a["other"])], node)


def power(t: Conversion, node: Any) -> int:
    x, exponent = node.args[:2]
    if is_tensor(exponent):
        return t.emit(build("combine", function="pow"), [t.node(x), t.node(exponent)], node)
    if exponent == 2:
        return t.emit(build("elementwise", function="square"), [t.node(x)], node)
    return t.emit(build("elementwise", function="pow", number=exponent), [t.node(x)], node)


def two(function: str) -> Translation:
    op = build("combine", function=function)
    return lambda t, node: t.emit(op, [t.node(node.args[0]), t.node(node.args[1])], node)


def masked_fill(t: Conversion, node: Any) -> int:
    return t.emit(build("combine", function="where"), [t.node(node.args[0]), t.node(node.args[1])], node)


def where(t: Conversion, node: Any) -> int:
    _, x, y = node.args
    if not (is_tensor(x) and is_tensor(y)):
        raise Unsupported("a choice between a tensor and a number")
    return t.emit(build("combine", function="where"), [t.node(x), t.node(y)], node)


def reduced(function: str) -> Translation:
    def translate(t: Conversion, node: Any) -> int:
        a = arguments(node)
        x = node.args[0]
        rank = len(shape_of(x))
        over = axes(a.get("dim"), rank)
        keep = bool(a.get("keepdim", False))
        if function in ("mean", "max") and rank == 4 and over == (2, 3):
            pool = build("global_avgpool" if function == "mean" else "global_maxpool")
            shape = shape_of(node)
            if keep:
                return t.emit(pool, [t.node(x)], node)
            pooled = t.emit(pool, [t.node(x)], node, shape=(*shape, 1, 1))
            return t.emit(build("flatten"), [pooled], node)
        return t.emit(build("reduce", function=function, axes=over, keep=keep), [t.node(x)], node)

    return translate


# Products -------------------------------------------------------------------------------------


def matmul(t: Conversion, node: Any) -> int:
    x, y = node.args[:2]
    if min(len(shape_of(x)), len(shape_of(y))) < 2:
        raise Unsupported("a product with a vector")
    return t.emit(build("matmul"), [t.node(x), t.node(y)], node)


def addmm(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x, y, z = node.args[:3]
    if (a.get("alpha", 1), a.get("beta", 1)) != (1, 1):
        raise Unsupported("a product with a factor")
    product = t.emit(build("matmul"), [t.node(y), t.node(z)], node)
    return t.emit(build("combine", function="add"), [product, t.node(x)], node)


def einsum(t: Conversion, node: Any) -> int:
    equation, tensors = node.args[:2]
    op = build("einsum", equation=equation.replace(" ", "").replace("->", "_").replace(",", "_"))
    return t.emit(op, [t.node(item) for item in tensors], node)


def attention(t: Conversion, node: Any) -> int:
    a = arguments(node)
    mask = a["attn_mask"]
    if a["enable_gqa"]:
        raise Unsupported("keys that several heads share")
    sources = [a["query"], a["key"], a["value"], *([] if mask is None else [mask])]
    return t.emit(build("attention"), [t.node(item) for item in sources], node)


# Moves ----------------------------------------------------------------------------------------


def through(t: Conversion, node: Any) -> int:
    """A call that gives its input, or a copy of it."""
    index = t.node(node.args[0])
    return index if same_memory(node, node.args[0]) else t.emit(build("copy"), [index], node)


def overwritten(t: Conversion, node: Any) -> int:
    """Values set to a number: nothing is computed."""
    return t.node(node.args[0])


def view(t: Conversion, node: Any) -> int:
    x = node.args[0]
    before, after = shape_of(x), shape_of(node)
    source = t.node(x)
    shared = same_memory(node, x)
    if before == after and shared:
        return source
    if len(after) == 2 and len(before) > 2 and after[0] == before[0] and shared and batched(after) == [0]:
        return t.emit(build("flatten"), [source], node)
    if len(batched(after)) > 1:
        raise Unsupported("the batch is spread over several axes")
    return t.emit(build("view", shape=with_rest_as(after), copy=not shared), [source], node)


def permute(t: Conversion, node: Any) -> int:
    x, order = node.args
    rank = len(shape_of(x))
    return t.emit(build("permute", axes=[axis(item, rank) for item in order]), [t.node(x)], node)


def transpose(t: Conversion, node: Any) -> int:
    x = node.args[0]
    rank = len(shape_of(x))
    first, second = (axis(item, rank) for item in (node.args[1:] or (0, 1)))
    order = list(range(rank))
    order[first], order[second] = second, first
    return t.emit(build("permute", axes=order), [t.node(x)], node)


def cut(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x = node.args[0]
    shape = shape_of(x)
    along = axis(a["dim"], len(shape))
    size = shape[along]
    start, stop, _ = slice(a["start"], a["end"]).indices(size)
    if (start, stop, a["step"]) == (0, size, 1):
        return t.node(x)
    return sliced(t, node, t.node(x), along, start, stop, a["step"], shape)


def sliced(
    t: Conversion, node: Any, source: int, along: int, start: int, stop: int, step: int, shape: Any
) -> int:
    """Part of an axis, `node` the tensor."""
    if along in batched(shape):
        raise Unsupported("part of a batch")
    op = build("slice", axis=along, start=start, stop=None if stop == shape[along] else stop, step=step)
    parts = (*shape[:along], len(range(start, stop, step)), *shape[along + 1 :])
    return t.emit(op, [source], node, shape=parts)


def split(t: Conversion, node: Any) -> list[Any]:
    """Parts of an axis, each made when it is taken."""
    a = arguments(node)
    x = node.args[0]
    shape = shape_of(x)
    source = t.node(x)
    along = axis(a["dim"], len(shape))
    lengths = [int(part.shape[along]) for part in node.meta["val"]]
    if along in batched(shape):
        raise Unsupported("part of a batch")
    if len(set(lengths)) == 1 and along == channel_axis(shape):

        def part(position: int) -> int:
            op = build("channel_split", parts=len(lengths), take=position)
            return t.emit(op, [source], node, shape=tuple(node.meta["val"][position].shape))
    else:

        def part(position: int) -> int:
            start = sum(lengths[:position])
            return sliced(t, node, source, along, start, start + lengths[position], 1, shape)

    return [once(partial(part, position)) for position in range(len(lengths))]


def once(make: Callable[[], int]) -> Callable[[], int]:
    """A node that is made when it is first asked for."""
    made: list[int] = []

    def get() -> int:
        if not made:
            made.append(make())
        return made[0]

    return get


def unbind(t: Conversion, node: Any) -> list[Any]:
    a = arguments(node)
    x = node.args[0]
    shape = shape_of(x)
    source = t.node(x)
    along = axis(a["dim"], len(shape))
    if along in batched(shape):
        raise Unsupported("part of a batch")

    def part(position: int) -> int:
        op = build("select", axis=along, index=position)
        return t.emit(op, [source], node, shape=(*shape[:along], *shape[along + 1 :]))

    return [once(partial(part, position)) for position in range(shape[along])]


def select(t: Conversion, node: Any) -> int:
    x, dim, index = node.args
    shape = shape_of(x)
    along = axis(dim, len(shape))
    if along in batched(shape):
        raise Unsupported("part of a batch")
    return t.emit(build("select", axis=along, index=index % shape[along]), [t.node(x)], node)


def expand(t: Conversion, node: Any) -> int:
    x = node.args[0]
    if shape_of(x) == shape_of(node):
        return t.node(x)
    return t.emit(expansion(shape_of(x), shape_of(node)), [t.node(x), 0], node)


def expansion(before: tuple[int, ...], after: tuple[int, ...]) -> Operator:
    """The operator that repeats axes of size 1."""
    aligned = (*[1] * (len(after) - len(before)), *before)
    sizes = zip(aligned, after, with_batch_as(after), strict=True)
    return build("expand", shape=[0 if a == b else size for a, b, size in sizes], like="input")


def repeat(t: Conversion, node: Any) -> int:
    x = node.args[0]
    before, after = shape_of(x), shape_of(node)
    aligned = (*[1] * (len(after) - len(before)), *before)
    if any(a != b and a != 1 for a, b in zip(aligned, after, strict=True)):
        raise Unsupported("a tensor repeated as a whole")
    return t.emit(build("copy"), [t.emit(expansion(before, after), [t.node(x), 0], node)], node)


def roll(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x = node.args[0]
    over = [axis(item, len(shape_of(x))) for item in a["dims"]]
    return t.emit(build("roll", shifts=a["shifts"], axes=over), [t.node(x)], node)


def pad(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x = node.args[0]
    sides = [int(side) for side in a["pad"]]
    source = t.node(x)
    if a.get("mode", "constant") != "constant":
        raise Unsupported(f"padding of mode {a['mode']}")
    if not any(sides):
        return through(t, node)
    rank = len(shape_of(x))
    before, after = [0] * rank, [0] * rank
    for place in range(len(sides) // 2):
        before[rank - 1 - place], after[rank - 1 - place] = sides[2 * place : 2 * place + 2]
    value = max(a.get("value") or 0.0, -sys.float_info.max)  # a spec has no infinity
    if rank == 4 and min(sides) >= 0 and not value and not before[0] and not after[0]:
        around = [before[2], after[2], before[3], after[3]]
        channels = [before[1], after[1]] if before[1] else after[1]
        return t.emit(build("zero_pad", pad=around, channels=channels), [source], node)
    return t.emit(build("pad", before=before, after=after, value=value), [source], node)


def concat(t: Conversion, node: Any) -> int:
    a = arguments(node)
    tensors = node.args[0]
    shape = shape_of(node)
    along = axis(a["dim"], len(shape))
    return t.emit(joined(along, shape), [t.node(item) for item in tensors], node)


def joined(along: int, shape: Any) -> Operator:
    return build("concat") if along == channel_axis(shape) else build("concat", axis=along)


def stack(t: Conversion, node: Any) -> int:
    a = arguments(node)
    tensors = node.args[0]
    shape = shape_of(node)
    along = axis(a["dim"], len(shape))
    one = (*shape[:along], 1, *shape[along + 1 :])
    op = build("view", shape=with_rest_as(one))
    return t.emit(
        joined(along, shape), [t.emit(op, [t.node(item)], node, shape=one) for item in tensors], node
    )


def index(t: Conversion, node: Any) -> int:
    x, places = node.args
    given = [(along, item) for along, item in enumerate(places) if item is not None]
    if len(given) != 1 or given[0][1] not in t.constants:
        raise Unsupported("positions that are computed, or of several axes")
    ((along, where),) = given
    return gathered(t, node, x, along, shape_of(where))


def gathered(t: Conversion, node: Any, x: Any, along: int, where: tuple[int, ...]) -> int:
    shape = shape_of(x)
    count = prod(where)
    picked = t.emit(
        build("gather", axis=along, count=count),
        [t.node(x)],
        node,
        shape=(*shape[:along], count, *shape[along + 1 :]),
    )
    if len(where) == 1:
        return picked
    return t.emit(build("view", shape=with_rest_as(shape_of(node))), [picked], node)


def index_select(t: Conversion, node: Any) -> int:
    x, dim, where = node.args
    if where not in t.constants:
        raise Unsupported("positions that are computed")
    return gathered(t, node, x, axis(dim, len(shape_of(x))), shape_of(where))


def channel_shuffle(t: Conversion, node: Any) -> int:
    return t.emit(build("channel_shuffle", groups=node.args[1]), [t.node(node.args[0])], node)


def named(names: str, translation: Translation) -> dict[str, Translation]:
    """One translation under several names."""
    return dict.fromkeys(names.split(), translation)


TRANSLATIONS: dict[str, Translation] = {
    **named("conv1d conv2d conv3d", conv),
    "conv_transpose2d": conv_transpose,
    "linear": linear,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "prelu": prelu,
    "max_pool2d": max_pool,
    "avg_pool2d": avg_pool,
    **named("adaptive_avg_pool2d adaptive_avg_pool1d", adaptive_avg_pool),
    "adaptive_max_pool2d": adaptive_max_pool,
    "upsample_nearest2d": interpolate("nearest"),
    "upsample_bilinear2d": interpolate("bilinear"),
    "upsample_bicubic2d": interpolate("bicubic"),
    **{
        name: in_place(name)
        for name in ("relu", "relu6", "silu", "hardswish", "hardsigmoid", "mish")
    },
    **{name: plain(name) for name in ("sigmoid", "tanh", "gelu")},
    "hardtanh": hardtanh,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "softmax": softmax,
    "dropout": dropout,
    **named("clamp clamp_min clamp_max", clamp),
    **{
        name: pointwise(name)
        for name in ("neg", "reciprocal", "exp", "log", "sqrt", "rsqrt", "abs", "sin", "cos", "erf")
    },
    **{name: pointwise(name) for name in ("square", "softplus", "atan")},
    "add": add,
    "addcmul": add_product,
    "sub": subtract,
    "rsub": rsubtract,
    "mul": multiply,
    "div": divide,
    "pow": power,
    "maximum": two("maximum"),
    "minimum": two("minimum"),
    "masked_fill": masked_fill,
    "where": where,
    "mean": reduced("mean"),
    "sum": reduced("sum"),
    "amax": reduced("max"),
    "amin": reduced("min"),
    "var": reduced("var"),
    "std": reduced("std"),
    "linalg_vector_norm": reduced("norm"),
    **named("matmul bmm mm", matmul),
    "addmm": addmm,
    "einsum": einsum,
    "scaled_dot_product_attention": attention,
    **named("contiguous clone to _to_copy alias detach lift_fresh_copy lift_fresh type_as", through),
    **named("view reshape flatten unflatten squeeze unsqueeze _unsafe_view view_as reshape_as", view),
    **named("zero fill", overwritten),
    "permute": permute,
    **named("transpose swapaxes swapdims t", transpose),
    "slice": cut,
    **named("split split_with_sizes chunk tensor_split", split),
    "unbind": unbind,
    "select": select,
    **named("expand expand_as", expand),
    "repeat": repeat,
    "roll": roll,
    **named("pad constant_pad_nd", pad),
    "cat": concat,
    "stack": stack,
    "index": index,
    "index_select": index_select,
    "channel_shuffle": channel_shuffle,
}  # fmt: skip
"""By PyTorch's name, without overload and without the mark of in-place operators."""
