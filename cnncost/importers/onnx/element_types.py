"""The types of tensors: those of stored weights, and of what an operator makes that nobody has declared."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from onnx import helper

from cnncost.dtypes import NodeTypes, packed_bytes
from cnncost.errors import UsageError
from cnncost.importers.onnx.inputs import type_name
from cnncost.importers.onnx.naming import described, operator
from cnncost.importers.onnx.quantisation import SCALES
from cnncost.importers.shapes import BATCH

if TYPE_CHECKING:
    from cnncost.importers.onnx.convert import Conversion

SAME_VALUES = {
    "Identity", "Cast", "CastLike", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten",
    "QuantizeLinear", "DequantizeLinear",
}  # fmt: skip
"""Moves of all of a weight's values: a layer whose weight comes through them has it for itself."""


def types_of(t: Conversion, read: Sequence[str], made: str) -> NodeTypes:
    """The element types of a tensor, and of the first and last stored weight that its node reads.

    A layer's bias is the last of them.
    """
    kind = kind_of(t, made)
    sources = [source(t, name) for name in read]
    weights = [name for name in sources if name in t.tensors.stored and name in t.learned]
    if not weights:
        return NodeTypes(kind, kind)
    first, last = kind_of(t, weights[0]), kind_of(t, weights[-1])
    return NodeTypes(kind, first, "" if first == last else last)


def scale_bytes(t: Conversion, node: Any) -> int:
    """Bytes of the scales and zero points that a file stores for a node: its own and those of its weights.

    What several nodes read is counted with the first.
    """
    found = [name for name in node.input if name in t.scales]
    makers = [node]
    for name in node.input:
        while name in t.constants and t.constants[name].op_type in SAME_VALUES:
            makers.append(t.constants[name])
            name = t.constants[name].input[0]
    for maker in makers:
        places = SCALES.get(maker.op_type, ())
        found += [maker.input[place] for place in places if place < len(maker.input)]
    new = dict.fromkeys(name for name in found if name in t.tensors.stored and name not in t.told)
    t.told.update(new)
    return sum(packed_bytes(kind_of(t, name), prod(t.tensors.stored[name].dims)) for name in new)


def kind_of(t: Conversion, name: str) -> str:
    """The element type of a tensor, or of a list's tensors, as PyTorch calls it."""
    kind = t.tensors.lists[name][0] if name in t.tensors.lists else t.tensors.types[name]
    return type_name(kind.tensor_type.elem_type)


def source(t: Conversion, name: str) -> str:
    """The stored tensor that a constant is made of by moves and conversions; else the tensor itself."""
    while name in t.constants and t.constants[name].op_type in SAME_VALUES:
        name = t.constants[name].input[0]
    return name


def stated(t: Conversion, node: Any, name: str) -> Any:
    """The type that the file states, or ONNX's own inference finds, for what an unknown operator makes."""
    kind: Any = t.stated.get(name) or t.inferred().get(name)
    sizes = [dim.dim_value or dim.dim_param for dim in kind.tensor_type.shape.dim] if kind is not None else []
    grows = bool(sizes) and t.tensors.prime is not None and t.given.first.batch_axis == 0
    if (
        kind is None
        or not kind.tensor_type.HasField("shape")
        or not all(isinstance(size, int) for size in sizes[grows:])
    ):
        raise UsageError(
            f"{t.title}: {operator(node)} is not an operator of cnncost, and the file does not say"
            f" what shape it gives\n  {described(node)}\n"
            f"  write it into the file, as graph.value_info of {name!r}: onnx.helper.make_tensor_value_info"
        )
    first = [t.tensors.prime or BATCH] if grows else sizes[:1]
    return helper.make_tensor_type_proto(kind.tensor_type.elem_type, (*first, *sizes[1:]))
