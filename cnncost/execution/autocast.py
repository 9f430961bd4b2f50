"""Mixed precision as torch.autocast has it: which operators run in two bytes, which in float32.

Weights stay float32. An operator of the list for low precision has its inputs and weights cast before it
runs, one of the list for float32 its inputs; all others take what comes, and of two types the wider wins
(type promotion). The lists are those of PyTorch's "Autocast Op Reference" (2.13: ATen/autocast_mode.h, .cpp);
CUDA's and the CPU's differ. The cast of a trained weight is made once, and kept until the context ends.
"""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

from cnncost.dtypes import is_float
from cnncost.errors import UsageError, known_word
from cnncost.execution.call import Call
from cnncost.ops.base import Operator, Storage
from cnncost.ops.sizes import Shape

FLOAT32 = "float32"
TYPES = ("bfloat16", "float16")
"""What torch.autocast casts to, on CUDA and on the CPU."""


class Autocast(NamedTuple):
    """A context of torch.autocast."""

    dtype: str  #: one of `TYPES`
    device: str  #: cuda or cpu, whose lists differ


class Treatment(enum.Enum):
    """What a context does with an operator."""

    LOW = "low"  #: inputs and weights are cast to two bytes
    FLOAT32 = "float32"  #: inputs are cast to float32
    WIDEST = "widest"  #: inputs are cast to the widest of their types
    RESULT = "result"  #: the kernel itself makes float32 of what it reads
    GIVEN = "given"  #: nothing: the operator takes what comes


class Cast(Operator):
    """The same values in another element type (aten::_to_copy)."""

    name = "cast"
    kin = "reshape"
    moves_batch = True

    def output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def storage(self, training: bool = False) -> Storage:
        return Storage.NEW


LOW = {
    "conv", "conv_transpose", "conv_given", "linear", "linear_given", "matmul", "einsum", "attention",
    "prelu",
}  # fmt: skip
"""On both devices: convolution, linear, matmul, einsum, scaled_dot_product_attention."""
CUDA_FLOAT32 = {"layer_norm", "rms_norm", "group_norm"}
CUDA_FUNCTIONS = {"exp", "log", "pow", "reciprocal", "rsqrt", "softplus", "square"}
"""Functions of values that CUDA computes in float32."""
CPU_POOLS = {"maxpool", "avgpool", "adaptive_avgpool", "global_avgpool", "adaptive_maxpool", "global_maxpool"}
"""Pooling over three axes, which the CPU does in float32."""
COMPOSED = {
    "attention", "rbf", "lp_pool", "roi_pool", "subsample", "rms_norm", "instance_norm", "scaled_tanh",
    "bilinear", "embedding", "rnn", "lstm", "gru", "deform_conv", "grid_sample", "custom", "unknown",
}  # fmt: skip
"""Operators whose kernels autocast treats one by one, or unlike any list: their memory is an estimate."""


def context(dtype: str | None, device: str) -> Autocast | None:
    """The context of an element type; None without one. Raises UsageError for any other type."""
    if dtype is None or dtype == "none":
        return None
    if dtype not in TYPES:
        raise UsageError(
            f"torch.autocast on {device} has no {dtype}: it casts to {' or '.join(TYPES)}\n"
            "  for example: --autocast bfloat16"
        )
    return Autocast(dtype, known_word("unknown device", device, ("cpu", "cuda")))


def composed(call: Call[Any]) -> bool:
    """Whether autocast treats kernels of an operator one by one that are one to us: memory is an estimate."""
    return call.op.name in COMPOSED or call.op.given("connections") is not None


def treatment(call: Call[Any], autocast: Autocast) -> Treatment:
    """What a context does with one call of an operator."""
    name, function = call.op.name, call.op.given("function")
    if name in LOW:
        return Treatment.LOW
    if name == "layer_scale":
        return Treatment.RESULT  # times factors in float32
    if autocast.device == "cpu":
        return _on_the_cpu(call, name)
    if name in CUDA_FLOAT32 or name == "interpolate":
        return Treatment.FLOAT32
    if name in ("elementwise", "combine") and function in CUDA_FUNCTIONS:
        return Treatment.FLOAT32
    if name in ("softmax", "log_softmax"):
        return Treatment.RESULT if autocast.dtype == "float16" else Treatment.FLOAT32
    if name == "reduce" and function in ("sum", "norm"):
        return Treatment.RESULT
    return Treatment.GIVEN


def _on_the_cpu(call: Call[Any], name: str) -> Treatment:
    if name == "concat":
        return Treatment.WIDEST
    if (name in CPU_POOLS and len(call.x) == 5) or name == "max_unpool":
        return Treatment.FLOAT32
    mode = call.op.given("mode") if name == "pad" else ""
    if mode == "replicate" or (mode == "reflect" and len(call.x) < 5):
        return Treatment.FLOAT32
    return Treatment.GIVEN


def is_low(name: str) -> bool:
    """Whether a type is of floating-point numbers that autocast would cast: not float64."""
    return is_float(name) and name != "float64"


def promoted(types: list[str], shapes: list[Shape]) -> str:
    """The type of what comes of tensors of several types; one of a single value does not widen another's."""
    floats = [kind for kind, shape in zip(types, shapes, strict=True) if is_float(kind) and len(shape)]
    floats = floats or [kind for kind in types if is_float(kind)]
    for wide in ("float64", FLOAT32):
        if wide in floats:
            return wide
    return (floats or types or [FLOAT32])[0]
