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
from cnncost.importers.parts import build, is_map
from cnncost.importers.shapes import axis, with_rest_as
from cnncost.importers.stated import custom, of_first
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
    window = {"stride": list(stride), "pad": pad, "dilation": list(dilation)}
    if not t.own(weight, bias):
        sources = [t.node(item) for item in (x, weight, bias) if item is not None]
        return t.emit(build("conv_given", **window), sources, call, shape=shape)
    op = build(
        "conv",
        out=filters[0],
        kernel=list(filters[2:]),
        groups=groups,
        bias=bias is not None,
        frozen=t.frozen(weight),
        **window,
    )
    return t.emit(op, [t.node(x)], call, shape=shape)


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
    shape: tuple[int, ...] | None = None,
) -> int:
    """A transposed convolution; weights (in, out / groups, *kernel), computed ones if `shape` is given."""
    own = t.own(weight, bias)
    if not own and shape is None:
        raise Unsupported("transposed convolution with shared or computed weights")
    filters = t.shape(weight)
    op = build(
        "conv_transpose",
        out=filters[1] * groups,
        kernel=list(filters[2:]),
        stride=stride,
        pad=pad,
        output_pad=output_pad,
        dilation=dilation,
        groups=groups,
        bias=bias is not None,
        frozen=own and t.frozen(weight),
    )
    if own or shape is None:
        return t.emit(op, [t.node(x)], call)
    sources = [t.node(item) for item in (x, weight, bias) if item is not None]
    return custom(t, call, "transposed convolution", sources, shape, of_first(op))


def linear(t: Conversion, call: Any, x: Any, weight: Any, bias: Any, out: int) -> int:
    """A fully connected layer along the last axis, with weights that it has for itself."""
    op = build(
        "linear",
        out=out,
        bias=bias is not None,
        frozen=t.frozen(weight),
        channels_last=len(t.shape(x)) > 3 or is_map(t, t.node(x)),
    )
    return t.emit(op, [t.node(x)], call)


def normalised(t: Conversion, call: Any, x: Any, op: Callable[..., Operator], scale: Any, shift: Any) -> int:
    """A normalisation of channels; weights that it does not have for itself are factors and summands behind.

    `op` makes the operator from whether it has a scale and a shift, and whether they are frozen.
    """
    shape = t.shape(x)
    for item in (scale, shift):
        if item is not None and prod(t.shape(item)) != shape[1]:
            raise Unsupported(f"a normalisation with a scale of {prod(t.shape(item))}")
    own = t.own(scale, shift)
    found = op(
        scale=own and scale is not None,
        shift=own and shift is not None,
        frozen=untrained(t, own, scale, shift),
    )
    made = t.emit(found, [t.node(x)], call, shape=shape)
    return made if own else rescaled(t, call, made, scale, shift, 1, shape)


def untrained(t: Conversion, own: bool, *weights: Any) -> bool:
    """Whether the weights that a layer has for itself (None left out) are counted but not trained."""
    return own and any(t.frozen(item) for item in weights if item is not None)


def rescaled(
    t: Conversion, call: Any, index: int, scale: Any, shift: Any, along: int, shape: tuple[int, ...]
) -> int:
    """A tensor times a weight, plus another, along an axis; either may be None."""
    for item, function in ((scale, "mul"), (shift, "add")):
        if item is not None:
            learned = t.node(item)
            spread = (shape[along], *[1] * (len(shape) - 1 - along))
            if len(spread) > 1:
                learned = viewed(t, call, learned, spread)
            combined = build("combine", function=function)
            index = t.emit(combined, [index, learned], call, shape=shape, within=True)
    return index


def rescaled_groups(
    t: Conversion, call: Any, index: int, scale: Any, shift: Any, groups: int, shape: tuple[int, ...]
) -> int:
    """A tensor times a weight per group of channels, plus another; either may be None."""
    apart = (shape[0], groups, shape[1] // groups * prod(shape[2:]))
    index = rescaled(t, call, viewed(t, call, index, apart), scale, shift, 1, apart)
    return viewed(t, call, index, shape)


def batch_norm(
    t: Conversion,
    call: Any,
    x: Any,
    scale: Any,
    shift: Any,
    *,
    eps: float,
    statistics: bool = True,
    fixed: bool = False,
) -> int:
    """Batch norm over the channels; without statistics of its own it takes the batch's, `fixed` never."""
    op = partial(build, "bn", statistics=statistics, eps=eps, fixed=fixed)
    return normalised(t, call, x, op, scale, shift)


def layer_norm(t: Conversion, call: Any, x: Any, scale: Any, shift: Any, *, first: int, eps: float) -> int:
    """Layer norm over the axes from `first` on, seen as one."""
    op = partial(build, "layer_norm", eps=eps)
    return over_last(t, call, x, op, scale, shift, first)


def rms_norm(t: Conversion, call: Any, x: Any, scale: Any, *, first: int, eps: float) -> int:
    """Root-mean-square norm over the axes from `first` on, seen as one."""

    def op(scale: bool, shift: bool, frozen: bool, channels_last: bool = False) -> Operator:
        return build("rms_norm", scale=scale, eps=eps, frozen=frozen)

    return over_last(t, call, x, op, scale, None, first)


def over_last(
    t: Conversion, call: Any, x: Any, op: Callable[..., Operator], scale: Any, shift: Any, first: int
) -> int:
    """A normalisation over the axes from `first` on, several seen as one."""
    shape = t.shape(x)
    along = axis(first, len(shape))
    flat = (*shape[:along], prod(shape[along:]))
    for item in (scale, shift):
        if item is not None and prod(t.shape(item)) != flat[along]:
            raise Unsupported(f"a normalisation with a scale of {prod(t.shape(item))}")
    own = t.own(scale, shift)
    settings = {"frozen": untrained(t, own, scale, shift)}
    if len(flat) > 3 or is_map(t, t.node(x)):
        settings["channels_last"] = True
    found = op(scale=own and scale is not None, shift=own and shift is not None, **settings)
    index = viewed(t, call, t.node(x), flat) if flat != shape else t.node(x)
    index = t.emit(found, [index], call, shape=flat)
    if not own:
        index = rescaled(t, call, index, scale, shift, along, flat)
    return viewed(t, call, index, shape) if flat != shape else index


def viewed(t: Conversion, call: Any, source: int, shape: tuple[int, ...]) -> int:
    """A tensor in another shape, as part of a call."""
    return t.emit(build("view", shape=with_rest_as(shape)), [source], call, shape=shape, within=True)


def group_norm(t: Conversion, call: Any, x: Any, scale: Any, shift: Any, *, groups: int, eps: float) -> int:
    """Group norm over the channels."""
    return normalised(t, call, x, partial(build, "group_norm", groups=groups, eps=eps), scale, shift)


def instance_norm(t: Conversion, call: Any, x: Any, scale: Any, shift: Any, *, eps: float) -> int:
    """Instance norm with the statistics of every image."""
    return normalised(t, call, x, partial(build, "instance_norm", eps=eps), scale, shift)


def prelu(t: Conversion, call: Any, x: Any, slope: Any) -> int:
    """A rectifier with learned slopes, or one for all channels."""
    shape, count = t.shape(x), prod(t.shape(slope))
    if count not in (1, shape[1]):
        raise Unsupported(f"{count} slopes for {shape[1]} channels")
    own = t.own(slope)
    op = build("prelu", shared=count == 1, frozen=untrained(t, own, slope))
    if own:
        return t.emit(op, [t.node(x)], call, shape=shape)
    return custom(t, call, "prelu", [t.node(x), t.node(slope)], shape, of_first(op), pointwise=True)
