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
from cnncost.ops.sizes import Shape

if TYPE_CHECKING:
    from fractions import Fraction

Number = Union[int, "Fraction"]


class Field(NamedTuple):
    """What one output value sees of the input along (height, width), in input pixels."""

    size: tuple[Number, Number]
    jump: tuple[Number, Number]  #: distance of neighbouring outputs


def receptive_fields(graph: Graph) -> list[Field]:
    """The field of every node of the graph; the input sees itself."""
    fields: list[Field] = [Field((1, 1), (1, 1))]
    windows: dict[object, Reach] = {}  # by operator and first input: the same window, worked out once
    nodes = graph.nodes
    for node in nodes[1:]:
        reads = node.reads
        field = fields[reads[0]]
        if len(reads) > 1:
            others = [fields[index] for index in reads]
            field = Field(
                (max(f.size[0] for f in others), max(f.size[1] for f in others)),
                (max(f.jump[0] for f in others), max(f.jump[1] for f in others)),
            )
        key = (id(node.op), nodes[reads[0]].shape)
        seen = windows.get(key)
        if seen is None:
            seen = windows[key] = window(node, node.op, graph.input_shapes(node))
        if seen is not POINTWISE and seen != POINTWISE:
            size_h, jump_h = widened(field.size[0], field.jump[0], *seen[0])
            size_w, jump_w = widened(field.size[1], field.jump[1], *seen[1])
            field = Field((size_h, size_w), (jump_h, jump_w))
        fields.append(field)
    return fields


def window(node: Node, op: Operator, shapes: Sequence[Shape]) -> Reach:
    """What one output value of a node sees of its input: ((kernel, stride) over height, over width)."""
    found = op.receptive(*shapes)
    shape = shapes[0]
    if len(shape) == 4 and (found is None or len(node.shape) != 4):
        return (shape[2], 1), (shape[3], 1)
    return found or POINTWISE


def widened(size: Any, jump: Any, kernel: Any, stride: Any) -> tuple[Any, Any]:
    """Receptive field and jump on one axis behind a window."""
    return size + (kernel - 1) * jump, jump * stride
