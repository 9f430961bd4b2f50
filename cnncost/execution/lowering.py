"""The graph as PyTorch runs it: copies and the kernels of composites as nodes of their own.

A product reads the axes before its matrices as one; where permuted axes stand in the way PyTorch copies
the factor first. Some operators are composites of several. `lowered` puts such copies and parts into
the graph, so that liveness and autograd see them like any others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnncost.execution.call import Call
from cnncost.execution.eager import rule_of
from cnncost.execution.strides import Strides
from cnncost.graph import Graph, Node
from cnncost.ops.base import Operator, Storage
from cnncost.ops.move import Copy
from cnncost.ops.sizes import Shape

COPY = Copy()


class Lowered(NamedTuple):
    """A graph with a node for every copy and every part of a composite."""

    graph: Graph
    shapes: list[Shape]
    places: Sequence[int]  #: where a node of the graph that was given is in this one
    ends: set[int]  #: the last parts of composites
    referenced: dict[int, int]  #: node -> the last one that runs while a reference to its output is kept
    strides: list[Strides] | None  #: of every output; None: all contiguous, as far as anything depends on it

    def owners(self, given: Sequence[int]) -> list[int]:
        """In whose storage every output lives, if `given` says so of the graph that was given."""
        if self.strides is None:
            return list(given)
        shared = {
            place: owner != index
            for (index, owner), place in zip(enumerate(given), self.places, strict=True)
            if place not in self.ends
        }
        owners: list[int] = []
        for node in self.graph.nodes:
            how = node.op.storage()
            if how is Storage.OUTSIDE:
                owners.append(0)
            elif shared.get(node.index, how is Storage.VIEW):
                owners.append(owners[node.inputs[0]])
            else:
                owners.append(node.index)
        return owners

    def last_uses(self, owners: Sequence[int]) -> list[int]:
        """As `Graph.last_uses`."""
        last = self.graph.last_uses(owners)
        for index, reader in self.referenced.items():
            last[owners[index]] = max(last[owners[index]], reader)
        return last

    def call(self, node: Node, element_bytes: int, in_place: bool = False) -> Call[Operator]:
        """A node's operator at work."""
        strides = () if self.strides is None else [self.strides[source] for source in node.inputs]
        inputs = tuple([self.shapes[source] for source in node.inputs])
        return Call(node.op, inputs, self.shapes[node.index], element_bytes, strides, in_place)


def lowered(graph: Graph, shapes: Sequence[Shape]) -> Lowered:
    """The graph as PyTorch runs it on these shapes."""
    if not any(rule_of(node.op).needs_strides for node in graph.nodes):
        return Lowered(graph, list(shapes), range(len(graph.nodes)), set(), {}, None)
    work = _Lowering(shapes[0])
    places: list[int] = []
    for node in graph.nodes:
        places.append(work.emit(node, node.op, [places[source] for source in node.inputs]))
    outputs = tuple(places[index] for index in graph.outputs)
    new = Graph(graph.name, tuple(work.nodes), outputs, graph.source, graph.facts)
    return Lowered(new, work.shapes, places, work.ends, work.referenced, work.strides)


class _Lowering:
    """A graph in the making."""

    def __init__(self, shape: Shape) -> None:
        self.image = shape
        self.nodes: list[Node] = []
        self.shapes: list[Shape] = []
        self.strides: list[Strides] = []
        self.ends: set[int] = set()
        self.referenced: dict[int, int] = {}

    def emit(self, node: Node, op: Operator, inputs: list[int]) -> int:
        """Append an operator, or its parts, with the copies they need; the index of the last."""
        rule, call = rule_of(op), self.call(op, inputs)
        parts = rule.kernels(call)
        if parts:
            made: list[int] = []
            for part in parts:
                made.append(
                    self.emit(node, part.op, [inputs[~at] if at < 0 else made[at] for at in part.inputs])
                )
            kept = [*inputs, *(index for index, part in zip(made, parts, strict=True) if part.referenced)]
            self.referenced |= dict.fromkeys(kept, made[-1])  # the caller keeps the inputs
            self.ends.add(made[-1])
            return made[-1]
        copied = [place for place in range(call.reads) if rule.copies_input(call, place)]
        if not copied:
            return self.append(node, call, inputs)
        originals = list(inputs)
        for place in copied:
            source = [inputs[place]]
            inputs[place] = self.append(node, self.call(COPY, source), source)
        index = self.append(node, self.call(op, inputs), inputs)
        self.referenced |= {originals[place]: index for place in copied}
        return index

    def call(self, op: Operator, inputs: list[int]) -> Call[Operator]:
        """An operator on nodes that are there."""
        shapes = tuple([self.shapes[source] for source in inputs])
        output = op.output_shape(*shapes) if inputs else self.image
        return Call(op, shapes, output, strides=[self.strides[source] for source in inputs])

    def append(self, node: Node, call: Call[Operator], inputs: list[int]) -> int:
        """Append one operator."""
        index = len(self.nodes)
        self.nodes.append(node._replace(index=index, op=call.op, inputs=tuple(inputs), shape=call.output))
        self.shapes.append(call.output)
        self.strides.append(rule_of(call.op).output_strides(call))
        return index
