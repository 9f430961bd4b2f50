"""What a claim can be held against: numbers and texts that are read off a graph.

A measure takes a graph and the nodes that the claim speaks of, and gives a number in base units (elements,
bytes, values, operations, layers) or a text. One image, float32. A new one is a function and its line in
`MEASURES`; the formulas are the operators' own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Union

from cnncost import units
from cnncost.analysis.explain import find
from cnncost.analysis.receptive import receptive_fields
from cnncost.errors import known_word
from cnncost.graph import Graph, Node
from cnncost.ops.sizes import Shape, elements

MeasureValue = Union[int, float, bool, str]
Nodes = Sequence[Node]

BYTES = 4
"""Of a float32."""
TOKENS = {"convolution": "CONV", "pooling": "POOL", "linear": "FC"}
"""What the decks call the kinds of layers."""


def measure(name: str, graph: Graph, layers: str = "") -> MeasureValue:
    """The value of a measure on some layers (all: ""); `count add` counts operators of a name."""
    what, _, operator = name.partition(" ")
    nodes = select(graph, layers)
    if what == "count":
        return sum(node.op.name == operator for node in nodes)
    return MEASURES[known_word("unknown measure", what, MEASURES)](graph, nodes)


def select(graph: Graph, layers: str) -> list[Node]:
    """The nodes of "conv1", "conv1_1..pool3" (in execution order), "input, fc6", or all but the input."""
    if not layers:
        return list(graph.nodes[1:])
    chosen: dict[int, Node] = {}
    for part in layers.split(","):
        first, _, last = part.strip().partition("..")
        nodes = [graph.nodes[0]] if first == "input" else find(graph, first)
        if last:
            nodes = list(graph.nodes[nodes[0].index : find(graph, last)[-1].index + 1])
        chosen.update({node.index: node for node in nodes})
    return [chosen[index] for index in sorted(chosen)]


# Parts of a graph ---------------------------------------------------------------------------------------


def _of(nodes: Nodes, *kins: str) -> list[Node]:
    return [node for node in nodes if node.op.kin in kins]


def _rows(nodes: Nodes) -> list[Node]:
    """The rows of a lecture's table: the input if asked for, convolutions, poolings, linear layers."""
    return _of(nodes, "input", *TOKENS)


def _sum(nodes: Iterable[Node], of: Callable[[Node], int]) -> int:
    return sum(of(node) for node in nodes)


def _elements(nodes: Iterable[Node]) -> int:
    return _sum(nodes, lambda node: elements(node.shape))


def _map(shape: Shape) -> tuple[int, int]:
    """(height, width); a vector is 1 x 1."""
    return (shape[2], shape[3]) if len(shape) == 4 else (1, 1)


def _window(nodes: Nodes, argument: str) -> int:
    """An argument of the first node that has it; kernels and strides of the decks are square."""
    value = next(node.op.given(argument) for node in nodes if node.op.given(argument) is not None)
    return int(value[0] if isinstance(value, tuple) else value)


def _depthwise(graph: Graph, node: Node) -> bool:
    """Whether it is the depthwise half of a separable convolution, which is one layer."""
    groups = node.op.given("groups") or 1
    return bool(node.op.name == "conv" and groups > 1 and groups == graph.nodes[node.inputs[0]].shape[1])


def _longest(graph: Graph, nodes: Nodes, counts: Callable[[Node], bool]) -> int:
    """How many of the nodes that count lie on the longest path through the nodes."""
    inside = {node.index for node in nodes}
    depth: dict[int, int] = {}
    for node in nodes:
        before = max((depth[index] for index in node.inputs if index in inside), default=0)
        depth[node.index] = before + counts(node)
    return max(depth.values(), default=0)


# Parameters ---------------------------------------------------------------------------------------------


def params(graph: Graph, nodes: Nodes) -> int:
    """Learnable values."""
    return _sum(nodes, lambda node: node.op.params(*graph.input_shapes(node)))


