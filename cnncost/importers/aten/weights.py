"""Every parameter and buffer of a module, once: those that no node of the graph has stand by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost.errors import UsageError
from cnncost.importers.building import clean

if TYPE_CHECKING:
    from torch import nn

COUNTER = "num_batches_tracked"
"""How many batches a batch norm has seen is none of its statistics."""


class Rest(NamedTuple):
    """Tensors of a part of the network that nothing reads."""

    path: str
    params: int  #: values that would be trained
    frozen: int  #: values that would not
    kept: int  #: values of buffers
    dtype: str  #: their element type


def own_tensors(part: nn.Module, recurse: bool = True) -> Iterator[tuple[str, Any]]:
    """The parameters and buffers of a part of the network, by name, each once."""
    yield from part.named_parameters(recurse=recurse)
    for name, buffer in part.named_buffers(recurse=recurse):
        if not name.endswith(COUNTER):
            yield name, buffer


def check(title: str, module: nn.Module, counted: dict[str, int]) -> None:
    """Raise UsageError if the parameters that nodes have, by their paths, are not all that the module has."""
    own = {name: parameter.numel() for name, parameter in module.named_parameters()}
    have, found = sum(own.values()), sum(counted.values())
    if have == found:
        return
    of_parts: dict[str, int] = {}
    for name, count in own.items():
        part = name.rpartition(".")[0]
        of_parts[part] = of_parts.get(part, 0) + count
    parts = [part for part, count in of_parts.items() if counted.get(clean(part)) != count]
    names = [name for name in own if name.rpartition(".")[0] in parts]
    raise UsageError(
        f"{title}: {found:,} parameters would come in, and it has {have:,}: the first that differs is"
        f" {(names or list(own) or ['none'])[0]}",
        cure="this is a fault of cnncost's import: please report the module",
    )


def unread(module: nn.Module, read: set[int]) -> list[Rest]:
    """What is left of a module's tensors without those that are read (by id).

    A part that nothing is read of is one entry; else each tensor is one.
    """
    found: list[Rest] = []
    left = {id(tensor) for _, tensor in own_tensors(module)} - read

    def walk(part: nn.Module, path: str) -> None:
        tensors = list(own_tensors(part))
        mine = [tensor for _, tensor in tensors if id(tensor) in left]
        kinds = {tensor.dtype for tensor in mine}
        if path and mine and len(mine) == len(tensors) and len(kinds) == 1:
            take(path, mine)
            return
        for name, tensor in own_tensors(part, recurse=False):
            if id(tensor) in left:
                take(f"{path}.{name}" if path else name, [tensor])
        for name, child in part.named_children():
            walk(child, f"{path}.{name}" if path else name)

    def take(path: str, tensors: list[Any]) -> None:
        from torch import nn

        left.difference_update(map(id, tensors))
        learned = [tensor for tensor in tensors if isinstance(tensor, nn.Parameter)]
        trained = sum(tensor.numel() for tensor in learned if tensor.requires_grad)
        params = sum(tensor.numel() for tensor in learned)
        kept = sum(tensor.numel() for tensor in tensors) - params
        if params or kept:
            kind = str(tensors[0].dtype).removeprefix("torch.")
            found.append(Rest(path, trained, params - trained, kept, kind))

    walk(module, "")
    return found
