"""Sequences (N, C, L) for operators of maps: maps of height 1 for a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost.importers.conversion import Conversion
from cnncost.importers.parts import build
from cnncost.importers.shapes import Shape, with_rest_as
from cnncost.ops.base import Operator


def sides(sizes: Sequence[int], fill: int) -> list[int]:
    """A window's sizes per axis; the height that a sequence does not have is `fill`."""
    return [fill, *sizes] if len(sizes) == 1 else list(sizes)


def as_map(t: Conversion, call: Any, item: Any) -> int:
    """The node of a tensor, a sequence seen as a map."""
    shape = t.shape(item)
    if len(shape) != 3:
        return t.node(item)
    lifted = (*shape[:2], 1, shape[2])
    return t.emit(build("view", shape=with_rest_as(lifted)), [t.node(item)], call, shape=lifted, within=True)


def emit_map(t: Conversion, op: Operator, sources: Sequence[int], call: Any, shape: Shape) -> int:
    """Append an operator of maps that makes a tensor of `shape`; a sequence is one again."""
    if len(shape) != 3:
        return t.emit(op, sources, call, shape=shape)
    result = t.emit(op, sources, call, shape=(*shape[:2], 1, shape[2]))
    return t.emit(build("view", shape=with_rest_as(shape)), [result], call, shape=shape, within=True)
