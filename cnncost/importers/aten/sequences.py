"""Sequences (N, C, L) for operators of maps: maps of height 1 for a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.values import first_shape, shape_of
from cnncost.importers.parts import build
from cnncost.importers.shapes import pair, with_rest_as
from cnncost.ops.base import Operator


def sides(value: Any, rank: int, fill: int) -> tuple[int, int]:
    """(height, width) of a window's argument; of a sequence's, whose rank is 3, the height is `fill`."""
    return (fill, pair(value)[-1]) if rank == 3 else pair(value)


def as_map(t: Conversion, item: Any) -> int:
    """The node of a tensor, a sequence seen as a map."""
    shape = shape_of(item)
    if len(shape) != 3:
        return t.node(item)
    lifted = (*shape[:2], 1, shape[2])
    return t.emit(build("view", shape=with_rest_as(lifted)), [t.node(item)], None, shape=lifted)


def emit_map(t: Conversion, op: Operator, sources: Sequence[int], node: Any) -> int:
    """Append an operator of maps that makes the (first) tensor of `node`; a sequence is one again."""
    shape = first_shape(node)
    if len(shape) != 3:
        return t.emit(op, sources, node, shape=shape)
    result = t.emit(op, sources, node, shape=(*shape[:2], 1, shape[2]))
    return t.emit(build("view", shape=with_rest_as(shape)), [result], None, shape=shape)
