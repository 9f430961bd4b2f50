"""One run of a module, every call of a PyTorch operator written down with its module and its line.

Under inference mode PyTorch hands over whole operators (linear, batch_norm), as torch.export does. The
run may be on tensors without memory, or on real ones, so that values may decide what is called.
"""

from __future__ import annotations

import contextlib
import linecache
import os
import re
import sys
from collections.abc import Iterator, Sequence
from operator import getitem
from typing import Any

import torch
from torch import fx, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.weak import WeakIdKeyDictionary

from cnncost.importers.aten.autograd import MARK, Heard
from cnncost.importers.aten.values import has_tensor, is_strided
from cnncost.importers.inputs import tensors

ELSEWHERE = (
    os.path.join(os.path.dirname(torch.__file__), ""),  # not torchvision's, beside it
    os.path.join(os.path.dirname(os.path.dirname(__file__)), ""),
    "<",
)
"""Where lines are not the user's: PyTorch, this package, code made at run time."""
OF_ALL = ("aten::is_floating_point", "aten::is_complex", "aten::is_same_size", "aten::is_pinned")
"""Questions whose answer does not depend on a tensor's values."""
UNTAGGED = ("aten.where.default", "torchvision.nms.default")
"""Operators that give as many values as values say, and are not tagged so."""


Called = tuple[Any, list[tuple[int, ...]]]
"""An operator, and the shapes of the tensors that a call of it gave."""


