"""What an import must not leave behind: modes, attributes and containers of a user's module."""

from __future__ import annotations

import contextlib
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from cnncost.importers.draws import Generators, seeded

if TYPE_CHECKING:
    from torch import nn

DEEPEST = 12
"""Containers and objects within one another that are looked into: configurations, caches, states."""


@contextlib.contextmanager
def in_mode(module: nn.Module, mode: str = "eval") -> Iterator[None]:
    """In here the module is in mode eval (or train); after that every part of it is as it was before.

    In mode train parts of a module that is in training itself stay in eval mode, as their owner left them.
    A module that does more when its mode changes (it merges weights) has its own values back afterwards; one
    that cannot change it (an exported program) stays as it is.

    What the user's code assigns while it runs (`self.last = x`, `self.seen.append(x)`) is undone:
    it would be a tensor without values. So are the states of the random generators, which start from the same
    seed in here.
    """
    with as_it_was(module), seeded():
        kept = [part for part in module.modules() if not part.training] if module.training else []
        with contextlib.suppress(NotImplementedError):
            module.train(mode == "train")
        for part in kept:
            part.training = False
        yield


@contextlib.contextmanager
def as_it_was(module: nn.Module) -> Iterator[None]:
    """After this every part of a module is as it was before: what one run keeps (anchors, positions, caches:
    tensors without values) is not there for the next one.
    """
    before = ModuleState(module)
    try:
        yield
    finally:
        before.restore()


class ModuleState:
    """What all parts of a module are: attributes, containers in them, what learns; and random states."""

    def __init__(self, module: nn.Module):
        import torch

        self.undo: list[Callable[[], None]] = []
        self.seen: dict[int, Any] = {}
        for part in module.modules():
            self.attributes(part, 0)
        for tensor in (*module.parameters(), *module.buffers()):
            self.undo.append(lambda t=tensor, learns=tensor.requires_grad, gradient=tensor.grad: kept(  # type: ignore[misc]
                t, learns, gradient))  # fmt: skip
        for buffer in (*module.buffers(), *merged(module)):
            if buffer.layout == torch.strided and not buffer.is_meta:
                copied = buffer.detach().clone()
                self.undo.append(lambda buffer=buffer, copied=copied: rewrite(buffer, copied))  # type: ignore[misc]
        self.undo.append(Generators().restore)

    def restore(self) -> None:
        """Put everything back."""
        for undo in self.undo:
            undo()

    def attributes(self, owner: Any, depth: int) -> None:
        """Note an object's attributes."""
        if id(owner) in self.seen:
            return
        self.seen[id(owner)] = owner
        values = dict(vars(owner))
        self.undo.append(lambda: refill_if_changed(vars(owner), values))
        for value in values.values():
            self.content(value, depth + 1)

    def content(self, value: Any, depth: int) -> None:
        """Note what a container, or an object of the user's, holds."""
        if depth > DEEPEST or id(value) in self.seen:
            return
        if isinstance(value, (dict, list, set, deque)):
            self.seen[id(value)] = value
            copied: Any = dict(value.items()) if isinstance(value, dict) else list(value)
            self.undo.append(lambda: refill_if_changed(value, copied))
        if isinstance(value, (dict, list, set, deque, tuple)):
            for item in value.values() if isinstance(value, dict) else value:
                self.content(item, depth + 1)
        elif is_users(value):
            self.attributes(value, depth)


def merged(module: nn.Module) -> Iterator[Any]:
    """Parameters of parts that do more than note it when their mode changes: LoRA's layers merge weights."""
    from torch import nn

    for part in module.modules():
        if type(part).train is not nn.Module.train:
            yield from part.parameters(recurse=False)


def is_users(value: Any) -> bool:
    """Whether a value is an instance of a class that is neither Python's nor PyTorch's, with attributes."""
    kind = type(value)
    root = kind.__module__.partition(".")[0]
    return (
        root not in sys.stdlib_module_names
        and root not in ("torch", "numpy", "builtins")
        and kind not in (type, type(sys))
        and isinstance(getattr(value, "__dict__", None), dict)
    )


def refill_if_changed(container: Any, copied: Any) -> None:
    """Give a container its content again, past what its own class makes of writing into it."""
    now = dict(container.items()) if isinstance(container, dict) else list(container)
    if same(now, copied):
        return
    if isinstance(container, dict):
        kind: Any = OrderedDict if isinstance(container, OrderedDict) else dict
        kind.clear(container)
        for key, value in copied.items():
            kind.__setitem__(container, key, value)
    elif isinstance(container, list):
        list.__setitem__(container, slice(None), copied)
    else:
        container.clear()
        (container.update if isinstance(container, set) else container.extend)(copied)


def same(now: Any, copied: Any) -> bool:
    """Whether two lists, or two dictionaries, hold the same objects in the same order."""
    if len(now) != len(copied):
        return False
    if isinstance(now, dict):
        pairs = zip(now.items(), copied.items(), strict=True)
        return all(a == b and now[a] is copied[b] for (a, _), (b, _) in pairs)
    return all(a is b for a, b in zip(now, copied, strict=True))


def rewrite(tensor: Any, copied: Any) -> None:
    """Put back the values of a tensor, if they are other ones."""
    import torch

    if not torch.equal(tensor, copied):
        with torch.no_grad():
            tensor.copy_(copied)


def kept(tensor: Any, learns: bool, gradient: Any) -> None:
    """Put back whether a tensor learns, and its gradient."""
    if tensor.requires_grad != learns and tensor.is_leaf:
        tensor.requires_grad_(learns)
    if tensor.grad is not gradient:
        tensor.grad = gradient
