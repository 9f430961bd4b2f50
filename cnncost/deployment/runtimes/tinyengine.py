"""TinyEngine (Lin et al. 2020, 2021): int8 kernels that overwrite their input where they can.

A depthwise convolution writes over its input channel by channel, also at stride 2, with a channel of 16 bits
and its padding as buffer; other convolutions have two columns of 16 bits, and those of more than one tap
their weights in 16 bits (code_generator/operators). These two buffers are static: each is as large as the
layer that needs most, and they lie beside the arena.
"""

from __future__ import annotations

from typing import Any

from cnncost.deployment.arena import greedy_by_size
from cnncost.deployment.runtime import Lacking, Launch, Runtime, chain, kernel, view
from cnncost.deployment.runtimes.tflm import adaptive, flash, two_axes
from cnncost.execution.call import Call
from cnncost.execution.kinds import kind_of
from cnncost.ops.window import area

WIDE = 2
"""Bytes of a value in its buffers."""
DENSE = ((1, 1), (3, 3))
DEPTHWISE = ((3, 3), (5, 5), (7, 7))
"""The windows that its kernels have."""


def conv(call: Call[Any]) -> tuple[Launch, ...]:
    """A dense convolution of 1 x 1 or 3 x 3, or a depthwise one in place."""
    two_axes(call)
    slides = call.op.windows(*call.inputs)
    kernels = tuple([slide.kernel for slide in slides])
    text = "x".join(map(str, kernels))
    kind = kind_of(call)
    if any(slide.dilation > 1 for slide in slides) or any(slide.stride > 2 for slide in slides):
        raise Lacking(f"a {text} conv with holes or a stride above 2")
    if kind == "depthwise" and call.x[1] == call.output[1]:
        if kernels not in DEPTHWISE:
            raise Lacking(f"a depthwise {text} conv")
        sizes = [size + sum(slide.padding(size)) for size, slide in zip(call.x[2:], slides, strict=True)]
        return (Launch("DEPTHWISE_CONV_2D", scratch=(WIDE * sizes[0] * sizes[1], 0), overwrites=True),)
    if kind in ("depthwise", "grouped"):
        raise Lacking("a conv in groups")
    if kernels not in DENSE:
        raise Lacking(f"a {text} conv")
    columns = 2 * WIDE * area(slides) * call.x[1]
    weights = WIDE * area(slides) * call.x[1] * call.output[1] if area(slides) > 1 else 0
    return (Launch("CONV_2D", scratch=(columns, weights)),)


def linear(call: Call[Any]) -> tuple[Launch, ...]:
    """A convolution of one tap over a map of one position."""
    return (Launch("FULLY_CONNECTED", scratch=(2 * WIDE * call.x[-1], 0)),)


def pooled(call: Call[Any]) -> tuple[Launch, ...]:
    """A mean by windows of one size."""
    adaptive(call)
    return (Launch("AVG_POOL_2D"),)


def upsample(call: Call[Any]) -> tuple[Launch, ...]:
    """By the nearest value."""
    if call.op.mode != "nearest":
        raise Lacking(f"interpolate, mode {call.op.mode}")
    return (Launch("UPSAMPLE"),)


TINYENGINE = Runtime(
    name="tinyengine",
    statement=(
        "tinyengine: batch norms folded, ReLUs fused, a tensor is freed after its last reader; additions and"
        " depthwise convolutions (also of stride 2) overwrite their input. Beside the arena are its two"
        " static buffers, for columns or a channel and for weights of 16 bits."
    ),
    source="github.com/mit-han-lab/tinyengine, code_generator",
    dtypes=("int8",),
    kernels={
        "conv": conv,
        "linear": linear,
        "maxpool": kernel("MAX_POOL_2D"),
        "avgpool": kernel("AVG_POOL_2D"),
        "global_avgpool": pooled,
        "adaptive_avgpool": pooled,
        "add": chain("ADD", overwrites=True),
        "concat": kernel("CONCATENATION"),
        "interpolate": upsample,
        "flatten": view,
        "reshape": view,
        "view": view,
    },
    flash=flash,
    planner=greedy_by_size,
    alignment=1,
    fused=frozenset({"relu", "relu6"}),
    takes=frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD"}),
    apart=True,
    patches=True,
)
