"""In which storage a value lives while a network is trained; for inference the graph itself knows."""

from __future__ import annotations

from cnncost.execution.call import Call
from cnncost.execution.eager import rule_of
from cnncost.execution.strides import contiguous
from cnncost.graph import Graph, Node
from cnncost.ops.base import Storage


def ends_in_a_view(graph: Graph, node: Node) -> bool:
    """Whether an operator is a composite whose last kernel returns a view."""
    shapes = graph.input_shapes(node)
    call = Call(node.op, shapes, node.shape, strides=[contiguous(shape) for shape in shapes])
    parts = rule_of(node.op).kernels(call)
    return bool(parts) and parts[-1].op.storage() is Storage.VIEW


def training_storages(graph: Graph) -> list[int]:
    """As `Graph.storages`, in training: a value that autograd saves may not be overwritten.

    Neither may a view be (autograd would copy its base). Dropout makes a new tensor.
    """
    owners: list[int] = []
    last_use = graph.last_uses(range(len(graph.nodes)))
    aliases: dict[int, list[int]] = {}
    saved: set[int] = set()
    views: set[int] = set()
    for node in graph.nodes:
        owner = node.index
        how = graph.storage_of(node, training=True)
        if how is Storage.OUTSIDE:
            owner = 0
        elif how is not Storage.NEW and node.inputs:
            source = node.inputs[0]
            root = owners[source]
            needed = max(last_use[alias] for alias in aliases[root])
            safe = root != 0 and needed <= node.index and root not in saved and source not in views
            if how is Storage.VIEW or safe:
                owner = root
                if how is Storage.VIEW or source in views:
                    views.add(node.index)
        elif node.inputs and ends_in_a_view(graph, node):
            views.add(node.index)
        owners.append(owner)
        aliases.setdefault(owner, []).append(node.index)
        if node.inputs and node.index not in graph.detached:
            call = Call(node.op, graph.input_shapes(node), node.shape, in_place=owner != node.index)
            rule = rule_of(node.op).autograd(call)
            saved.update(owners[node.reads[position]] for position in rule.inputs)
            if rule.output:
                saved.add(owner)
    return owners
