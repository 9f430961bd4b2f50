"""A module comes out of an import as it went in: every attribute, container, mode, value and random state."""

from __future__ import annotations

import contextlib
import random
from collections import OrderedDict, deque
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cnncost


class Frozen(dict[str, Any]):
    """A configuration that refuses to be written, as diffusers' does."""

    def update(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("You cannot use ``update`` on a FrozenDict instance.")

    __setitem__ = __delitem__ = clear = pop = update  # type: ignore[assignment]


class Cache:
    """A user's object that collects."""

    def __init__(self) -> None:
        self.length = 0
        self.tensors: list[Tensor] = []


class Everything(nn.Module):
    """Whatever a forward pass may leave behind."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4).eval()
        self.drop = nn.Dropout()
        self.config = Frozen(channels=3, inner={"depth": [1, 2]})
        self.ordered = OrderedDict(b=1, a=2)
        self.recent: deque[int] = deque([1], maxlen=3)
        self.nested = {"list": [1, {2}], "tuple": ([3],)}
        self.cache = Cache()
        self.calls = 0
        self.conv.bias.requires_grad = False  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.last = x
        self.eval().train(self.calls % 2 == 0)
        self.ordered.move_to_end("b")
        self.ordered["c"] = 3
        self.recent.append(5)
        self.nested["list"].append(x)
        self.nested["list"][1].add(7)
        self.nested["tuple"][0].append(x)
        self.config["inner"]["depth"].append(x)
        self.cache.length += 1
        self.cache.tensors.append(x)
        self.conv.bias.requires_grad = True  # type: ignore[union-attr]
        self.register_forward_hook(lambda *_: None)
        self.anew = nn.ReLU()
        random.random(), np.random.rand(), torch.rand(1)
        return self.anew(self.norm(self.conv(x)))


class Breaks(Everything):
    """It fails in the middle."""

    def forward(self, x: Tensor) -> Tensor:
        super().forward(x)
        raise RuntimeError("in the middle")


class Writes(Everything):
    """Its path depends on values, and it writes into its own parameters and buffers while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        if y.sum().item() < -1e30:
            return x
        self.seen += y.mean((0, 2, 3))
        self.conv.weight.data.mul_(0.5)
        self.norm.running_mean = self.norm.running_mean + 1  # type: ignore[operator]
        return y


def deep(value: Any, known: dict[int, int]) -> Any:
    """All that can be seen of a value, identities as numbers in the order of their discovery."""
    if isinstance(value, Tensor):
        return (
            "tensor",
            id(value),
            value.detach().clone().numpy().tobytes(),
            value.requires_grad,
            value.grad,
        )
    if id(value) in known:
        return ("again", known[id(value)])
    known[id(value)] = len(known)
    if isinstance(value, dict):
        return (type(value), id(value), [(key, deep(item, known)) for key, item in value.items()])
    if isinstance(value, (list, tuple, deque)):
        return (type(value), id(value), [deep(item, known) for item in value])
    if isinstance(value, set):
        return (set, id(value), sorted(map(repr, value)))
    if isinstance(value, (nn.Module, Cache)):
        return (type(value), id(value), deep(vars(value), known))
    return (type(value), repr(value))


@pytest.mark.parametrize("kind", [Everything, Breaks, Writes])
@pytest.mark.parametrize("road", [None, "export", "fx", "run"])
def test_a_module_is_left_as_it_was(kind: type[nn.Module], road: str | None) -> None:
    from cnncost.importers import from_module

    network = kind().train()
    network.norm.eval()
    states = random.getstate(), np.random.get_state()[1].tobytes(), torch.random.get_rng_state().tolist()
    before = deep(network, {})
    with contextlib.suppress(cnncost.UsageError):  # here only what is left behind matters
        from_module(network, (3, 8, 8), road=road)
    assert deep(network, {}) == before
    now = random.getstate(), np.random.get_state()[1].tobytes(), torch.random.get_rng_state().tolist()
    assert now == states
