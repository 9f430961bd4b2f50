"""Measures that are texts: sequences of layers, shapes, windows, one number per stage."""

from __future__ import annotations

from cnncost import units
from cnncost.figures.layers import TOKENS, Nodes, argument, kernel_of, of_kin, stages
from cnncost.figures.numbers import conv_layers
from cnncost.graph import Graph, Node


def shape(graph: Graph, nodes: Nodes) -> str:
    """The last output, channels x height x width; a vector is n."""
    return "x".join(map(str, nodes[-1].shape[1:]))


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
            stages[-1].append(f"conv{argument([node], 'kernel')}-{node.shape[1]}")
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
    return windows(graph, of_kin(nodes, "pooling"))


def conv_kernels(graph: Graph, nodes: Nodes) -> str:
    """The distinct kernels of convolutions: 1x1, 3x3."""
    kernels = [kernel_of(graph, node) for node in of_kin(nodes, "convolution")]
    return ", ".join(dict.fromkeys(map(units.shape, sorted(kernels))))


def _described(graph: Graph, node: Node) -> str:
    slides = node.op.windows(*graph.input_shapes(node))
    pad = sorted({side for slide in slides for side in (slide.before, slide.after)})
    kernel = units.shape(kernel_of(graph, node))
    return f"{kernel} stride {slides[0].stride} pad {', '.join(map(str, pad))}"


def normalizations(graph: Graph, nodes: Nodes) -> str:
    """The distinct normalisations, as specs call them."""
    return ", ".join(dict.fromkeys(node.op.name for node in of_kin(nodes, "normalization")))


def units_by_stage(graph: Graph, nodes: Nodes) -> str:
    """Residual units of every stage: 3 4 6 3."""
    return " ".join(str(sum(node.op.name == "add" for node in stage)) for stage in stages(nodes))


def convs_by_stage(graph: Graph, nodes: Nodes) -> str:
    """Convolutions on the longest path of every stage, without projections: 9 12 18 9."""
    return " ".join(str(conv_layers(graph, stage)) for stage in stages(nodes))


def channels_by_stage(graph: Graph, nodes: Nodes) -> str:
    """Output maps of every stage: 64 128 256 512."""
    return " ".join(str(stage[-1].shape[1]) for stage in stages(nodes))


def heights_by_stage(graph: Graph, nodes: Nodes) -> str:
    """Output height of every stage: 56 28 14 7."""
    return " ".join(str(stage[-1].shape[2]) for stage in stages(nodes))
