"""What a claim can be held against: numbers and texts that are read off a graph.

A measure takes a graph and the nodes that the claim speaks of, and gives a number in base units (elements,
bytes, values, operations, layers) or a text. One image, float32. A new one is a function and its line in
`MEASURES`; the formulas are the operators' own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Union

from cnncost.errors import known_word
from cnncost.figures import numbers, texts
from cnncost.figures.layers import Nodes, select
from cnncost.graph import Graph

MeasureValue = Union[int, float, bool, str]


def measure(name: str, graph: Graph, layers: str = "") -> MeasureValue:
    """The value of a measure on some layers (all: ""); `count add` counts operators of a name."""
    what, _, operator = name.partition(" ")
    nodes = select(graph, layers)
    if what == "count":
        return sum(node.op.name == operator for node in nodes)
    return MEASURES[known_word("unknown measure", what, MEASURES)](graph, nodes)


MEASURES: dict[str, Callable[[Graph, Nodes], MeasureValue]] = {
    each.__name__: each
    for each in (
        numbers.params,
        numbers.weights,
        numbers.buffers,
        numbers.keras_params,
        numbers.keras_bytes,
        numbers.macs,
        numbers.macs_and_pooling,
        numbers.connections,
        numbers.row_elements,
        numbers.row_bytes,
        numbers.conv_bytes,
        numbers.output_elements,
        numbers.output_bytes,
        texts.shape,
        numbers.channels,
        numbers.height,
        numbers.width,
        numbers.input_channels,
        numbers.input_height,
        numbers.kernel,
        numbers.stride,
        numbers.pad,
        numbers.groups,
        numbers.receptive_field,
        numbers.weight_layers,
        numbers.conv_layers,
        numbers.all_conv_layers,
        numbers.all_weight_layers,
        numbers.linear_layers,
        numbers.keras_depth,
        numbers.heads,
        numbers.three_by_three_layers,
        texts.sequence,
        texts.outline,
        texts.configuration,
        texts.conv_windows,
        texts.up_windows,
        texts.pool_windows,
        texts.conv_kernels,
        texts.normalizations,
        texts.units_by_stage,
        texts.convs_by_stage,
        texts.channels_by_stage,
        texts.heights_by_stage,
    )
}
"""Every measure by its name in the claims; `count NAME` counts operators besides."""