def weights(graph: Graph, nodes: Nodes) -> int:
    """Weights of convolutions and linear layers; no biases, no normalisation."""
    layers = _of(nodes, "convolution", "linear")
    return sum(
        weight.count
        for node in layers
        for weight in node.op.weights(*graph.input_shapes(node))
        if weight.role == "weight"
    )


def buffers(graph: Graph, nodes: Nodes) -> int:
    """Moving means and variances."""
    return _sum(nodes, lambda node: node.op.buffers(*graph.input_shapes(node)))


def keras_params(graph: Graph, nodes: Nodes) -> int:
    """Keras' total: moving statistics are parameters."""
    return params(graph, nodes) + buffers(graph, nodes)


def keras_bytes(graph: Graph, nodes: Nodes) -> int:
    """Keras' parameters as float32; a file has some container bytes more."""
    return BYTES * keras_params(graph, nodes)


# Operations ---------------------------------------------------------------------------------------------


def macs(graph: Graph, nodes: Nodes) -> int:
    """Multiply-accumulates."""
    return _sum(nodes, lambda node: node.op.macs(node.shape, *graph.input_shapes(node)))


def macs_and_pooling(graph: Graph, nodes: Nodes) -> int:
    """Multiply-accumulates, and K * K per output value of a pooling."""
    windows = [node for node in nodes if node.op.name in ("maxpool", "avgpool")]
    return macs(graph, nodes) + sum(_window([node], "kernel") ** 2 * elements(node.shape) for node in windows)


def connections(graph: Graph, nodes: Nodes) -> int:
    """LeCun et al. 1998: every use of a weight or bias, sub-sampling and the fixed output included."""
    total = 0
    for node in nodes:
        if node.op.name in ("conv", "linear"):
            total += macs(graph, [node]) + (elements(node.shape) if _window([node], "bias") else 0)
        elif node.op.name == "subsample":
            total += elements(node.shape) * (_window([node], "kernel") ** 2 + 1)
        elif node.op.name == "rbf":
            total += elements(node.shape) * graph.input_shapes(node)[0][1]
    return total


# Memory -------------------------------------------------------------------------------------------------


def row_elements(graph: Graph, nodes: Nodes) -> int:
    """Output elements of all rows; the input's too where it is asked for."""
    return _elements(_rows(nodes))


def row_bytes(graph: Graph, nodes: Nodes) -> int:
    """Bytes of the outputs of all rows."""
    return BYTES * row_elements(graph, nodes)


def conv_bytes(graph: Graph, nodes: Nodes) -> int:
    """Bytes of the outputs of convolutions."""
    return BYTES * _elements(_of(nodes, "convolution"))


def output_elements(graph: Graph, nodes: Nodes) -> int:
    """Elements of the last output."""
    return elements(nodes[-1].shape)


def output_bytes(graph: Graph, nodes: Nodes) -> int:
    """Bytes of the last output."""
    return BYTES * elements(nodes[-1].shape)


# Shapes and arguments -----------------------------------------------------------------------------------


def shape(graph: Graph, nodes: Nodes) -> str:
    """The last output, channels x height x width; a vector is n."""
    return "x".join(map(str, nodes[-1].shape[1:]))


def input_channels(graph: Graph, nodes: Nodes) -> int:
    """Channels that the first layer reads."""
    return graph.input_shapes(nodes[0])[0][1]


def input_height(graph: Graph, nodes: Nodes) -> int:
    """Height that the first layer reads."""
    return _map(graph.input_shapes(nodes[0])[0])[0]


def groups(graph: Graph, nodes: Nodes) -> int:
    """The most groups of a convolution."""
    return max(_window([node], "groups") for node in _of(nodes, "convolution"))


def receptive_field(graph: Graph, nodes: Nodes) -> int:
    """Height of the input that a last output value sees."""
    return int(receptive_fields(graph)[nodes[-1].index].size[0])


# Layers -------------------------------------------------------------------------------------------------


