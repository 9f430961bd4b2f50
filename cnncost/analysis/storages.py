"""Whose memory a value lives in while a network is trained; for inference the graph itself knows."""

from __future__ import annotations

from cnncost.graph import Graph, Node
from cnncost.ops.base import Storage
from cnncost.ops.layout import in_a_row


def ends_in_a_view(graph: Graph, node: Node) -> bool:
    """Whether PyTorch looks at an operator's new tensor in another way at last."""
    shapes = graph.input_shapes(node)
    parts = node.op.composed([in_a_row(shape) for shape in shapes], *shapes)
    return bool(parts) and parts[-1].op.storage() is Storage.VIEW


def training_storages(graph: Graph) -> list[int]:
    """As `Graph.storages`, in training: a value that autograd keeps may not be overwritten.

    Neither may a view be (autograd would copy its base). Dropout makes a new tensor.
    """
    owners: list[int] = []
    last_use = graph.last_uses(range(len(graph.nodes)))
    aliases: dict[int, list[int]] = {}
    kept: set[int] = set()
    views: set[int] = set()
    for node in graph.nodes:
        owner = node.index
        how = node.op.storage(training=True)
        if how is Storage.OUTSIDE:
            owner = 0
        elif how is not Storage.NEW and node.inputs:
            source = node.inputs[0]
            root = owners[source]
            needed = max(last_use[alias] for alias in aliases[root])
            safe = root != 0 and needed <= node.index and root not in kept and source not in views
            if how is Storage.VIEW or safe:
                owner = root
                if how is Storage.VIEW or source in views:
                    views.add(node.index)
        elif node.inputs and ends_in_a_view(graph, node):
            views.add(node.index)
        owners.append(owner)
        aliases.setdefault(owner, []).append(node.index)
        if node.inputs:
            rule = node.op.autograd(node.shape, *graph.input_shapes(node), in_place=owner != node.index)
            kept.update(owners[node.reads[position]] for position in rule.inputs)
            if rule.output:
                kept.add(owner)
    return owners
