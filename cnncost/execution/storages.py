"""In which storage a value lives while a network is trained; for inference the graph itself knows."""

from __future__ import annotations

from cnncost.execution.call import Call
from cnncost.execution.eager import rule_of
from cnncost.execution.strides import contiguous
from cnncost.graph import Graph, Node
from cnncost.ops.base import Storage


def returns_view(graph: Graph, node: Node) -> bool:
    """Whether an operator's new output is a view."""
    shapes = graph.input_shapes(node)
    call = Call(node.op, shapes, node.shape, strides=[contiguous(shape) for shape in shapes])
    return rule_of(node.op).returns_view(call)


def training_storages(graph: Graph) -> list[int]:
    """As `Graph.storages`, in training: a value that autograd saves may not be overwritten.

    Neither may a view be (autograd would copy its base), but by a module's own code: see
    `overwritten_views`. Dropout makes a new tensor.
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
            safe = root != 0 and needed <= node.index and root not in saved
            safe = safe and (source not in views or graph.origin is not None)
            if how is Storage.VIEW or safe:
                owner = root
                if how is Storage.VIEW or source in views:
                    views.add(node.index)
        elif node.inputs and returns_view(graph, node):
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


def overwritten_views(graph: Graph, owners: list[int]) -> set[int]:
    """The nodes that compute in place of a view, as an imported module's own code may.

    Backward autograd then copies the gradient of the base, and that of the view (CopySlices, in
    torch/csrc/autograd/functions/tensor.cpp).
    """
    found: set[int] = set()
    views: set[int] = set()
    for node in graph.nodes:
        how = graph.storage_of(node, training=True)
        if how is Storage.IN_PLACE and node.inputs and node.inputs[0] in views:
            if owners[node.index] != node.index:
                found.add(node.index)
                views.add(node.index)
        elif how is Storage.VIEW or (node.inputs and how is Storage.NEW and returns_view(graph, node)):
            views.add(node.index)
    return found
