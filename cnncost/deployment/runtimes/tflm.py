"""TensorFlow Lite Micro with its reference kernels: what each needs beside its tensors.

Scratch is what a kernel's Prepare asks of the arena (tensorflow/lite/micro/kernels: transpose_conv, reduce).
Windows pad themselves: a converter that writes paddings as PAD operators of their own needs more.
"""

from __future__ import annotations

from typing import Any

from cnncost.bits import packed
from cnncost.deployment.arena import greedy_by_size
from cnncost.deployment.runtime import Lacking, Launch, Launches, Runtime, chain, kernel
from cnncost.execution.call import Call
from cnncost.execution.kinds import kind_of
from cnncost.ops.sizes import elements

ACCUMULATOR = 4
"""Bytes of an int32, in which integer kernels sum."""
INDEX = 4
"""Bytes of an int32 that says a position or an axis."""


def accumulators(call: Call[Any]) -> int:
    """Bytes of an int32 for every value of the output; float kernels need none."""
    return elements(call.output) * ACCUMULATOR if call.element_bytes == 1 else 0


def two_axes(call: Call[Any]) -> None:
    """Raise Lacking for a map that has not two axes of space."""
    if len(call.x) != 4:
        one = "write it as a map of height 1, as TensorFlow does: input [C, 1, L], kernel [1, K]"
        raise Lacking(f"{call.op.name} over {len(call.x) - 2} axes", one if len(call.x) == 3 else "")


def conv(call: Call[Any]) -> tuple[Launch, ...]:
    """A convolution, depthwise where every channel has its own filters."""
    two_axes(call)
    if call.op.connections is not None:
        raise Lacking("conv with connections between maps")
    name = "DEPTHWISE_CONV_2D" if kind_of(call) == "depthwise" else "CONV_2D"
    return (Launch(name, scratch=unpacked(call)),)


def linear(call: Call[Any]) -> tuple[Launch, ...]:
    """A product with a matrix."""
    return (Launch("FULLY_CONNECTED", scratch=unpacked(call)),)


def unpacked(call: Call[Any]) -> tuple[int, ...]:
    """Bytes of weights that a kernel spreads out before it runs: those of 4 bits to bytes.

    kernels/conv_common.cc, depthwise_conv_common.cc and fully_connected.cc ask for them in Prepare.
    """
    counts = [weight.count for weight in call.op.weights(*call.inputs) if weight.role == "weight"]
    return tuple(counts) if call.weight_bits else ()


def conv_transpose(call: Call[Any]) -> tuple[Launch, ...]:
    """A transposed convolution; of integers with sums beside it (kernels/transpose_conv.cc)."""
    two_axes(call)
    if call.op.groups > 1:
        raise Lacking("conv_transpose in groups")
    return (Launch("TRANSPOSE_CONV", scratch=(accumulators(call),)),)


def pool(name: str) -> Launches:
    """A pooling over two axes."""

    def parts(call: Call[Any]) -> tuple[Launch, ...]:
        two_axes(call)
        return (Launch(name),)

    return parts


def reduction(name: str, call: Call[Any], axes: int) -> tuple[Launch, ...]:
    """A reduction over so many axes: beside it a position and their numbers, of an integer mean sums.

    kernels/reduce_common.cc asks for them; as recorded for one to three axes (benchmarks/tflm_arena.py).
    """
    sums = accumulators(call) if name == "MEAN" else 0
    return (Launch(name, scratch=(sums, INDEX * len(call.x), INDEX * axes)),)


def over_map(name: str) -> Launches:
    """A reduction over the map."""
    return lambda call: reduction(name, call, len(call.x) - 2)


def reduce(call: Call[Any]) -> tuple[Launch, ...]:
    """A mean or the largest value over axes that are named."""
    names = {"mean": "MEAN", "max": "REDUCE_MAX"}
    if call.op.function not in names:
        raise Lacking(f"reduce, function {call.op.function}")
    return reduction(names[call.op.function], call, len(call.op.axes))


def adaptive(call: Call[Any]) -> tuple[Launch, ...]:
    """A mean over the whole map, or a pooling by windows of one size."""
    two_axes(call)
    space, sizes = call.x[2:], call.output[2:]
    if set(sizes) == {1}:
        return reduction("MEAN", call, len(space))
    if any(size % count for size, count in zip(space, sizes, strict=True)):
        raise Lacking("adaptive_avgpool with windows of several sizes")
    return (Launch("AVERAGE_POOL_2D"),)


def batch_norm(call: Call[Any]) -> tuple[Launch, ...]:
    """A batch norm that no layer takes in: a product and a sum."""
    if not call.op.statistics:
        raise Lacking("bn without running statistics")
    return (Launch("MUL"), Launch("ADD", of=(0,)))


def silu(call: Call[Any]) -> tuple[Launch, ...]:
    """x * sigmoid(x)."""
    return (Launch("LOGISTIC"), Launch("MUL", of=(~0, 0)))


