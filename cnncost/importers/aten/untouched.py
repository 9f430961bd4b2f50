"""What an import must not leave behind: modes, attributes and containers of a user's module."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

CONTAINERS = (list, dict, set)


@contextlib.contextmanager
def in_inference(module: nn.Module) -> Iterator[None]:
    """In here the module is in mode eval; after that every part of it is as it was before.

    What the user's code assigns while it runs (`self.last = x`, `self.seen.append(x)`) is undone:
    it would be a tensor without values.
    """
    before = [(part, dict(vars(part)), contents(part)) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, attributes, held in before:
            vars(part).clear()
            vars(part).update(attributes)
            for name, kept in held.items():
                refill(attributes[name], kept)


def contents(part: nn.Module) -> dict[str, Any]:
    """Copies of the containers among a module's attributes, its tensors and parts among them."""
    return {name: copy.copy(value) for name, value in vars(part).items() if isinstance(value, CONTAINERS)}


def refill(container: Any, kept: Any) -> None:
    """Give a container the content of its copy again."""
    container.clear()
    if isinstance(container, list):
        container.extend(kept)
    else:
        container.update(kept)
