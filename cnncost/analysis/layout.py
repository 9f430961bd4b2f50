"""How the values of a graph lie in memory, and what PyTorch does where they do not lie well.

A product reads the axes before its matrices as one; where permuted axes stand in the way PyTorch copies
the factor first. Some operators are several calls of PyTorch. `arranged` puts such copies and parts into
the graph as nodes of their own, so that liveness and autograd see them like any others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnncost.graph import Graph, Node
from cnncost.ops.base import Operator, Storage
from cnncost.ops.layout import Strides, in_a_row
from cnncost.ops.move import Copy
from cnncost.ops.sizes import Shape

COPY = Copy()


class Arranged(NamedTuple):
    """A graph with a node for every copy and every part."""

    graph: Graph
    shapes: list[Shape]
    places: Sequence[int]  #: where a node of the graph that was given is in this one
    ends: set[int]  #: the last parts of composites
    held: dict[int, int]  #: what is alive until a later operator than the last that reads it
    strides: list[Strides] | None  #: how every output lies; None: in a row, as far as anybody asks

    def owners(self, given: Sequence[int]) -> list[int]:
        """Whose memory every output lives in, if `given` says so of the graph that was given."""
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
        for index, reader in self.held.items():
            last[owners[index]] = max(last[owners[index]], reader)
        return last


def arranged(graph: Graph, shapes: Sequence[Shape]) -> Arranged:
    """The graph as PyTorch runs it on these shapes."""
    if not any(node.op.arranges for node in graph.nodes):
        return Arranged(graph, list(shapes), range(len(graph.nodes)), set(), {}, None)
    work = _Arrangement(shapes[0])
    places: list[int] = []
    for node in graph.nodes:
        places.append(work.emit(node, node.op, [places[source] for source in node.inputs]))
    outputs = tuple(places[index] for index in graph.outputs)
    new = Graph(graph.name, tuple(work.nodes), outputs, graph.source, graph.facts)
    return Arranged(new, work.shapes, places, work.ends, work.held, work.strides)


class _Arrangement:
    """A graph in the making."""

    def __init__(self, shape: Shape) -> None:
        self.image = shape
        self.nodes: list[Node] = []
        self.shapes: list[Shape] = []
        self.strides: list[Strides] = []
        self.ends: set[int] = set()
        self.held: dict[int, int] = {}

    def emit(self, node: Node, op: Operator, inputs: list[int]) -> int:
        """Append an operator, or its parts, with the copies they need; the index of the last."""
        shapes = [self.shapes[source] for source in inputs]
        strides = [self.strides[source] for source in inputs]
        parts = op.composed(strides, *shapes)
        if parts:
            made: list[int] = []
            for part in parts:
                made.append(
                    self.emit(node, part.op, [inputs[~at] if at < 0 else made[at] for at in part.inputs])
                )
            kept = [*inputs, *(index for index, part in zip(made, parts, strict=True) if part.held)]
            self.held |= dict.fromkeys(kept, made[-1])  # the caller holds the inputs
            self.ends.add(made[-1])
            return made[-1]
        reads = inputs if op.inputs is None else inputs[: op.inputs]
        copied = [place for place in range(len(reads)) if op.rearranged(place, strides[place], *shapes)]
        originals = list(inputs)
        for place in copied:
            inputs[place] = self.append(node, COPY, [inputs[place]])
        index = self.append(node, op, inputs)
        self.held |= {originals[place]: index for place in copied}
        return index

    def append(self, node: Node, op: Operator, inputs: list[int]) -> int:
        """Append one operator."""
        index = len(self.nodes)
        if inputs:
            shape = op.output_shape(*[self.shapes[source] for source in inputs])
            leading = inputs[0]
            if op.keeps_layout:  # then the first that is not repeated leads
                leading = next((source for source in inputs if self.shapes[source] == shape), leading)
            strides = op.lies(shape, self.shapes[leading], self.strides[leading])
        else:
            shape, strides = self.image, in_a_row(self.image)
        self.nodes.append(node._replace(index=index, op=op, inputs=tuple(inputs), shape=shape))
        self.shapes.append(shape)
        self.strides.append(strides)
        return index