class Calls(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """In here the calls that give tensors are noted with their shapes, and nothing else."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.made: list[Called] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        listed = result if isinstance(result, (tuple, list)) else [result]
        shapes = [tuple(item.shape) for item in listed if isinstance(item, torch.Tensor)]
        if shapes:
            self.made.append((func, shapes))
        return result


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """In here every call becomes a node of `graph`, its `meta` as torch.export writes it.

    Tensors of a real run are written down without their memory; two share a storage where those of the
    run did.
    """

    def __init__(self, module: nn.Module, heard: Heard, real: bool = False):
        super().__init__()  # type: ignore[no-untyped-call]
        self.heard = heard
        self.real = real
        self.graph = fx.Graph()
        self.inputs: list[fx.Node] = []
        self.tensors: dict[fx.Node, str] = {}  #: nodes of parameters and buffers, and their names
        self.by_value: dict[str, list[int]] = {}  #: where values decided, and the sizes that they made
        self.nodes: Any = WeakIdKeyDictionary()
        self.drawn: list[str] = []  #: what its code drew from generators that are not PyTorch's
        self.dependent: set[fx.Node] = (
            set()
        )  #: nodes whose values depend on the network's input, or are drawn
        self.storages: dict[int, torch.Tensor] = {}
        self.modules: list[tuple[str, str]] = []
        self.paths: dict[int, str] = {}
        for path, part in module.named_modules(remove_duplicate=False):
            self.paths.setdefault(id(part), path)
        named = [*module.named_parameters(), *module.named_buffers()]
        self.names = {id(tensor): (name, tensor) for name, tensor in named}
        self.own = {storage_of(tensor): tensor for _, tensor in named} if real else {}
        self.kept: dict[int, torch.Tensor] = {}  #: values of the network's own tensors before a write

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """In here it is known which module a call stands in."""
        hooks = nn.modules.module
        before = hooks.register_module_forward_pre_hook(self.enter)
        after = hooks.register_module_forward_hook(self.leave, always_call=True)
        try:
            yield
        finally:
            before.remove()
            after.remove()

    def enter(self, part: nn.Module, _: Any) -> None:
        """A module's forward pass begins; one that is no part of the network stands where its caller does."""
        outer = self.modules[-1][0] if self.modules else ""
        kind = f"{type(part).__module__}.{type(part).__qualname__}"
        self.modules.append((self.paths.get(id(part), outer), kind))

    def leave(self, *_: Any) -> None:
        """A module's forward pass ends."""
        self.modules.pop()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        read = [item for item in tree_flatten((args, kwargs))[0] if isinstance(item, torch.Tensor)]
        for tensor in read:
            self.node_of(tensor)  # before the call, which may write into it
        if self.real and func._schema.is_mutable:
            self.keep(read)
        result = func(*args, **kwargs)
        if any(isinstance(item, torch.Tensor) for item in tree_flatten(result)[0]):
            self.write(func, args, kwargs, result, read)
        if decides(func, args, result) and any(self.nodes[tensor] in self.dependent for tensor in read):
            module = self.modules[-1][0] if self.modules else ""
            line = line_of_user().rpartition("\n")[2].strip()
            sizes = self.by_value.setdefault(f"{module}: {line}" if module else line, [])
            first = result[0] if isinstance(result, (tuple, list)) and result else result
            if isinstance(first, torch.Tensor) and first.dim():
                sizes.append(int(first.shape[0]))
        return result

    def as_run(self) -> list[str]:
        """Where values decided about a size or a number: module, line, and how many values came of it."""
        return [*(line + sizes_in_words(sizes) for line, sizes in self.by_value.items()), *self.drawn]

    def speaks_to_autograd(self) -> bool:
        """Whether the code has checkpoints and the like, or turned gradients off somewhere."""
        silent = not (self.heard.checkpoints or self.heard.doubts)
        return not silent or not all(node.meta.get("recorded", True) for node in self.graph.nodes)

    def keep(self, read: Sequence[torch.Tensor]) -> None:
        """Keep the values of those of the network's own tensors that a call may write into."""
        for place in map(storage_of, read):
            if place in self.own and place not in self.kept:
                self.kept[place] = self.own[place].detach().clone()

    def restore(self) -> None:
        """Write the network's own values back, where calls wrote into them."""
        with torch.no_grad():
            for place, values in self.kept.items():
                self.own[place].data.copy_(values)

    # What is written down ---------------------------------------------------------------------

    def begin(self, tensor: torch.Tensor, name: str) -> None:
        """An input of the network."""
        self.inputs.append(self.placeholder(tensor, name))
        self.dependent.add(self.inputs[-1])

    def placeholder(self, tensor: torch.Tensor, name: str) -> fx.Node:
        """A node for a tensor that no call makes."""
        node = self.graph.placeholder(re.sub(r"\W", "_", name))
        node.meta["val"] = self.without_memory(tensor, ())
        node.meta["sparse"] = not is_strided(tensor)
        self.nodes[tensor] = node
        return node

    def node_of(self, value: Any) -> Any:
        """The node of a tensor; any other value as it is."""
        if not isinstance(value, torch.Tensor):
            return value
        if value not in self.nodes:
            name = self.names[id(value)][0] if id(value) in self.names else ""
            node = self.placeholder(value, name or "constant")
            if name:
                self.tensors[node] = name
        return self.nodes[value]

    def write(self, func: Any, args: Any, kwargs: Any, result: Any, read: Sequence[torch.Tensor]) -> None:
        """A node for a call, and one more for each tensor of several that it gives."""
        arguments = tree_map(self.node_of, tuple(args)), tree_map(self.node_of, dict(kwargs))
        node = self.graph.call_function(func, *arguments)
        drawn = torch.Tag.nondeterministic_seeded in func.tags
        depends = drawn or not self.dependent.isdisjoint(node.all_input_nodes)
        if depends:
            self.dependent.add(node)
        node.meta["nn_module_stack"] = {str(at): entry for at, entry in enumerate(self.modules)}
        node.meta["recorded"] = self.heard.recorded
        node.meta["custom"] = {MARK: self.heard.checkpoint}
        node.meta["stack_trace"] = line_of_user()
        node.meta["val"] = tree_map(lambda item: self.without_memory(item, read), result)
        if isinstance(result, torch.Tensor):
            node.meta["sparse"] = not is_strided(result)
            self.nodes[result] = node
            return
        for position, item in enumerate(result):
            if isinstance(item, torch.Tensor):
                part = self.graph.call_function(getitem, (node, position))
                part.meta = {**node.meta, "val": node.meta["val"][position]}
                self.nodes[item] = part
                if depends:
                    self.dependent.add(part)

    def without_memory(self, value: Any, read: Sequence[torch.Tensor]) -> Any:
        """A tensor like another, without memory; of the same storage as what it is a view of among `read`."""
        if not self.real or not isinstance(value, torch.Tensor):
            return value
        with torch.inference_mode(False):
            if value.layout != torch.strided:
                return torch.empty(value.shape, dtype=value.dtype, device="meta")
            storage = value.untyped_storage()
            place = storage._cdata
            shared = self.storages.get(place) if any(place == storage_of(item) for item in read) else None
            if shared is None or shared.dtype != value.dtype:
                count = storage.nbytes() // value.element_size()
                shared = self.storages[place] = torch.empty(count, dtype=value.dtype, device="meta")
            found = shared.as_strided(value.shape, value.stride(), value.storage_offset())
        return found.requires_grad_(value.requires_grad)

    def finish(self, output: Any) -> None:
        """The run is over: what it gave."""
        given = [self.node_of(item) for item in tensors(output)]
        made = {node for node in self.graph.nodes if node.op == "call_function" and "val" in node.meta}
        made = {node for node in made if has_tensor(node.meta["val"])}  # not numbers
        ends = [node for node in self.graph.nodes if node in made and not made.intersection(node.users)]
        self.graph.output(given or ends)  # an array, say, is made of what nothing else reads


def decides(func: Any, args: Any, result: Any) -> bool:
    """Whether values decide about the size of what a call gives, or it gives Python a number."""
    if func._schema.name == "aten::index":  # positions are as many as they are; a mask has as many as are set
        return any(item is not None and item.dtype in (torch.bool, torch.uint8) for item in args[1])
    if torch.Tag.dynamic_output_shape in func.tags or str(func) in UNTAGGED:
        return True
    return isinstance(result, (bool, int, float, complex)) and func._schema.name not in OF_ALL


def sizes_in_words(sizes: Sequence[int]) -> str:
    """How many values came of a place each time: " -> 1,000", " -> 3 to 57 (90 times)"."""
    if not sizes:
        return ""
    least, most = min(sizes), max(sizes)
    count = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return f" -> {count}" + (f" ({len(sizes):,} times)" if len(sizes) > 1 else "")


def storage_of(tensor: torch.Tensor) -> int:
    """The same number for tensors alive that share their memory."""
    return int(tensor.untyped_storage()._cdata) if tensor.layout == torch.strided else -1


def line_of_user() -> str:
    """The innermost line that is neither PyTorch's nor ours, as torch.export writes one."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(ELSEWHERE):
        frame = frame.f_back
    if frame is None:
        return ""
    file, line = frame.f_code.co_filename, frame.f_lineno
    source = linecache.getline(file, line).strip()
    return f'  File "{file}", line {line}, in {frame.f_code.co_name}\n    {source}'
