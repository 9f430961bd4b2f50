"""Recurrent layers of every framework in ours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from cnncost.importers.conversion import Conversion
from cnncost.importers.layers import viewed
from cnncost.importers.shapes import Shape
from cnncost.importers.stated import custom, free, of_first
from cnncost.ops.base import Operator


def recurrent(
    t: Conversion,
    call: Any,
    op: Operator,
    x: Any,
    weights: Sequence[Any],
    states: Sequence[Any],
    shapes: Sequence[Shape],
) -> list[Any]:
    """A recurrent layer: its output and its last states, which have `shapes`; a state is made when taken.

    `states` are those that it starts with; constant ones are left out.
    """
    given = [t.node(item) for item in states if t.depends(item)]
    index = layer(t, call, op, [t.node(x), *given], weights, shapes[0])
    return [index, *(partial(custom, t, call, "last state", [index], shape, free) for shape in shapes[1:])]


def of_several_lengths(
    t: Conversion,
    call: Any,
    op: Operator,
    x: Any,
    weights: Sequence[Any],
    states: Sequence[Any],
    shapes: Sequence[Shape],
) -> list[Any]:
    """A recurrent layer over sequences of several lengths, all of whose steps lie behind each other.

    It takes as many steps as there are; here they are those of one sequence.
    """
    given = [t.node(item) for item in states if t.depends(item)]
    rows = viewed(t, call, t.node(x), (1, *t.shape(x)))
    index = layer(t, call, op, [rows, *given], weights, (1, *shapes[0]))
    whole = viewed(t, call, index, shapes[0])
    return [whole, *(partial(custom, t, call, "last state", [index], shape, free) for shape in shapes[1:])]


def layer(
    t: Conversion, call: Any, op: Operator, sources: Sequence[int], weights: Sequence[Any], shape: Shape
) -> int:
    """A layer that makes a tensor of `shape`; weights that it does not have for itself are inputs of it."""
    if t.own(*weights):
        return t.emit(op, sources, call, shape=shape)
    learned = [t.node(item) for item in weights if item is not None]
    return custom(t, call, op.name, [*sources, *learned], shape, of_first(op, len(sources)))
