"""Convolutions, linear layers and normalisations of every framework in ours: what learns.

Windows are lists with one entry per axis of space, paddings one number per axis or (before, after) of each.
Weights that a layer does not have for itself are inputs of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

from cnncost.importers.building import Unsupported
from cnncost.importers.conversion import Conversion
from cnncost.importers.maps import as_map, emit_map, sides
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis
from cnncost.ops.base import Operator


def conv(
    t: Conversion,
    call: Any,
    x: Any,
    weight: Any,
    bias: Any,
    *,
    shape: tuple[int, ...],
    stride: Sequence[int],
    pad: Any,
    dilation: Sequence[int],
    groups: int,
) -> int:
    """A convolution with weights (out, in / groups, *kernel); `shape` is the output's."""
    filters = t.shape(weight)
    if len(filters) == 3 and pad != "same":
        pad = [0, 0, *pad] if len(pad) == 2 else [0, *pad]
    window = {"stride": sides(stride, 1), "pad": pad, "dilation": sides(dilation, 1)}
    if not t.own(weight, bias):
        sources = [as_map(t, call, x), as_map(t, call, weight), *([] if bias is None else [t.node(bias)])]
        return emit_map(t, build("conv_given", **window), sources, call, shape)
    op = build(
        "conv",
        out=filters[0],
        kernel=sides(filters[2:], 1),
        groups=groups,
        bias=bias is not None,
        frozen=t.frozen(weight),
        **window,
    )
    return emit_map(t, op, [as_map(t, call, x)], call, shape)


def conv_transpose(
    t: Conversion,
    call: Any,
    x: Any,
    weight: Any,
    bias: Any,
    *,
    stride: Sequence[int],
    pad: Any,
    output_pad: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> int:
    """A transposed convolution with weights (in, out / groups, *kernel)."""
    if not t.own(weight, bias):
        raise Unsupported("transposed convolution with shared or computed weights")
    filters = t.shape(weight)
    op = build(
        "conv_transpose",
        out=filters[1] * groups,
        kernel=filters[2:],
        stride=stride,
        pad=pad,
        output_pad=output_pad,
        dilation=dilation,
        groups=groups,
        bias=bias is not None,
        frozen=t.frozen(weight),
    )
    return t.emit(op, [t.node(x)], call)


def linear(t: Conversion, call: Any, x: Any, weight: Any, bias: Any, out: int) -> int:
    """A fully connected layer along the last axis, with weights that it has for itself."""
    op = build(
        "linear",
        out=out,
        bias=bias is not None,
        frozen=t.frozen(weight),
        channels_last=len(t.shape(x)) > 3,
    )
    return t.emit(op, [t.node(x)], call)


def normalised(
    t: Conversion, call: Any, x: Any, op: Callable[..., Operator], scale: Any, shift: Any, along: int = 1
) -> int:
    """A normalisation; weights that it does not have for itself are factors and summands behind it.

    `op` makes the operator from whether it has a scale and a shift, which lie along the axis `along`.
    """
    shape = t.shape(x)
    for item in (scale, shift):
        if item is not None and prod(t.shape(item)) != shape[along]:
            raise Unsupported(f"a normalisation with a scale of {prod(t.shape(item))}")
    own = t.own(scale, shift)
    found = op(scale=own and scale is not None, shift=own and shift is not None)
    source = as_map(t, call, x) if along == 1 else t.node(x)
    made = (
        emit_map(t, found, [source], call, shape)
        if along == 1
        else t.emit(found, [source], call, shape=shape)
    )
    return made if own else rescaled(t, call, made, scale, shift, along, shape)


def rescaled(
    t: Conversion, call: Any, index: int, scale: Any, shift: Any, along: int, shape: tuple[int, ...]
) -> int:
    """A tensor times a weight, plus another, along an axis; either may be None."""
    for item, function in ((scale, "mul"), (shift, "add")):
        if item is not None:
            learned = t.node(item)
            spread = (shape[along], *[1] * (len(shape) - 1 - along))
            if len(spread) > 1:
                learned = t.emit(build("view", shape=spread), [learned], call, shape=spread, within=True)
            combined = build("combine", function=function)
            index = t.emit(combined, [index, learned], call, shape=shape, within=True)
    return index


def batch_norm(
    t: Conversion, call: Any, x: Any, scale: Any, shift: Any, *, eps: float, statistics: bool = True
) -> int:
    """Batch norm over the channels; without statistics of its own it takes the batch's."""
    op = partial(build, "bn", statistics=statistics, eps=eps)
    return normalised(t, call, x, op, scale, shift)


def layer_norm(t: Conversion, call: Any, x: Any, scale: Any, shift: Any, *, first: int, eps: float) -> int:
    """Layer norm over the axes from `first` on."""
    rank = len(t.shape(x))
    if axis(first, rank) != rank - 1:
        raise Unsupported("layer norm over several axes")
    op = partial(build, "layer_norm", eps=eps, channels_last=rank > 3)
    return normalised(t, call, x, op, scale, shift, rank - 1)


def rms_norm(t: Conversion, call: Any, x: Any, scale: Any, *, first: int, eps: float) -> int:
    """Root-mean-square norm over the axes from `first` on."""
    rank = len(t.shape(x))
    if axis(first, rank) != rank - 1:
        raise Unsupported("root-mean-square norm over several axes")

    def op(scale: bool, shift: bool) -> Operator:
        return build("rms_norm", scale=scale, eps=eps)

    return normalised(t, call, x, op, scale, None, rank - 1)


def group_norm(t: Conversion, call: Any, x: Any, scale: Any, shift: Any, *, groups: int, eps: float) -> int:
    """Group norm over the channels."""
    return normalised(t, call, x, partial(build, "group_norm", groups=groups, eps=eps), scale, shift)


def instance_norm(t: Conversion, call: Any, x: Any, scale: Any, shift: Any, *, eps: float) -> int:
    """Instance norm with the statistics of every image."""
    return normalised(t, call, x, partial(build, "instance_norm", eps=eps), scale, shift)


def prelu(t: Conversion, call: Any, x: Any, slope: Any) -> int:
    """A rectifier with learned slopes."""
    shape = t.shape(x)
    if len(shape) == 3 or prod(t.shape(slope)) != shape[1] or not t.own(slope):
        raise Unsupported("one slope for all channels, or a shared one")
    return t.emit(build("prelu"), [t.node(x)], call)
