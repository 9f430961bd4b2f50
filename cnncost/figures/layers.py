"""The layers that a claim speaks of, and what lectures read off them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from cnncost.analysis.explain import find
from cnncost.graph import Graph, Node
from cnncost.ops.sizes import Shape, elements

Nodes = Sequence[Node]

TOKENS = {"convolution": "CONV", "pooling": "POOL", "linear": "FC"}
"""What the decks call the kinds of layers."""


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


def of_kin(nodes: Nodes, *kins: str) -> list[Node]:
    """The nodes of some kins."""
    return [node for node in nodes if node.op.kin in kins]


def elements_of(nodes: Iterable[Node]) -> int:
    """Elements of all outputs."""
    return sum(elements(node.shape) for node in nodes)


def map_size(shape: Shape) -> tuple[int, int]:
    """(height, width); a vector is 1 x 1."""
    return (shape[2], shape[3]) if len(shape) == 4 else (1, 1)


def argument(nodes: Nodes, name: str) -> int:
    """An argument of the first node that has it; kernels and strides of the decks are square."""
    value = next(node.op.given(name) for node in nodes if node.op.given(name) is not None)
    return int(value[0] if isinstance(value, tuple) else value)


def is_depthwise(graph: Graph, node: Node) -> bool:
    """Whether it is the depthwise half of a separable convolution, which is one layer."""
    groups = node.op.given("groups") or 1
    return bool(node.op.name == "conv" and groups > 1 and groups == graph.nodes[node.inputs[0]].shape[1])


def longest(graph: Graph, nodes: Nodes, counts: Callable[[Node], bool]) -> int:
    """How many of the nodes that count lie on the longest path through the nodes."""
    inside = {node.index for node in nodes}
    depth: dict[int, int] = {}
    for node in nodes:
        before = max((depth[index] for index in node.inputs if index in inside), default=0)
        depth[node.index] = before + counts(node)
    return max(depth.values(), default=0)


def kernel_of(graph: Graph, node: Node) -> tuple[int, ...]:
    """The kernel of a node's window, one number per axis of its map."""
    return tuple([slide.kernel for slide in node.op.windows(*graph.input_shapes(node))])


def stages(nodes: Nodes) -> list[list[Node]]:
    """The nodes by stage; a residual net's spec calls its stages stage1, stage2, ..."""
    found: dict[str, list[Node]] = {}
    for node in nodes:
        if node.path[0].startswith("stage"):
            found.setdefault(node.path[0], []).append(node)
    return list(found.values())
