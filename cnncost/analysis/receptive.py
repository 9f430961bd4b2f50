"""Receptive field and jump of every node, on any DAG (Araujo, Norris and Sim 2019, section 3).

Along a path r_out = r_in + (K - 1) * j_in and j_out = j_in * S, with K the dilated kernel. Where
branches meet, the output sees as far as the branch that sees farthest. An operator that reads
whole maps (a linear layer, global pooling) is a window as large as its input map.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple, Union

from cnncost.graph import Graph

Number = Union[int, Fraction]


class Field(NamedTuple):
    """What one output value sees of the input along (height, width), in input pixels."""

    size: tuple[Number, Number]
    jump: tuple[Number, Number]  #: distance of neighbouring outputs


def receptive_fields(graph: Graph) -> list[Field]:
    """The field of every node of the graph; the input sees itself."""
    fields: list[Field] = [Field((1, 1), (1, 1))]
    windows: dict[int, object] = {}
    for node in graph.nodes[1:]:
        reads = node.reads
        field = fields[reads[0]]
        if len(reads) > 1:
            others = [fields[index] for index in reads]
            field = Field(
                (max(f.size[0] for f in others), max(f.size[1] for f in others)),
                (max(f.jump[0] for f in others), max(f.jump[1] for f in others)),
            )
        key = id(node.op)
        if key not in windows:
            windows[key] = node.op.receptive()
        window = windows[key]
        if window != _POINTWISE:
            if window is None:
                shape = graph.nodes[reads[0]].shape
                height, width = (shape[2], shape[3]) if len(shape) == 4 else (1, 1)
                window = ((height, 1), (width, 1))
            (kernel_h, stride_h), (kernel_w, stride_w) = window  # type: ignore[misc]
            (size_h, size_w), (jump_h, jump_w) = field
            field = Field(
                (size_h + (kernel_h - 1) * jump_h, size_w + (kernel_w - 1) * jump_w),
                (jump_h * stride_h, jump_w * stride_w),
            )
        fields.append(field)
    return fields


_POINTWISE = ((1, 1), (1, 1))
