"""Receptive field and jump of every node, on any DAG (Araujo, Norris and Sim 2019, section 3).

Along a path r_out = r_in + (K - 1) * j_in and j_out = j_in * S, with K the dilated kernel. Where
branches meet, the output sees as far as the branch that sees farthest. An operator that reads
whole maps (global pooling) or turns a map into a vector is a window as large as its input map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from cnncost.graph import Graph, Node
from cnncost.ops.base import POINTWISE, Operator, Reach
from cnncost.ops.sizes import FREE, Shape, axes_of

if TYPE_CHECKING:
    from fractions import Fraction

Number = Union[int, "Fraction"]


class Field(NamedTuple):
    """What one output value sees of the input, in input pixels: for every axis of the input's space."""

    size: tuple[Number, ...]
    jump: tuple[Number, ...]  #: distance of neighbouring outputs


def receptive_fields(graph: Graph) -> list[Field]:
    """The field of every node of the graph; the input sees itself."""
    nodes = graph.nodes
    rank = rank_of(nodes[0].shape)
    fields: list[Field] = [Field((1,) * rank, (1,) * rank)]
    windows: dict[
        tuple[int, int], Reach
    ] = {}  # by operator and first input: the same window, worked out once
    for node in nodes[1:]:
        reads = node.reads
        field = fields[reads[0]]
        if len(reads) > 1:
            others = [fields[index] for index in reads]
            field = Field(
                tuple(map(max, zip(*[other.size for other in others], strict=True))),
                tuple(map(max, zip(*[other.jump for other in others], strict=True))),
            )
        key = (id(node.op), id(nodes[reads[0]].shape))
        seen = windows.get(key)
        if seen is None:
            seen = windows[key] = window(node, node.op, graph.input_shapes(node), rank)
        if seen:
            wider = map(widened, field.size, field.jump, *zip(*seen, strict=True))
            size, jump = zip(*wider, strict=True)
            field = Field(size, jump)
        fields.append(field)
    return fields


def rank_of(shape: Shape) -> int:
    """How many axes of space a shape has; 0 of a vector or a free shape."""
    axes = axes_of(shape)
    return 0 if axes == FREE else len(axes) - ("N" in axes) - ("C" in axes)


def window(node: Node, op: Operator, shapes: Sequence[Shape], rank: int) -> Reach:
    """What one output value of a node sees of its input: (kernel, stride) over each of `rank` axes.

    POINTWISE where it sees its own position only, or where positions are no longer those of the input.
    """
    found = op.receptive(*shapes)
    x = shapes[0]
    if rank_of(x) != rank or not isinstance(x, Shape):
        return POINTWISE
    if found is None or rank_of(node.shape) != rank:
        return tuple([(size, 1) for size in x.space])
    return found


def widened(size: Any, jump: Any, kernel: Any, stride: Any) -> tuple[Any, Any]:
    """Receptive field and jump on one axis behind a window."""
    return size + (kernel - 1) * jump, jump * stride
