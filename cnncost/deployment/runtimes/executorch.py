"""ExecuTorch with its portable operators: float32, no delegate, inputs and outputs in the arena.

`torch.export` and `to_edge` take the network apart and fold nothing; every operator writes a new tensor.
Its planner puts tensors into shared objects (`arena.shared_objects`). The kernels that an operator becomes
are those of executorch 1.5; `benchmarks/executorch_arena.py` holds the arena against its own planner.
"""

from __future__ import annotations

from typing import Any

from cnncost.deployment.arena import shared_objects
from cnncost.deployment.runtime import Lacking, Launch, Launches, Runtime, chain, kernel, view
from cnncost.deployment.runtimes.tflm import two_axes
from cnncost.execution.call import Call
from cnncost.ops.sizes import elements

INDEX = 8
"""Bytes of an int64."""


def conv(call: Call[Any]) -> tuple[Launch, ...]:
    """A convolution; one with connections between maps is none of PyTorch's."""
    if call.op.given("connections") is not None:
        raise Lacking("conv with connections between maps")
    if len(call.x) > 4:  # kernels/portable/cpu/util/kernel_ops_util.cpp, check_convolution_args
        raise Lacking(f"{call.op.name} over {len(call.x) - 2} axes")
    return (Launch("convolution"),)


def linear(call: Call[Any]) -> tuple[Launch, ...]:
    """The weights are copied, transposed, then multiplied."""
    weights = call.op.weights(*call.inputs)
    copy = Launch("permute_copy", of=(), bytes=weights[0].count * call.element_bytes)
    product = "addmm" if len(weights) > 1 else "mm"
    return (copy, Launch(product, of=(~0, 0)))


def max_pool(call: Call[Any]) -> tuple[Launch, ...]:
    """With the places of the maxima; there is no kernel but that of two axes."""
    two_axes(call)
    places = elements(call.output) * INDEX
    return (Launch("max_pool2d_with_indices", beside=(("indices", places),)),)


def average_pool(call: Call[Any]) -> tuple[Launch, ...]:
    """A mean by windows over two axes."""
    two_axes(call)
    return (Launch("avg_pool2d"),)


def adaptive(call: Call[Any]) -> tuple[Launch, ...]:
    """A mean where one position is left; else windows over two axes."""
    if set(call.output[2:]) == {1}:
        return (Launch("mean"),)
    two_axes(call)
    return (Launch("_adaptive_avg_pool2d"),)


def batch_norm(call: Call[Any]) -> tuple[Launch, ...]:
    """With statistics that are empty in inference."""
    return (Launch("_native_batch_norm_legit_no_training"),)


def silu(call: Call[Any]) -> tuple[Launch, ...]:
    """x * sigmoid(x)."""
    return (Launch("sigmoid"), Launch("mul", of=(~0, 0)))


SCALAR = Launch("_to_dim_order_copy", of=(), bytes=4)
"""A number as a tensor of its own."""


def hard_sigmoid(call: Call[Any]) -> tuple[Launch, ...]:
    """relu6(x + 3) / 6, one step after the other."""
    return (
        SCALAR, Launch("add", of=(~0, 0)), Launch("clamp", of=(1,)), Launch("clamp", of=(2,)),
        SCALAR, Launch("div", of=(3, 4)),
    )  # fmt: skip


def hard_swish(call: Call[Any]) -> tuple[Launch, ...]:
    """x * relu6(x + 3) / 6, one step after the other."""
    return (
        SCALAR, Launch("add", of=(~0, 0)), Launch("clamp", of=(1,)), Launch("clamp", of=(2,)),
        Launch("mul", of=(~0, 3)), SCALAR, Launch("div", of=(4, 5)),
    )  # fmt: skip


def crop(call: Call[Any]) -> tuple[Launch, ...]:
    """A part of one axis after the other, of those that are cut."""
    two_axes(call)
    (n, c, height, width), (_, _, high, wide) = call.x, call.output
    if width == wide or height == high:
        return (Launch("slice_copy"),)
    return (
        Launch("slice_copy", bytes=n * c * high * width * call.element_bytes),
        Launch("slice_copy", of=(0,)),
    )


def prelu(call: Call[Any]) -> tuple[Launch, ...]:
    """Where x is above 0 that, else its product with the slopes; the comparison gives a byte per value."""
    above = Launch("gt", bytes=elements(call.output))
    return (above, Launch("mul"), Launch("where", of=(0, ~0, 1)))


def interpolate(call: Call[Any]) -> tuple[Launch, ...]:
    """By the nearest value or between two."""
    two_axes(call)
    if call.op.mode not in ("nearest", "bilinear") or call.op.antialias:
        raise Lacking(f"interpolate, mode {call.op.mode}")
    return (Launch(f"upsample_{call.op.mode}2d"),)


def reduce(call: Call[Any]) -> tuple[Launch, ...]:
    """A mean, or the largest value, over axes that are named."""
    names = {"mean": "mean", "max": "amax"}
    if call.op.function not in names:
        raise Lacking(f"reduce, function {call.op.function}")
    return (Launch(names[call.op.function]),)


def rearranged(copies: int) -> Launches:
    """A permutation between two views: what is permuted, and copies of that in order."""
    first = Launch("permute_copy")
    return lambda call: (first, *[Launch("_clone_dim_order", of=(place,)) for place in range(copies)])


EXECUTORCH = Runtime(
    name="executorch",
    statement=(
        "executorch: portable operators, no delegate: batch norms and activations stay operators with a"
        " tensor each, a linear layer copies its weights transposed, inputs and outputs are in the arena,"
        " tensors start at multiples of 16 bytes, in shared objects."
    ),
    source="github.com/pytorch/executorch, exir, 1.5",
    dtypes=("float32",),
    kernels={
        "conv": conv,
        "conv_transpose": conv,
        "linear": linear,
        "maxpool": max_pool,
        "avgpool": average_pool,
        "global_avgpool": kernel("mean"),
        "adaptive_avgpool": adaptive,
        "reduce": reduce,
        "bn": batch_norm,
        "add": chain("add"),
        "mul": chain("mul"),
        "concat": kernel("cat"),
        "relu": kernel("relu"),
        "relu6": kernel("hardtanh"),
        "leaky_relu": kernel("leaky_relu"),
        "elu": kernel("elu"),
        "gelu": kernel("gelu"),
        "sigmoid": kernel("sigmoid"),
        "tanh": kernel("tanh"),
        "silu": silu,
        "hardsigmoid": hard_sigmoid,
        "hardswish": hard_swish,
        "softmax": kernel("_softmax"),
        "log_softmax": kernel("_log_softmax"),
        "prelu": prelu,
        "zero_pad": kernel("constant_pad_nd"),
        "crop": crop,
        "slice": kernel("slice_copy"),
        "channel_split": kernel("slice_copy"),
        "permute": kernel("permute_copy"),
        "channel_shuffle": rearranged(1),
        "pixel_shuffle": rearranged(2),
        "pixel_unshuffle": rearranged(2),
        "interpolate": interpolate,
        "flatten": view,
        "reshape": view,
        "view": view,
    },
    flash=lambda call: (call.op.params(*call.inputs) + call.op.buffers(*call.inputs)) * call.element_bytes,
    planner=shared_objects,
    alignment=16,
    folds=False,
)
