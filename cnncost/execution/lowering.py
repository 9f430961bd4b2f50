"""The graph as PyTorch runs it: copies and the kernels of composites as nodes of their own.

A product reads the axes before its matrices as one; where permuted axes stand in the way PyTorch copies the
factor first. And some operators are composites of several. Such copies and parts become kernels of their
own: liveness and autograd see them like any others. So do the casts of a context of torch.autocast, but for
those of a layer's own weights, which stand with the layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cnncost.dtypes import is_float
from cnncost.execution.autocast import (
    FLOAT32,
    Autocast,
    Cast,
    Treatment,
    composed,
    is_low,
    promoted,
    treatment,
)
from cnncost.execution.call import Call, Part
from cnncost.execution.eager import rule_of
from cnncost.execution.strides import Strides
from cnncost.graph import Graph, Node
from cnncost.ops.base import Operator, Storage
from cnncost.ops.move import Copy
from cnncost.ops.sizes import Shape, resized

COPY = Copy()
CAST = Cast()


class Lowering:
    """A graph with a node for every copy and every part of a composite, for an input of that shape."""

    def __init__(
        self, graph: Graph, shape: Shape, autocast: Autocast | None = None, storages: Sequence[int] = ()
    ) -> None:
        """`storages` says of every node in whose storage its output lives."""
        self.image = shape
        self.storages = storages
        self.autocast = autocast
        self.types: list[str] = []  #: under autocast: the element types of the kernels' outputs
        self.casts_weights: set[int] = set()  #: kernels whose own weights are cast first
        #: casts of learned tensors, by tensor: the context keeps them
        self.cached: dict[int, int] = {}
        self.overwriting = frozenset(graph.in_place)
        self.undone = graph.undone() if autocast else {}  #: these poolings are others to autocast
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

    def emit(self, node: Node, op: Operator, inputs: list[int], how: Treatment | None = None) -> int:
        """Append an operator, or its parts, with the copies and casts they need; the index of the last.

        `how` an autocast treats it, where it is part of a call that was treated as a whole.
        """
        rule, call = rule_of(op), self.call(op, inputs)
        if rule.may_estimate and rule.estimated(call):
            self.doubted.append(op.name)
        parts = rule.kernels(call)
        if self.autocast is None or how is not None or (parts and not rule.one_call):
            return self.run(node, call, inputs, parts, how)
        if apart := rule.apart(call):
            return self.run(node, call, inputs, apart, None)
        how = Treatment.GIVEN if node.index in self.undone else treatment(call, self.autocast)
        given, inputs = inputs, self.cast(node, call, inputs, how)
        if composed(call) or (rule.several(call) and len(self.read(call, inputs)) > 1):
            self.doubted.append(op.name)
        call = self.call(op, inputs)
        made = self.run(node, call, inputs, rule.kernels(call), how)
        # Whoever called keeps what was cast.
        self.referenced |= {a: made for a, b in zip(given, inputs, strict=True) if a != b}
        return made

    def run(
        self,
        node: Node,
        call: Call[Operator],
        inputs: list[int],
        parts: Sequence[Part],
        how: Treatment | None,
    ) -> int:
        """Append an operator, or its parts, with the copies they need; the index of the last."""
        op, rule = call.op, rule_of(call.op)
        if parts:
            made: list[int] = []
            for part in parts:
                sources = [inputs[~at] if at < 0 else made[at] for at in part.inputs]
                made.append(self.emit(node, part.op, sources, how))
            kept = [*inputs, *(index for index, part in zip(made, parts, strict=True) if part.referenced)]
            self.referenced |= dict.fromkeys(kept, made[-1])  # the caller keeps the inputs
            self.ends.add(made[-1])
            return made[-1]
        copied = [place for place in range(call.reads) if rule.copies_input(call, place)]
        if not copied:
            return self.append(node, call, inputs, how)
        originals = list(inputs)
        for place in copied:
            source = [inputs[place]]
            inputs[place] = self.append(node, self.call(COPY, source), source)
        index = self.append(node, self.call(op, inputs), inputs, how)
        self.referenced |= {originals[place]: index for place in copied}
        return index

    def call(self, op: Operator, inputs: list[int]) -> Call[Operator]:
        """An operator on the outputs of kernels that are there."""
        shapes = tuple([self.shapes[source] for source in inputs])
        output = op.output_shape(*shapes) if inputs else self.image
        return Call(op, shapes, output, strides=[self.strides[source] for source in inputs])

    def read(self, call: Call[Operator], inputs: list[int]) -> set[str]:
        """The floating-point types of what an operator reads."""
        return {kind for kind in [self.types[source] for source in inputs[: call.reads]] if is_float(kind)}

    def cast(self, node: Node, call: Call[Operator], inputs: list[int], how: Treatment) -> list[int]:
        """The inputs in the types that an operator takes under autocast, cast where they have others."""
        assert self.autocast is not None
        if how in (Treatment.GIVEN, Treatment.RESULT):
            return inputs
        wanted = self.autocast.dtype if how is Treatment.LOW else FLOAT32
        if how is Treatment.WIDEST and FLOAT32 not in self.read(call, inputs):
            return inputs
        found = list(inputs)
        places = range(call.reads)
        # Arguments are cast from the last to the first (as PyTorch is compiled), tensors of a list in order.
        for place in places if how is Treatment.WIDEST else reversed(places):
            kind = self.types[inputs[place]]
            if is_low(kind) and kind != wanted:
                found[place] = self.in_type(node, inputs[place], wanted)
        return found

    def in_type(self, node: Node, source: int, wanted: str) -> int:
        """A kernel that gives a value in another element type; the cast of a learned tensor is made once."""
        if source in self.cached and wanted != FLOAT32:
            return self.cached[source]
        made = self.append(node, self.call(CAST, [source]), [source])
        self.types[made] = wanted
        op = self.nodes[source].op
        if op.name == "learned" and not op.given("frozen") and wanted != FLOAT32:
            self.cached[source] = made
        return made

    def type_of(self, node: Node, call: Call[Operator], inputs: list[int], how: Treatment | None) -> str:
        """The element type of what a kernel makes under autocast."""
        own = node.types.output if node.types else FLOAT32
        if not inputs or not is_float(own) or call.op.storage() is Storage.OUTSIDE:
            low = how is Treatment.LOW and self.autocast is not None and is_low(own)
            return self.autocast.dtype if low and self.autocast else own
        if how in (Treatment.FLOAT32, Treatment.RESULT):
            return FLOAT32
        if node.index in self.overwriting and call.op is node.op:
            return self.types[inputs[0]]
        found = [self.types[source] for source in inputs[: call.reads]]
        return promoted(found, [self.shapes[source] for source in inputs[: call.reads]])

    def append(
        self, node: Node, call: Call[Operator], inputs: list[int], how: Treatment | None = None
    ) -> int:
        """Append one kernel."""
        index = len(self.nodes)
        if self.autocast is not None:
            self.types.append(self.type_of(node, call, inputs, how))
            if how is Treatment.LOW and call.op.weights(*call.inputs):
                self.casts_weights.add(index)
        if call.op is node.op:  # what the axes are was said when the graph was built
            call = replace(call, output=resized(node.shape, call.output))
        self.nodes.append(node._replace(index=index, op=call.op, inputs=tuple(inputs), shape=call.output))
        self.shapes.append(call.output)
        overwrites = call.op is node.op and call.op.storage() not in (Storage.VIEW, Storage.OUTSIDE)
        in_place = overwrites and self.reuses(node.index)
        self.strides.append(self.strides[inputs[0]] if in_place else rule_of(call.op).output_strides(call))
        return index

    def reuses(self, given: int) -> bool:
        """Whether a node of the given graph has its output in the storage of another."""
        return bool(self.storages) and self.storages[given] != given

    def owners(self) -> list[int]:
        """In whose storage every output lives."""
        shared = {
            place: self.reuses(index) for index, place in enumerate(self.places) if place not in self.ends
        }
        owners: list[int] = []
        for node in self.nodes:
            how = node.op.storage()
            if how is Storage.OUTSIDE and shared.get(node.index, True):
                owners.append(0)
            elif shared.get(node.index, how is Storage.VIEW):
                owners.append(owners[node.inputs[0]])
            else:
                owners.append(node.index)
        return owners
