"""Numbers, sizes and tensors among the arguments of PyTorch's operators."""

from __future__ import annotations

from typing import Any

from cnncost.importers.exported import BATCH
from cnncost.ops.sizes import Shape


def shape_of(node: Any) -> Shape:
    """The shape of a tensor in the export, its batch the prime."""
    return tuple(int(size) for size in node.meta["val"].shape)


def at_one(shape: Shape) -> Shape:
    """The same for one image."""
    return tuple(size // BATCH if size and size % BATCH == 0 else size for size in shape)


def batched(shape: Shape) -> list[int]:
    """The axes that grow with the batch."""
    return [axis for axis, size in enumerate(shape) if size and size % BATCH == 0]


def with_batch_as(shape: Shape) -> tuple[int, ...]:
    """A shape for an argument: -1 where the batch is, the batch alone."""
    return tuple(-1 if size == BATCH else size for size in shape)


def with_rest_as(shape: Shape) -> tuple[int, ...]:
    """A shape for an argument: -1 for the size that grows with the batch."""
    return tuple(-1 if size and size % BATCH == 0 else size for size in shape)


def arguments(node: Any) -> dict[str, Any]:
    """A call's arguments by name, defaults filled in."""
    schema = node.target._schema.arguments
    values = {declared.name: declared.default_value for declared in schema if declared.has_default_value()}
    values.update({declared.name: value for declared, value in zip(schema, node.args, strict=False)})
    values.update(node.kwargs)
    return values


def pair(value: Any) -> tuple[int, int]:
    """(height, width) of a number or a list of one or two."""
    if isinstance(value, int):
        return value, value
    return (int(value[0]), int(value[-1]))


def axis(value: int, rank: int) -> int:
    """An axis counted from 0."""
    return int(value) % rank if rank else 0


def axes(value: Any, rank: int) -> tuple[int, ...]:
    """Axes counted from 0, in order; None: all."""
    if value is None or value == []:
        return tuple(range(rank))
    listed = [value] if isinstance(value, int) else value
    return tuple(sorted(axis(item, rank) for item in listed))


def is_tensor(value: Any) -> bool:
    """Whether an argument is a tensor of the program."""
    import torch

    return isinstance(value, torch.fx.Node) and isinstance(value.meta.get("val"), torch.Tensor)


def same_memory(node: Any, other: Any) -> bool:
    """Whether two tensors of the program share their memory."""
    storages = [item.meta["val"].untyped_storage()._cdata for item in (node, other)]
    return bool(storages[0] == storages[1])
