"""Operators that the translations of every framework put together, and how a table of them is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost.importers.conversion import Conversion
from cnncost.importers.shapes import Shape, with_batch_as
from cnncost.ops import REGISTRY
from cnncost.ops.base import Operator, channel_place
from cnncost.ops.sizes import MAPS, axes_of


def build(name: str, **given: Any) -> Operator:
    """One of our operators; sizes along the axes that agree are given as one number."""
    kind = REGISTRY[name]
    return kind(**{key: collapsed(kind.arguments[key].kind, value) for key, value in given.items()})


def collapsed(kind: str, value: Any) -> Any:
    """A window's argument as a person writes it: 3 for (3, 3), [1, 2] for a padding of [1, 1, 2, 2]."""
    if not kind.startswith(("PerAxis", "Padding")) or not isinstance(value, (tuple, list)):
        return value
    if kind.startswith("Padding") and len(value) > 2 and list(value[::2]) == list(value[1::2]):
        value = value[::2]
    return value[0] if len(set(value)) == 1 else value


def expansion(before: Shape, after: Shape) -> Operator:
    """The operator that repeats axes of size 1."""
    aligned = (*[1] * (len(after) - len(before)), *before)
    sizes = zip(aligned, after, with_batch_as(after), strict=True)
    return build("expand", shape=[0 if a == b else size for a, b, size in sizes], like="input")


def channels(t: Conversion, node: int) -> int | None:
    """The axis of a node's channels, as our operators find it by themselves; None: it has to be said."""
    return channel_place(t.building.nodes[node].shape)


def is_map(t: Conversion, node: int) -> bool:
    """Whether a node's output is known to be a map, channels first."""
    return axes_of(t.building.nodes[node].shape) in MAPS[1:]


def joined(t: Conversion, along: int, sources: Sequence[int]) -> Operator:
    """The operator that puts tensors behind each other along an axis."""
    known = [channels(t, source) == along for source in sources]
    return build("concat") if all(known) else build("concat", axis=along)
