"""What stands at a call of a PyTorch operator: its arguments, its tensors and their shapes."""

from __future__ import annotations

from typing import Any

from cnncost.importers.shapes import Shape

SHAPE_ONLY = {
    "zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty",
    "rand_like", "randn_like",
}  # fmt: skip
"""Operators that read nothing of their input but its shape."""
COMPUTED = {"linear", "matmul", "mm", "bmm", "addmm", "baddbmm", "conv1d", "conv2d", "conv3d"}
"""Products that a module makes anew each time, of what does not depend on its input, too."""


def shape_of(node: Any) -> Shape:
    """The shape of a tensor, sizes that grow with the batch being multiples of BATCH."""
    return node.meta["sizes"]  # type: ignore[no-any-return]


def first_shape(node: Any) -> Shape:
    """The shape of a call's (first) tensor."""
    sizes = node.meta["sizes"]
    return sizes[0] if isinstance(sizes, list) else sizes  # type: ignore[no-any-return]


def part_shape(node: Any, position: int) -> Shape:
    """The shape of one of several tensors that a call gives."""
    return node.meta["sizes"][position]  # type: ignore[no-any-return]


def arguments(node: Any) -> dict[str, Any]:
    """A call's arguments by name, defaults filled in."""
    schema = node.target._schema.arguments
    values = {declared.name: declared.default_value for declared in schema if declared.has_default_value()}
    values.update({declared.name: value for declared, value in zip(schema, node.args, strict=False)})
    values.update(node.kwargs)
    return values


def is_in_place(node: Any) -> bool:
    """Whether a call overwrites its input: relu_, not relu, nor __and__."""
    name = str(node.target._schema.name)
    return name.endswith("_") and not name.endswith("__")


def is_tensor(value: Any) -> bool:
    """Whether an argument is a tensor of the program."""
    import torch

    return isinstance(value, torch.fx.Node) and isinstance(value.meta.get("val"), torch.Tensor)


def same_memory(node: Any, other: Any) -> bool:
    """Whether two tensors of the program share their memory."""
    return memory_of(node) == memory_of(other)


def memory_of(node: Any) -> int:
    """What is the same number for tensors of the program that share their memory.

    A sparse tensor has no storage, and shares none.
    """
    value = node.meta["val"]
    return int(value.untyped_storage()._cdata) if is_strided(value) else -id(value)


def same_view(node: Any, other: Any) -> bool:
    """Whether two tensors of the program are the same values of the same memory."""
    lies = [(tuple(item.meta["val"].stride()), item.meta["val"].storage_offset()) for item in (node, other)]
    return same_memory(node, other) and shape_of(node) == shape_of(other) and lies[0] == lies[1]


def operator_name(node: Any) -> str:
    """An operator's name without its overload and the mark of in-place ones: conv2d, relu, add."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return str(getattr(node.target, "__name__", node.target))
    space, _, name = str(schema.name).partition("::")
    name = name if name.startswith("_") and name.endswith("__") else name.rstrip("_")
    return name if space == "aten" else f"{space}::{name}"


def elements_of(node: Any) -> int:
    """How many values a tensor has."""
    return int(node.meta["val"].numel())


def called(node: Any) -> str:
    """What PyTorch calls the operator of a call: aten.max.dim."""
    return str((node.args[0] if operator_name(node) == "getitem" else node).target)


def is_empty(node: Any) -> bool:
    """Whether a call gives a tensor without a value: positions 0 to 0 of an axis."""
    return is_tensor(node) and not elements_of(node)


def is_strided(value: Any) -> bool:
    """Whether all values of a tensor are stored, one behind the other."""
    import torch

    return bool(value.layout == torch.strided)


def has_tensor(value: Any) -> bool:
    """Whether a call gives a tensor, or several."""
    import torch

    if isinstance(value, (tuple, list)):
        return any(isinstance(item, torch.Tensor) for item in value)
    return isinstance(value, torch.Tensor)
