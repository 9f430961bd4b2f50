"""How many bytes a value of each dtype takes."""

from __future__ import annotations

from typing import NamedTuple

from cnncost.errors import UsageError, known_word

DTYPES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
"""Bytes of one element."""
SPOKEN = {
    **dict.fromkeys(("fp16", "half", "f16"), "float16"),
    **dict.fromkeys(("fp32", "float", "single", "f32", "full"), "float32"),
    **dict.fromkeys(("fp64", "double", "f64"), "float64"),
    **dict.fromkeys(("bf16", "bfloat"), "bfloat16"),
    **dict.fromkeys(("uint8", "i8", "qint8", "int"), "int8"),
}
"""Other words for them."""

BITS = {
    **{name: 8 * size for name, size in DTYPES.items()},
    **dict.fromkeys(("int64", "uint64", "complex64"), 64),
    **dict.fromkeys(("int32", "uint32", "qint32"), 32),
    **dict.fromkeys(("int16", "uint16"), 16),
    **dict.fromkeys(("uint8", "qint8", "quint8", "bool"), 8),
    **dict.fromkeys(("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"), 8),
    **dict.fromkeys(("float8e4m3fn", "float8e5m2", "float8e4m3fnuz", "float8e5m2fnuz"), 8),
    **dict.fromkeys(("int4", "uint4", "float4e2m1"), 4),
    **dict.fromkeys(("int2", "uint2"), 2),
    "complex128": 128,
}
"""Bits of one element of the types that tensors of a module or a file have."""


class NodeTypes(NamedTuple):
    """The element types that a tensor of an imported network, and the weights of its layer, have there."""

    output: str
    weights: str
    bias: str = ""  #: of its bias, if that is another

    def of_floats(self, dtype: str) -> NodeTypes:
        """The same with another type for floating-point numbers."""
        return NodeTypes(*[dtype if is_float(name) else name for name in self])


def is_float(name: str) -> bool:
    """Whether a type is of floating-point numbers."""
    return "float" in name


def bits_of(name: str) -> int:
    """Bits of one element. Raises UsageError for a type that nobody has declared."""
    return BITS[known_word("unknown element type", name, BITS)]


def own_bytes(name: str) -> int:
    """Bytes of one element by itself. Raises UsageError as `bits_of`."""
    return max(bits_of(name) // 8, 1)


def packed_bytes(name: str, count: int) -> int:
    """Bytes of a tensor; of types below a byte several elements share one."""
    return -(-count * bits_of(name) // 8)


def element_bytes(dtype: str) -> int:
    """Bytes of one element. Raises UsageError for an unknown dtype."""
    if dtype in SPOKEN:
        raise UsageError(f"unknown dtype {dtype!r}: here it is {SPOKEN[dtype]!r}")
    return DTYPES[known_word("unknown dtype", dtype, DTYPES)]
