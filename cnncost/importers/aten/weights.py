"""Every parameter and buffer of a module, once: who reads it, and what no node of the graph has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost.errors import UsageError
from cnncost.importers.aten.values import operator_name
from cnncost.importers.building import clean

if TYPE_CHECKING:
    from torch import nn

    from cnncost.importers.aten.program import Program

COUNTER = "num_batches_tracked"
"""How many batches a batch norm has seen is none of its statistics."""


class ModuleTensors:
    """Which nodes of a program are parameters and buffers of the module, and which of these the graph has."""

    def __init__(self, program: Program):
        self.names: dict[Any, str] = dict(program.tensors)  #: of these nodes, in the module
        self.buffers = dict(program.module.named_buffers(remove_duplicate=False))
        own = dict(program.module.named_parameters(remove_duplicate=False))
        self.trained = {id(item) for item in own.values() if item.requires_grad}
        #: which parameter a node is, by id: it may have several names
        self.parameters = {node: id(own[name]) for node, name in self.names.items() if name in own}
        self.uses: Counter[int] = Counter()  #: by how many calls parameters are read
        for node, key in self.parameters.items():
            self.uses[key] += len(node.users)
        self.counted: set[int] = set()  #: parameters and buffers that nodes of the graph have, by id

    def also(self, node: Any, known: Any) -> None:
        """A node of an inner program is the tensor that one of the outer is, if that is one."""
        if known in self.names:
            self.names[node] = self.names[known]
        if known in self.parameters:
            self.parameters[node] = self.parameters[known]

    def reshaped(self, node: Any, parameter: Any) -> None:
        """Take a view of a parameter that nothing else reads for the parameter itself."""
        self.also(node, parameter)
        self.uses[self.parameters[node]] = len(node.users)

    def frozen(self, item: Any) -> bool:
        """Whether a weight is counted but not trained."""
        key = self.parameters.get(item)  # a view of a parameter learns as that does, whatever the run says
        return key not in self.trained if key is not None else not item.meta["val"].requires_grad

    def own(self, *items: Any) -> bool:
        """Whether these (None left out) are parameters that nothing else reads; all learn, or none."""
        given = [item for item in items if item is not None]
        keys = [self.parameters.get(item) for item in given]
        own = all(key is not None and self.uses[key] == 1 for key in keys)
        own = own and len({self.frozen(item) for item in given}) < 2
        if own:
            self.counted.update(key for key in keys if key is not None)
        return own

    def read_alike(self, node: Any, *items: Any) -> bool:
        """Whether several calls read these (None left out), all of one operator, each all of them.

        Then they are one layer's, and counted with its first call.
        """
        given = [item for item in items if item is not None]
        readers = {user for item in given for user in item.users}
        name = operator_name(node)
        alike = all(
            user.op == "call_function"
            and operator_name(user) == name
            and set(given) <= set(user.all_input_nodes)
            for user in readers
        )
        if alike and len(readers) > 1:
            self.counted.update(self.parameters[item] for item in given if item in self.parameters)
        return alike and len(readers) > 1

    def buffers_of(self, *items: Any) -> list[int]:
        """Those of these (None left out) that are buffers, by id."""
        names = [self.names.get(item, "") for item in items if item is not None]
        return [id(self.buffers[name]) for name in names if name in self.buffers]

    def has(self, *items: Any) -> bool:
        """Whether a node of the graph has one of these buffers (None left out) already."""
        return any(buffer in self.counted for buffer in self.buffers_of(*items))

    def keep(self, *items: Any) -> bool:
        """Give these buffers (None left out) to the call that reads them; whether there are any."""
        self.counted.update(self.buffers_of(*items))
        return any(item is not None for item in items)

    def takes_buffer(self, item: Any) -> bool:
        """Whether a tensor is a buffer, which its node then has: a layer's number of batches is none."""
        if self.names.get(item, "").endswith(COUNTER):
            return False
        found = self.buffers_of(item)
        self.counted.update(found)
        return bool(found)

    def buffers_left(self) -> Iterator[Any]:
        """Buffers that calls read and no node has, as long as none has them."""
        for item in self.names:
            found = [] if item in self.parameters or not item.users else self.buffers_of(item)
            if found and found[0] not in self.counted:
                yield item


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