def elu(call: Call[Any]) -> tuple[Launch, ...]:
    """TensorFlow's converter leaves it in floats, between two changes of type."""
    if call.element_bytes > 1:
        return (Launch("ELU"),)
    wide = elements(call.output) * 4
    return (Launch("DEQUANTIZE", bytes=wide), Launch("ELU", of=(0,), bytes=wide), Launch("QUANTIZE", of=(1,)))


def hard_sigmoid(call: Call[Any]) -> tuple[Launch, ...]:
    """relu6(x + 3) / 6; the sum's kernel does the activation."""
    return (Launch("ADD"), Launch("MUL", of=(0,)))


def channel_split(call: Call[Any]) -> tuple[Launch, ...]:
    """One kernel that gives all parts, whoever reads them."""
    others = call.op.parts - 1
    part = elements(call.output) * call.element_bytes
    return (Launch("SPLIT", beside=(("another part", part),) * others),)


def channel_shuffle(call: Call[Any]) -> tuple[Launch, ...]:
    """Groups as an axis of their own, which changes places with the channels."""
    return (Launch("RESHAPE"), Launch("TRANSPOSE", of=(0,)), Launch("RESHAPE", of=(1,)))


def interpolate(call: Call[Any]) -> tuple[Launch, ...]:
    """By the nearest value or between two."""
    two_axes(call)
    kernels = {"nearest": "RESIZE_NEAREST_NEIGHBOR", "bilinear": "RESIZE_BILINEAR"}
    if call.op.mode not in kernels or call.op.antialias:
        raise Lacking(f"interpolate, mode {call.op.mode}")
    return (Launch(kernels[call.op.mode]),)


def flash(call: Call[Any]) -> int:
    """Weights of a byte, or two in a byte, biases of four and a scale of four for every output channel.

    Floats of four without scales.
    """
    total = 0
    for weight in call.op.weights(*call.inputs):
        wide = weight.role == "bias" and call.element_bytes == 1
        if weight.role == "weight" and call.weight_bits:
            total += packed(call.weight_bits, weight.count)
        else:
            total += weight.count * (ACCUMULATOR if wide else call.element_bytes)
        if weight.role == "weight" and call.element_bytes == 1 and call.op.given("out"):
            total += call.op.given("out") * 4
    return total


TFLM = Runtime(
    name="tflm",
    statement=(
        "tflm: TensorFlow Lite Micro, reference kernels: batch norms folded, ReLUs fused, a tensor is freed"
        " after its last reader, tensors start at multiples of 16 bytes, greedily by size. The interpreter's"
        " own structures at the arena's other end are not counted, nor paddings as operators of their own."
    ),
    source="github.com/tensorflow/tflite-micro, tensorflow/lite/micro",
    dtypes=("int8", "float32"),
    kernels={
        "conv": conv,
        "conv_transpose": conv_transpose,
        "linear": linear,
        "maxpool": pool("MAX_POOL_2D"),
        "avgpool": pool("AVERAGE_POOL_2D"),
        "global_avgpool": over_map("MEAN"),
        "global_maxpool": over_map("REDUCE_MAX"),
        "reduce": reduce,
        "adaptive_avgpool": adaptive,
        "bn": batch_norm,
        "add": chain("ADD"),
        "mul": chain("MUL"),
        "concat": kernel("CONCATENATION"),
        "relu": kernel("RELU"),
        "relu6": kernel("RELU6"),
        "leaky_relu": kernel("LEAKY_RELU"),
        "prelu": kernel("PRELU"),
        "elu": elu,
        "sigmoid": kernel("LOGISTIC"),
        "tanh": kernel("TANH"),
        "hardswish": kernel("HARD_SWISH"),
        "hardsigmoid": hard_sigmoid,
        "silu": silu,
        "softmax": kernel("SOFTMAX"),
        "log_softmax": kernel("LOG_SOFTMAX"),
        "flatten": kernel("RESHAPE"),
        "reshape": kernel("RESHAPE"),
        "view": kernel("RESHAPE"),
        "permute": kernel("TRANSPOSE"),
        "zero_pad": kernel("PAD"),
        "crop": kernel("STRIDED_SLICE"),
        "slice": kernel("STRIDED_SLICE"),
        "channel_split": channel_split,
        "channel_shuffle": channel_shuffle,
        "interpolate": interpolate,
        "pixel_shuffle": kernel("DEPTH_TO_SPACE"),
        "pixel_unshuffle": kernel("SPACE_TO_DEPTH"),
    },
    flash=flash,
    planner=greedy_by_size,
    alignment=16,
    fused=frozenset({"relu", "relu6"}),
    takes=frozenset({
        "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MUL", "MAX_POOL_2D", "AVERAGE_POOL_2D",
    }),
    splits=True,
    patches=True,
    narrow={"int8": (4,)},
    unpacks=frozenset({"conv", "linear"}),
)  # fmt: skip
