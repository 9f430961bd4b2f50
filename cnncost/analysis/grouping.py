"""Which nodes make one row: by op, by layer, by block, by stage.

A layer is an operator with the activations, normalisations and dropouts that follow it, as
lecture tables count. A stage is a step of the spec's body, a block a step of a stage.
"""

from __future__ import annotations

from cnncost.errors import UsageError, did_you_mean
from cnncost.graph import Graph, Node

LEVELS = ("op", "layer", "block", "stage")
DEPTHS = {"stage": 1, "block": 2}
"""How many parts of a node's path name its row."""


def groups(graph: Graph, by: str) -> list[list[Node]]:
    """The graph's nodes (without the input) in rows, in order of their first node."""
    if by not in LEVELS:
        cure = did_you_mean(by, LEVELS)
        raise UsageError(f"unknown level {by!r}" + (f": {cure}" if cure else "") + f"\n  levels: {', '.join(LEVELS)}")
    nodes = graph.nodes[1:]
    if by == "op":
        return [[node] for node in nodes]
    leaders = _layer_leaders(graph)
    if by == "layer":
        keys: list[object] = leaders[1:]
    else:
        depth = DEPTHS[by]
        keys = []
        for node in nodes:
            path = graph.nodes[leaders[node.index]].path
            keys.append(path[: min(depth, len(path) - 1)] or path)
    rows: dict[object, list[Node]] = {}
    for node, key in zip(nodes, keys, strict=True):
        rows.setdefault(key, []).append(node)
    return list(rows.values())


def _layer_leaders(graph: Graph) -> list[int]:
    """For every node the node whose row it folds into."""
    leaders = [0]
    for node in graph.nodes[1:]:
        source = node.inputs[0]
        leaders.append(leaders[source] if node.op.folds and source != 0 else node.index)
    return leaders
