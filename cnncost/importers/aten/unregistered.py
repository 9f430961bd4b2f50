"""Layers in a plain list or dictionary: they compute, but PyTorch does not know their parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def unregistered(module: nn.Module) -> list[str]:
    """Where layers with parameters stand that are no part of the module: neither trained, moved nor saved.

    `parameters()` does not give theirs, so that no count has them; an nn.ModuleList would have.
    """
    known = {id(part) for part in module.modules()}
    return [
        f"{path}.{name}" if path else name
        for path, part in module.named_modules()
        for name, value in vars(part).items()
        if not name.startswith("_") and any(learns(item, known) for item in layers(value))
    ]


def layers(value: Any, deep: int = 3) -> Iterator[Any]:
    """The modules in a list, tuple or dictionary, and in those within it."""
    from torch import nn

    inner = value.values() if isinstance(value, Mapping) else value
    if not isinstance(value, (Mapping, list, tuple)) or not deep:
        return
    for item in inner:
        if isinstance(item, nn.Module):
            yield item
        else:
            yield from layers(item, deep - 1)


def learns(layer: nn.Module, known: set[int]) -> bool:
    """Whether a layer is no part of the module, and has parameters."""
    return id(layer) not in known and any(True for _ in layer.parameters())