def weight_layers(graph: Graph, nodes: Nodes) -> int:
    """Convolutions and linear layers on the longest path; a separable convolution is one."""
    kins = ("convolution", "linear")
    return _longest(graph, nodes, lambda node: node.op.kin in kins and not _depthwise(graph, node))


def conv_layers(graph: Graph, nodes: Nodes) -> int:
    """Convolutions on the longest path."""
    return _longest(graph, nodes, lambda node: node.op.kin == "convolution" and not _depthwise(graph, node))


def all_conv_layers(graph: Graph, nodes: Nodes) -> int:
    """Convolutions, those of parallel branches too."""
    return len(_of(nodes, "convolution"))


def all_weight_layers(graph: Graph, nodes: Nodes) -> int:
    """Convolutions and linear layers, those of parallel branches too."""
    return len(_of(nodes, "convolution", "linear"))


def linear_layers(graph: Graph, nodes: Nodes) -> int:
    """Linear layers."""
    return len(_of(nodes, "linear"))


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
            return _map(source.shape) != (1, 1)
        return node.op.kin != "regularization" and node.op.name != "scale" and not _depthwise(graph, node)

    return 1 + _longest(graph, nodes, counts)


def heads(graph: Graph, nodes: Nodes) -> int:
    """Training-only heads."""
    return len({node.head for node in nodes if node.head})


def three_by_three_layers(graph: Graph, nodes: Nodes) -> int:
    """3x3 convolutions."""
    return sum(_kernel(graph, node) == (3, 3) for node in _of(nodes, "convolution"))


# Texts --------------------------------------------------------------------------------------------------


def sequence(graph: Graph, nodes: Nodes) -> str:
    """CONV POOL NORM FC, in execution order."""
    named = {**TOKENS, "normalization": "NORM"}
    return " ".join(named[node.op.kin] for node in nodes if node.op.kin in named)


def outline(graph: Graph, nodes: Nodes) -> str:
    """CONV POOL FC, and INC for a step that concatenates branches."""
    steps: dict[str, list[Node]] = {}
    for node in nodes:
        steps.setdefault(node.path[0], []).append(node)
    tokens = []
    for members in steps.values():
        if any(node.op.name == "concat" for node in members):
            tokens.append("INC")
        else:
            tokens += [TOKENS[node.op.kin] for node in members if node.op.kin in TOKENS]
    return " ".join(tokens)


def configuration(graph: Graph, nodes: Nodes) -> str:
    """The columns of the VGG paper's Table 1: conv3-64 LRN | conv3-128 | ..., a stage ends in a pool."""
    stages: list[list[str]] = [[]]
    for node in nodes:
        if node.op.kin == "convolution":
            stages[-1].append(f"conv{_window([node], 'kernel')}-{node.shape[1]}")
        elif node.op.name == "lrn":
            stages[-1].append("LRN")
        elif node.op.kin == "pooling":
            stages.append([])
    return " | ".join(" ".join(stage) for stage in stages if stage)


def windows(graph: Graph, nodes: Nodes) -> str:
    """The distinct windows of convolutions or poolings: 3x3 stride 1 pad 1."""
    return ", ".join(dict.fromkeys(_described(graph, node) for node in nodes if node.op.given("kernel")))


def conv_windows(graph: Graph, nodes: Nodes) -> str:
    """The distinct windows of convolutions."""
    return windows(graph, [node for node in nodes if node.op.name == "conv"])


def up_windows(graph: Graph, nodes: Nodes) -> str:
    """The distinct windows of transposed convolutions."""
    return windows(graph, [node for node in nodes if node.op.name == "conv_transpose"])


def pool_windows(graph: Graph, nodes: Nodes) -> str:
    """The distinct windows of poolings."""
    return windows(graph, _of(nodes, "pooling"))


def conv_kernels(graph: Graph, nodes: Nodes) -> str:
    """The distinct kernels of convolutions: 1x1, 3x3."""
    kernels = [_kernel(graph, node) for node in _of(nodes, "convolution")]
    return ", ".join(dict.fromkeys(map(units.shape, sorted(kernels))))


