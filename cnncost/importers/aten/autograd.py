"""What a module's own code says to autograd: checkpoints, functions and hooks of its own, inference mode.

PyTorch runs such code in ways that no road shows: a checkpoint with reentrance under no_grad, the other
behind hooks on what is saved, a torch.autograd.Function without gradients. In here all of it runs plainly,
and is noted: which calls stand in which checkpoint, and of what it is not known what a training step keeps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.fx.traceback import annotate, preserve_node_meta
from torch.overrides import TorchFunctionMode
from torch.utils import checkpoint as checkpoints

MARK = "cnncost_checkpoint"
"""The key under which the calls of an exported program have the number of their checkpoint."""

NAMED = "_checkpoint_without_reentrant_generator_impl"
WITHOUT_REENTRANCE = NAMED if hasattr(checkpoints, NAMED) else "_checkpoint_without_reentrant_generator"
"""What `checkpoint` calls without reentrance: from torch 2.14 on with names, before by their order."""


def acting(module: torch.nn.Module) -> list[str]:
    """What of a module works on its own values in a training step, which a run in inference does not show."""
    kinds = {type(part).__name__ for part in module.modules()}
    return ["spectral norm"] if "_SpectralNorm" in kinds else []


class Heard:
    """What was noted while a module's code ran."""

    def __init__(self) -> None:
        self.checkpoint = 0  #: the number of the outermost checkpoint that runs; 0: none
        self.checkpoints = 0  #: how many ran
        #: whether autograd was on when the outermost function began; None: none has
        self.function: bool | None = None
        self.doubts: dict[str, None] = {}  #: of what no rule says what a training step keeps

    @property
    def recorded(self) -> bool:
        """Whether autograd records the calls that are made now."""
        return torch.is_grad_enabled() if self.function is None else self.function

    @contextlib.contextmanager
    def within(self, reentrant: bool, chosen: bool) -> Iterator[None]:
        """A checkpoint; `chosen`: what it keeps is chosen call by call."""
        if not torch.is_grad_enabled():
            yield
            return
        if reentrant:
            self.doubts["reentrant checkpoints"] = None
        if chosen:
            self.doubts["selective checkpoints"] = None
        if self.checkpoint:
            self.doubts["checkpoints within checkpoints"] = None
            yield
            return
        self.checkpoints += 1
        self.checkpoint = self.checkpoints
        try:
            with preserve_node_meta(), annotate({MARK: self.checkpoint}):
                yield
        finally:
            self.checkpoint = 0


@contextlib.contextmanager
def heard() -> Iterator[Heard]:
    """In here PyTorch's functions that speak to autograd run plainly, and are noted."""
    found = Heard()
    begin, end = without_gradients()
    instead: list[tuple[Any, str, Any]] = [
        (checkpoints, WITHOUT_REENTRANCE, not_reentrant(found)),
        (checkpoints, "CheckpointFunction", reentrant(found)),
        (torch.autograd.Function, "apply", applied(found)),
        (torch.inference_mode, "__enter__", begin),
        (torch.inference_mode, "__exit__", end),
        (saved_tensors_hooks, "__enter__", hooked(found)),
    ]
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in instead]
    try:
        for owner, name, value in instead:
            setattr(owner, name, value)
        yield found
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


def not_reentrant(found: Heard) -> Callable[..., Iterator[None]]:
    """A checkpoint without reentrance, noted: a generator that PyTorch runs the function within."""

    def checkpoint(function: Any, *given: Any, **named: Any) -> Iterator[None]:
        context = named["context_fn"] if WITHOUT_REENTRANCE == NAMED else given[1]
        with found.within(reentrant=False, chosen=context is not checkpoints.noop_context_fn):
            yield

    return checkpoint


def reentrant(found: Heard) -> type:
    """In the place of the function that runs a checkpoint without gradients: it runs as it is, noted."""

    class Reentrant:
        @staticmethod
        def apply(function: Any, preserve: bool, *given: Any) -> Any:
            with found.within(reentrant=True, chosen=False):
                return function(*given)

    return Reentrant


def applied(found: Heard) -> classmethod[Any, Any, Any]:
    """`torch.autograd.Function.apply`, noted: what it calls is recorded if autograd was on when it began."""
    apply = vars(torch.autograd.Function)["apply"]  # of Python's or, from torch 2.14 on, of C's

    def noted(kind: Any, *given: Any, **named: Any) -> Any:
        before = found.function
        if before is None:
            found.function = torch.is_grad_enabled()
        if found.function:
            found.doubts["a torch.autograd.Function of its own"] = None
        try:
            return apply.__get__(None, kind)(*given, **named)
        finally:
            found.function = before

    return classmethod(noted)


def without_gradients() -> tuple[Callable[[Any], None], Callable[..., None]]:
    """How `torch.inference_mode` begins and ends where it is only `torch.no_grad`."""
    begin, end = torch.inference_mode.__enter__, torch.inference_mode.__exit__

    def enter(mode: Any) -> None:
        if mode.mode:
            mode.instead = torch.no_grad()
            mode.instead.__enter__()
        else:
            begin(mode)

    def leave(mode: Any, *raised: Any) -> None:
        if mode.mode:
            mode.instead.__exit__(*raised)
        else:
            end(mode, *raised)

    return enter, leave


def hooked(found: Heard) -> Callable[[Any], None]:
    """Hooks on what autograd saves, noted."""
    watch = saved_tensors_hooks.__enter__

    def enter(hooks: Any) -> None:
        found.doubts["hooks on what autograd saves"] = None
        watch(hooks)

    return enter


class DataDetached(TorchFunctionMode):
    """In here `tensor.data` is `tensor.detach()`: torch.export takes the other for a constant."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func == torch.Tensor.data.__get__:  # type: ignore[attr-defined]
            return args[0].detach()
        return func(*args, **(kwargs or {}))


def checkpoint_of(node: Any) -> int:
    """The number of the checkpoint that a call of a program stands in; 0: in none."""
    return int((node.meta.get("custom") or {}).get(MARK, 0))
