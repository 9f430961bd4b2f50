"""What is alive when: the peak of a forward pass, by liveness over the execution order."""

from __future__ import annotations

from cnncost.graph import Graph
from cnncost.ops.sizes import Shape, elements

INDEX_BYTES = 8
"""PyTorch's pooling indices are int64."""


def peak_bytes(graph: Graph, shapes: list[Shape], element_bytes: int) -> int:
    """Peak of an inference forward pass in bytes, the input included, weights not, unrounded.

    The input is held throughout. While a node runs, its inputs, its output and its temporaries
    are alive; a storage is freed after the last node that reads it.
    """
    owners = graph.storages
    last = graph.last_uses(owners)
    indexed = _index_lifetimes(graph)
    held = elements(shapes[0]) * element_bytes
    alive = peak = held
    expiring: dict[int, int] = {}
    for node in graph.nodes[1:]:
        index = node.index
        inputs = [shapes[source] for source in node.inputs]
        if owners[index] == index:
            size = elements(shapes[index]) * element_bytes
            alive += size
            expiring[last[index]] = expiring.get(last[index], 0) + size
        if index in indexed:
            size = elements(shapes[index]) * INDEX_BYTES
            alive += size
            until = indexed[index]
            expiring[until] = expiring.get(until, 0) + size
            temporary = 0
        else:
            temporary = node.op.temporaries(shapes[index], *inputs, element_bytes=element_bytes)
        if alive + temporary > peak:
            peak = alive + temporary
        alive -= expiring.pop(index, 0)
    return peak


def _index_lifetimes(graph: Graph) -> dict[int, int]:
    """Poolings whose indices an unpooling needs, and the last node that needs them."""
    return {node.inputs[1]: node.index for node in graph.nodes if node.op.name == "max_unpool"}
