"""Batch normalisation folded into the layer before it: what inference pays (Jacob et al. 2018, 3.2).

In inference a batch norm is y = a * x + b per channel, so a convolution or linear layer before it
takes a into its weights and b into its bias, and the batch norm is gone.
"""

from __future__ import annotations

from dataclasses import replace

from cnncost.graph import Graph, Node

INTO = frozenset({"conv", "conv_transpose", "linear"})
"""The operators that can take a batch norm in."""


def fold_batch_norms(graph: Graph) -> Graph:
    """The graph of inference with every batch norm folded that can be.

    It can be if it reads a convolution or linear layer that nothing else reads, and keeps running
    statistics. That layer then has a bias. Training heads are left out: training needs its
    batch norms.
    """
    graph = graph.without_heads()
    readers = graph.consumers()
    kept: dict[int, int] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        source = node.inputs[0] if node.inputs else 0
        if (
            node.op.name == "bn"
            and vars(node.op)["statistics"]
            and nodes[kept[source]].op.name in INTO
            and len(readers[source]) == 1
            and source not in graph.outputs
        ):
            into = kept[node.index] = kept[source]
            nodes[into] = nodes[into]._replace(op=nodes[into].op.replace(bias=True))
            continue
        kept[node.index] = len(nodes)
        inputs = tuple([kept[index] for index in node.inputs])
        nodes.append(node._replace(index=len(nodes), inputs=inputs))
    return replace(
        graph,
        name=f"{graph.name}-folded",
        nodes=tuple(nodes),
        outputs=tuple([kept[index] for index in graph.outputs]),
    )
