"""How long the values of a module live while its own code runs: until the last reference to them is gone.

A graph knows who reads a value last. Python knows more references: a frame's arguments and variables, a list
that is concatenated later, an attribute. They are seen in one run on tensors without memory.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten
from torch.utils.weak import WeakIdKeyDictionary

from cnncost.graph import Running
from cnncost.importers.aten.values import COMPUTED, SHAPE_ONLY

if TYPE_CHECKING:
    from cnncost.importers.aten.program import Program


Lifetime = tuple[Any, tuple[int, int]]
"""Of a call: the last call while its storage lives, and the bytes of constants that are alive beside it."""


class Lifetimes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """In here calls are counted whose result depends on inputs or parameters, and when its storage is freed.

    Under inference mode PyTorch hands over whole operators, as torch.export does. Constants that the code
    makes on its way (masks, positions) are weighed apart; in a run at the batch `prime`, those whose size
    that divides are so large per image.
    """

    def __init__(self, inputs: Iterable[torch.Tensor], prime: int | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.targets: list[Any] = []  #: of the calls
        self.last: list[int | None] = []  #: for every call the last one while its storage lives; None: a view
        self.prime = prime
        self.beside: list[tuple[int, int]] = []  #: for every call the bytes of the constants that are alive
        self.constants = (0, 0)  #: bytes of those that are alive now, of any batch and per image
        self.dependent: Any = WeakIdKeyDictionary()
        self.storages: dict[int, Any] = {}
        self.alive: dict[int, int] = {}  #: storages that are not freed yet, and the calls that made them
        for tensor in inputs:
            self.dependent[tensor] = True
            storage = tensor.untyped_storage()
            self.storages[storage._cdata] = storage

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        read = tensors_of((args, kwargs))
        result = func(*args, **(kwargs or {}))
        made = tensors_of(result)
        if not made:
            return result
        depends = any(tensor in self.dependent or isinstance(tensor, nn.Parameter) for tensor in read)
        if depends and not of_a_shape(func):
            for tensor in made:
                self.dependent[tensor] = True
            if not is_call(func):
                return result
            self.targets.append(func)
            self.last.append(None)
            self.beside.append(self.constants)
            for tensor in made:
                self.follow(tensor, len(self.last) - 1)
        elif func._schema.returns and func._schema.returns[0].alias_info is None and not computes(func):
            for tensor in made:
                self.weigh(tensor)
        return result

    def weigh(self, tensor: torch.Tensor) -> None:
        """Count a constant until it is freed."""
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self.storages:
            return
        fixed, each = (size, 0) if not self.prime or size % self.prime else (0, size // self.prime)
        self.constants = (self.constants[0] + fixed, self.constants[1] + each)

        def freed(_: object) -> None:
            self.constants = (self.constants[0] - fixed, self.constants[1] - each)
            del self.storages[key]

        self.storages[key] = weakref.ref(storage, freed)

    def follow(self, tensor: torch.Tensor, call: int) -> None:
        """Note when a call's new storage is freed; of several the last one."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self.storages:
            return
        self.alive[key] = call

        def freed(_: object) -> None:
            self.last[call] = len(self.last) - 1
            del self.storages[key], self.alive[key]

        self.storages[key] = weakref.ref(storage, freed)

    def aligned(self, program: Program) -> dict[Any, Lifetime] | None:
        """For calls of a program the last call while their storage lives, and the bytes of constants beside.

        What is not freed yet lives to the last call. None if the run made other calls.
        """
        learned = {name for name, _ in program.module.named_parameters(remove_duplicate=False)}
        roots = [node for node, name in program.tensors.items() if name in learned]
        for call in self.alive.values():
            self.last[call] = len(self.last) - 1
        calls = list(depending(program, program.graph, {*program.inputs, *roots}))
        if [node.target for node in calls] != self.targets:
            return None
        return {
            node: (node if last is None else calls[last], beside)
            for node, last, beside in zip(calls, self.last, self.beside, strict=True)
        }


def depending(program: Program, graph: Any, dependent: set[Any]) -> Iterator[Any]:
    """The calls of a graph whose result depends on nodes in `dependent`, which grows; in order of execution.

    Those of a program within the program (under no_grad, say) stand where it is called.
    """
    for node in graph.nodes:
        if node.op != "call_function" or not dependent.intersection(node.all_input_nodes):
            continue
        part = next((item for item in node.args if getattr(item, "target", None) in program.inner), None)
        if part is not None:
            inside = program.inner[part.target]
            entries = (item for item in inside.nodes if item.op == "placeholder")
            given = node.args[node.args.index(part) + 1 :]
            dependent.update(entry for entry, item in zip(entries, given, strict=False) if item in dependent)
            yield from depending(program, inside, dependent)
        elif of_a_shape(node.target):
            continue
        elif hasattr(node.target, "_schema") and is_call(node.target):
            yield node
        dependent.add(node)


def of_nodes(seen: Mapping[Any, Lifetime], places: Mapping[Any, Any], ends: Mapping[Any, int]) -> Running:
    """The lives of calls as those of a graph's nodes, which stand at `places`; `ends`: a call's last node."""
    references: dict[int, int] = {}
    constants: dict[int, tuple[int, int]] = {}
    for call, (last, beside) in seen.items():
        made = [places.get(call)]
        if isinstance(made[0], list):  # of several tensors all live as long
            made = [*made[0], *map(places.get, call.users)]
        for place in made:
            if isinstance(place, int):
                references[place] = max(references.get(place, 0), ends[last])
        if any(beside):
            constants[ends[call]] = beside
    return Running(references, constants)


def is_call(target: Any) -> bool:
    """Whether a run and its program both have a call: what asserts stands in a program alone, and `x.data`,
    where nothing but its shape is read, in a run.
    """
    return bool(target._schema.returns) and target._schema.name != "aten::detach"


def computes(target: Any) -> bool:
    """Whether a call is a node of the graph, of constants too."""
    return str(target._schema.name).removeprefix("aten::") in COMPUTED


def of_a_shape(target: Any) -> bool:
    """Whether a call reads nothing but the shape of its input: what it makes is a constant."""
    schema = getattr(target, "_schema", None)
    return schema is not None and str(schema.name).removeprefix("aten::") in SHAPE_ONLY


def tensors_of(values: Any) -> list[torch.Tensor]:
    """The tensors among the arguments or results of a call."""
    return [item for item in tree_flatten(values)[0] if isinstance(item, torch.Tensor)]
