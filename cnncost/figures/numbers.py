"""Measures that are numbers, of one image, in base units: elements, bytes, values, operations, layers."""

from __future__ import annotations

from cnncost.analysis.receptive import receptive_fields
from cnncost.figures.layers import (
    TOKENS,
    Nodes,
    argument,
    elements_of,
    is_depthwise,
    kernel_of,
    longest,
    map_size,
    of_kin,
)
from cnncost.graph import Graph, Node
from cnncost.ops.sizes import elements

BYTES = 4
"""Of a float32."""


def params(graph: Graph, nodes: Nodes) -> int:
    """Learnable values."""
    return sum(node.op.params(*graph.input_shapes(node)) for node in nodes)


def weights(graph: Graph, nodes: Nodes) -> int:
    """Weights of convolutions and linear layers; no biases, no normalisation."""
    layers = of_kin(nodes, "convolution", "linear")
    return sum(
        weight.count
        for node in layers
        for weight in node.op.weights(*graph.input_shapes(node))
        if weight.role == "weight"
    )


def buffers(graph: Graph, nodes: Nodes) -> int:
    """Moving means and variances."""
    return sum(node.op.buffers(*graph.input_shapes(node)) for node in nodes)


def keras_params(graph: Graph, nodes: Nodes) -> int:
    """Keras' total: moving statistics are parameters."""
    return params(graph, nodes) + buffers(graph, nodes)


def keras_bytes(graph: Graph, nodes: Nodes) -> int:
    """Keras' parameters as float32; a file has some container bytes more."""
    return BYTES * keras_params(graph, nodes)


def macs(graph: Graph, nodes: Nodes) -> int:
    """Multiply-accumulates."""
    return sum(node.op.macs(node.shape, *graph.input_shapes(node)) for node in nodes)


def macs_and_pooling(graph: Graph, nodes: Nodes) -> int:
    """Multiply-accumulates, and K * K per output value of a pooling."""
    windows = [node for node in nodes if node.op.name in ("maxpool", "avgpool")]
    pooled = sum(argument([node], "kernel") ** 2 * elements(node.shape) for node in windows)
    return macs(graph, nodes) + pooled


def connections(graph: Graph, nodes: Nodes) -> int:
    """LeCun et al. 1998: every use of a weight or bias, sub-sampling and the fixed output included."""
    total = 0
    for node in nodes:
        if node.op.name in ("conv", "linear"):
            total += macs(graph, [node]) + (elements(node.shape) if argument([node], "bias") else 0)
        elif node.op.name == "subsample":
            total += elements(node.shape) * (argument([node], "kernel") ** 2 + 1)
        elif node.op.name == "rbf":
            total += elements(node.shape) * graph.input_shapes(node)[0][1]
    return total


def row_elements(graph: Graph, nodes: Nodes) -> int:
    """Output elements of a lecture's rows: the input if asked for, convolutions, poolings, linear layers."""
    return elements_of(of_kin(nodes, "input", *TOKENS))


def row_bytes(graph: Graph, nodes: Nodes) -> int:
    """Bytes of the outputs of all rows."""
    return BYTES * row_elements(graph, nodes)


def conv_bytes(graph: Graph, nodes: Nodes) -> int:
    """Bytes of the outputs of convolutions."""
    return BYTES * elements_of(of_kin(nodes, "convolution"))


def output_elements(graph: Graph, nodes: Nodes) -> int:
    """Elements of the last output."""
    return elements(nodes[-1].shape)


def output_bytes(graph: Graph, nodes: Nodes) -> int:
    """Bytes of the last output."""
    return BYTES * elements(nodes[-1].shape)


def channels(graph: Graph, nodes: Nodes) -> int:
    """Channels of the last output."""
    return nodes[-1].shape[1]


def height(graph: Graph, nodes: Nodes) -> int:
    """Height of the last output."""
    return map_size(nodes[-1].shape)[0]


def width(graph: Graph, nodes: Nodes) -> int:
    """Width of the last output."""
    return map_size(nodes[-1].shape)[1]


def kernel(graph: Graph, nodes: Nodes) -> int:
    """The first kernel."""
    return argument(nodes, "kernel")


def stride(graph: Graph, nodes: Nodes) -> int:
    """The first stride."""
    return argument(nodes, "stride")


def pad(graph: Graph, nodes: Nodes) -> int:
    """The first padding."""
    return argument(nodes, "pad")


def input_channels(graph: Graph, nodes: Nodes) -> int:
    """Channels that the first layer reads."""
    return graph.input_shapes(nodes[0])[0][1]


def input_height(graph: Graph, nodes: Nodes) -> int:
    """Height that the first layer reads."""
    return map_size(graph.input_shapes(nodes[0])[0])[0]


def groups(graph: Graph, nodes: Nodes) -> int:
    """The most groups of a convolution."""
    return max(argument([node], "groups") for node in of_kin(nodes, "convolution"))


def receptive_field(graph: Graph, nodes: Nodes) -> int:
    """Height of the input that a last output value sees."""
    return int(receptive_fields(graph)[nodes[-1].index].size[0])


def weight_layers(graph: Graph, nodes: Nodes) -> int:
    """Convolutions and linear layers on the longest path; a separable convolution is one."""
    kins = ("convolution", "linear")
    return longest(graph, nodes, lambda node: node.op.kin in kins and not is_depthwise(graph, node))


def conv_layers(graph: Graph, nodes: Nodes) -> int:
    """Convolutions on the longest path."""
    return longest(graph, nodes, lambda node: node.op.kin == "convolution" and not is_depthwise(graph, node))


def all_conv_layers(graph: Graph, nodes: Nodes) -> int:
    """Convolutions, those of parallel branches too."""
    return len(of_kin(nodes, "convolution"))


def all_weight_layers(graph: Graph, nodes: Nodes) -> int:
    """Convolutions and linear layers, those of parallel branches too."""
    return len(of_kin(nodes, "convolution", "linear"))


def linear_layers(graph: Graph, nodes: Nodes) -> int:
    """Linear layers."""
    return len(of_kin(nodes, "linear"))


def keras_depth(graph: Graph, nodes: Nodes) -> int:
    """Keras' "Depth": layers on the longest path, the input included.

    In Keras an activation without normalisation before it is an argument of its convolution, a separable
    convolution is one layer, a scaled residual is one with its addition, global pooling flattens, and the
    published nets have no dropout there.
    """

    def counts(node: Node) -> bool:
        source = graph.nodes[node.inputs[0]]
        if node.op.kin == "activation":
            return source.op.kin not in ("convolution", "linear")
        if node.op.name == "flatten":
            return map_size(source.shape) != (1, 1)
        return node.op.kin != "regularization" and node.op.name != "scale" and not is_depthwise(graph, node)

    return 1 + longest(graph, nodes, counts)


def heads(graph: Graph, nodes: Nodes) -> int:
    """Training-only heads."""
    return len({node.head for node in nodes if node.head})


def three_by_three_layers(graph: Graph, nodes: Nodes) -> int:
    """3x3 convolutions."""
    return sum(kernel_of(graph, node) == (3, 3) for node in of_kin(nodes, "convolution"))
