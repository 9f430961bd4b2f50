"""Receptive field and jump of every node, on any DAG (Araujo, Norris and Sim 2019, section 3).

Along a path r_out = r_in + (K - 1) * j_in and j_out = j_in * S, with K the dilated kernel. Where
branches meet, the output sees as far as the branch that sees farthest. An operator that reads
whole maps (global pooling) or turns a map into a vector is a window as large as its input map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Union

from cnncost.graph import Graph
from cnncost.ops.base import POINTWISE, Reach

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
    windows: dict[object, Reach | None] = {}
    nodes = graph.nodes
    for node in graph.nodes[1:]:
        reads = node.reads
        field = fields[reads[0]]
        if len(reads) > 1:
            others = [fields[index] for index in reads]
            field = Field(
                (max(f.size[0] for f in others), max(f.size[1] for f in others)),
                (max(f.jump[0] for f in others), max(f.jump[1] for f in others)),
            )
        shape = nodes[reads[0]].shape
        key = (id(node.op), shape)
        if key not in windows:
            windows[key] = node.op.receptive(*graph.input_shapes(node))
            if len(shape) == 4 and (windows[key] is None or len(node.shape) != 4):
                windows[key] = ((shape[2], 1), (shape[3], 1))
        window = windows[key]
        if window is not None and window != POINTWISE:
            (kernel_h, stride_h), (kernel_w, stride_w) = window
            (size_h, size_w), (jump_h, jump_w) = field
            field = Field(
                (size_h + (kernel_h - 1) * jump_h, size_w + (kernel_w - 1) * jump_w),
                (jump_h * stride_h, jump_w * stride_w),
            )
        fields.append(field)
    return fields
