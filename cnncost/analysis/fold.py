"""Batch normalisation folded into the layer before it: what inference pays (Jacob et al. 2018, 3.2).

In inference a batch norm is y = a * x + b per channel, so a convolution or linear layer before it
takes a into its weights and b into its bias, and the batch norm is gone.
"""

from __future__ import annotations

from dataclasses import replace

from cnncost.graph import Graph, Node
from cnncost.ops.base import Operator


def foldable(graph: Graph) -> dict[int, int]:
    """For every batch norm that can be folded the layer that takes it in, as node indices.

    It can be if it keeps running statistics and reads a convolution or linear layer (or a batch
    norm folded into one) that nothing else reads and that is no output.
    """
    readers = graph.consumers()
    taken: dict[int, int] = {}
    for node in graph.nodes[1:]:
        source = node.inputs[0]
        layer = taken.get(source, source)
        if (
            node.op.name == "bn"
            and node.op.given("statistics")
            and _takes_in(graph.nodes[layer].op)
            and len(readers[source]) == 1
            and source not in graph.outputs
        ):
            taken[node.index] = layer
    return taken


def fold_batch_norms(graph: Graph) -> Graph:
    """The graph of inference without the `foldable` batch norms; their layers have a bias.

    Training heads are left out: training needs its batch norms.
    """
    graph = graph.without_heads()
    taken = foldable(graph)
    layers = set(taken.values())
    bits = {node.index: node.bits for node in graph.nodes}
    for norm, layer in taken.items():  # the layer makes what its batch norm made
        made, own = bits[norm], bits[layer]
        bits[layer] = made._replace(weights=None).over(own) if made else own
    kept: dict[int, int] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.index in taken:
            kept[node.index] = kept[taken[node.index]]
            continue
        kept[node.index] = len(nodes)
        inputs = tuple([kept[index] for index in node.inputs])
        op = node.op.replace(bias=True) if node.index in layers else node.op
        nodes.append(node._replace(index=len(nodes), inputs=inputs, op=op, bits=bits.get(node.index)))
    outputs = tuple([kept[index] for index in graph.outputs])
    return replace(
        graph,
        name=f"{graph.name}-folded",
        nodes=tuple(nodes),
        outputs=outputs,
        in_place=frozenset(),
        running=None,
        frozen=frozenset([kept[index] for index in graph.frozen]),
        detached=frozenset([kept[index] for index in graph.detached]),
        checkpoints=(),
        parts=tuple([tuple([kept[part] for part in some]) for some in graph.parts]),
        origin=None,
    )


def _takes_in(op: Operator) -> bool:
    """Whether an operator has weights per channel that can take a factor."""
    if op.name not in ("conv", "conv_transpose", "linear"):
        return False
    return op.given("connections") is None