def _kernel(graph: Graph, node: Node) -> tuple[int, ...]:
    """The kernel of a node's window, one number per axis of its map."""
    return tuple([slide.kernel for slide in node.op.windows(*graph.input_shapes(node))])


def _described(graph: Graph, node: Node) -> str:
    slides = node.op.windows(*graph.input_shapes(node))
    pad = sorted({side for slide in slides for side in (slide.before, slide.after)})
    kernel = units.shape(_kernel(graph, node))
    return f"{kernel} stride {slides[0].stride} pad {', '.join(map(str, pad))}"


def normalizations(graph: Graph, nodes: Nodes) -> str:
    """The distinct normalisations, as specs call them."""
    return ", ".join(dict.fromkeys(node.op.name for node in _of(nodes, "normalization")))


def units_by_stage(graph: Graph, nodes: Nodes) -> str:
    """Residual units of every stage: 3 4 6 3."""
    return " ".join(str(sum(node.op.name == "add" for node in stage)) for stage in _stages(nodes))


def convs_by_stage(graph: Graph, nodes: Nodes) -> str:
    """Convolutions on the longest path of every stage, without projections: 9 12 18 9."""
    return " ".join(str(conv_layers(graph, stage)) for stage in _stages(nodes))


def channels_by_stage(graph: Graph, nodes: Nodes) -> str:
    """Output maps of every stage: 64 128 256 512."""
    return " ".join(str(stage[-1].shape[1]) for stage in _stages(nodes))


def heights_by_stage(graph: Graph, nodes: Nodes) -> str:
    """Output height of every stage: 56 28 14 7."""
    return " ".join(str(stage[-1].shape[2]) for stage in _stages(nodes))


def _stages(nodes: Nodes) -> list[list[Node]]:
    """The nodes by stage; a residual net's spec calls its stages stage1, stage2, ..."""
    stages: dict[str, list[Node]] = {}
    for node in nodes:
        if node.path[0].startswith("stage"):
            stages.setdefault(node.path[0], []).append(node)
    return list(stages.values())


MEASURES: dict[str, Callable[[Graph, Nodes], MeasureValue]] = {
    "params": params,
    "weights": weights,
    "buffers": buffers,
    "keras_params": keras_params,
    "keras_bytes": keras_bytes,
    "macs": macs,
    "macs_and_pooling": macs_and_pooling,
    "connections": connections,
    "row_elements": row_elements,
    "row_bytes": row_bytes,
    "conv_bytes": conv_bytes,
    "output_elements": output_elements,
    "output_bytes": output_bytes,
    "shape": shape,
    "channels": lambda graph, nodes: nodes[-1].shape[1],
    "height": lambda graph, nodes: _map(nodes[-1].shape)[0],
    "width": lambda graph, nodes: _map(nodes[-1].shape)[1],
    "input_channels": input_channels,
    "input_height": input_height,
    "kernel": lambda graph, nodes: _window(nodes, "kernel"),
    "stride": lambda graph, nodes: _window(nodes, "stride"),
    "pad": lambda graph, nodes: _window(nodes, "pad"),
    "groups": groups,
    "receptive_field": receptive_field,
    "weight_layers": weight_layers,
    "conv_layers": conv_layers,
    "all_conv_layers": all_conv_layers,
    "all_weight_layers": all_weight_layers,
    "linear_layers": linear_layers,
    "keras_depth": keras_depth,
    "heads": heads,
    "three_by_three_layers": three_by_three_layers,
    "sequence": sequence,
    "outline": outline,
    "configuration": configuration,
    "conv_windows": conv_windows,
    "up_windows": up_windows,
    "pool_windows": pool_windows,
    "conv_kernels": conv_kernels,
    "normalizations": normalizations,
    "units_by_stage": units_by_stage,
    "convs_by_stage": convs_by_stage,
    "channels_by_stage": channels_by_stage,
    "heights_by_stage": heights_by_stage,
}
"""Every measure by its name in the claims; `count NAME` counts operators besides."""
