"""The graph as PyTorch runs it: copies and the kernels of composites as nodes of their own.

A product reads the axes before its matrices as one; where permuted axes stand in the way PyTorch copies the
factor first. And some operators are composites of several. Such copies and parts become kernels of their
own: liveness and autograd see them like any others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cnncost.execution.call import Call
from cnncost.execution.eager import rule_of
from cnncost.execution.strides import Strides
from cnncost.graph import Graph, Node
from cnncost.ops.base import Operator, Storage
from cnncost.ops.move import Copy
from cnncost.ops.sizes import Shape, resized

COPY = Copy()


class Lowering:
    """A graph with a node for every copy and every part of a composite, for an input of that shape."""

    def __init__(self, graph: Graph, shape: Shape) -> None:
        self.image = shape
        self.nodes: list[Node] = []
        self.shapes: list[Shape] = []
        self.strides: list[Strides] = []
        self.ends: set[int] = set()  #: the last parts of composites
        #: kernel -> the last one during which a reference to its output is kept
        self.referenced: dict[int, int] = {}
        self.doubted: list[str] = []  #: names of operators whose memory is an estimate
        self.places: list[int] = []  #: for every node of the given graph the kernel that gives its value
        for node in graph.nodes:
            self.places.append(self.emit(node, node.op, [self.places[source] for source in node.inputs]))
        outputs = tuple([self.places[index] for index in graph.outputs])
        self.graph = Graph(graph.name, tuple(self.nodes), outputs, graph.source)

    def emit(self, node: Node, op: Operator, inputs: list[int]) -> int:
        """Append an operator, or its parts, with the copies they need; the index of the last."""
        rule, call = rule_of(op), self.call(op, inputs)
        parts = rule.kernels(call)
        if rule.may_estimate and rule.estimated(call):
            self.doubted.append(op.name)
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
        """An operator on the outputs of kernels that are there."""
        shapes = tuple([self.shapes[source] for source in inputs])
        output = op.output_shape(*shapes) if inputs else self.image
        return Call(op, shapes, output, strides=[self.strides[source] for source in inputs])

    def append(self, node: Node, call: Call[Operator], inputs: list[int]) -> int:
        """Append one kernel."""
        index = len(self.nodes)
        if call.op is node.op:  # what the axes are was said when the graph was built
            call = replace(call, output=resized(node.shape, call.output))
        self.nodes.append(node._replace(index=index, op=call.op, inputs=tuple(inputs), shape=call.output))
        self.shapes.append(call.output)
        self.strides.append(rule_of(call.op).output_strides(call))
        return index

    def owners(self, storages: Sequence[int]) -> list[int]:
        """In whose storage every output lives, if `storages` says so of the given graph's nodes."""
        shared = {
            place: owner != index
            for (index, owner), place in zip(enumerate(storages), self.places, strict=True)
            if place not in self.ends
        }
        owners: list[int] = []
        for node in self.nodes:
            how = node.op.storage()
            if how is Storage.OUTSIDE:
                owners.append(0)
            elif shared.get(node.index, how is Storage.VIEW):
                owners.append(owners[node.inputs[0]])
            else:
                owners.append(node.index)
        return owners
