"""A graph as a runtime's program: batch norms folded, activations taken in, an operator as its kernels."""

from __future__ import annotations

from dataclasses import replace

from cnncost.analysis.fold import fold_batch_norms
from cnncost.bits import spoken
from cnncost.deployment.program import Schedule, Task, Value
from cnncost.deployment.runtime import Lacking, Launch, Runtime
from cnncost.dtypes import bits_of, element_bytes, is_float
from cnncost.errors import UsageError
from cnncost.execution.call import Call
from cnncost.graph import Graph, Node, at_batch
from cnncost.ops.base import Operator, Storage
from cnncost.ops.sizes import Shape, elements

GONE = ("dropout", "drop_path", "identity")
"""Operators that do nothing in inference; converters leave them out."""

FLOAT_FILE = "give it the file before it was quantised: --dtype int8 plans that in bytes"


def prepared(graph: Graph, runtime: Runtime) -> Graph:
    """The graph that a runtime is given: without training heads, batch norms folded where it folds them."""
    return replace(fold_batch_norms(graph), name=graph.name) if runtime.folds else graph.without_heads()


def lower(graph: Graph, runtime: Runtime, *, batch: int = 1, dtype: str = "float32") -> Schedule:
    """The program of a graph that `prepared` has given.

    Raises UsageError for a dtype that the runtime does not run, or an operator that it lacks, with its place.
    """
    if dtype not in runtime.dtypes:
        raise UsageError(
            f"{runtime.name} runs {' or '.join(runtime.dtypes)}, not {dtype}"
            f"\n  pass --dtype {runtime.dtypes[0]}"
        )
    return Assembler(graph, runtime, at_batch(graph, batch), dtype).program()


def widths_of(runtime: Runtime) -> str:
    """What a runtime runs, in a sentence."""
    words = [f"it runs {' or '.join(runtime.dtypes)}"]
    for dtype, widths in runtime.narrow.items():
        operators = " and ".join(sorted(runtime.unpacks))
        words.append(f"beside {dtype} weights of {spoken(widths)} bits in {operators}")
    return ", ".join(words)


class Assembler:
    """The steps of a graph, made one node after the other."""

    def __init__(self, graph: Graph, runtime: Runtime, shapes: list[Shape], dtype: str) -> None:
        self.graph, self.runtime, self.shapes, self.dtype = graph, runtime, shapes, dtype
        self.size = element_bytes(dtype)
        self.steps: list[Task] = []
        self.values: list[Value] = []
        self.places: list[int | None] = []
        self.readers = graph.consumers()
        self.makers: dict[int, int] = {}  #: for every value the step that writes it
        self.split: dict[tuple[int, int], list[int]] = {}  #: for a value and a number of parts those parts

    def program(self) -> Schedule:
        """All of it."""
        inputs = []
        for node in self.graph.nodes:
            if node.op.kin == "input":
                self.weight_bits(node)
                self.of_dtype(node)
                size = elements(self.shapes[node.index]) * self.size
                inputs.append(self.value(node.name, size))
                self.places.append(inputs[-1])
            elif node.op.storage() is Storage.OUTSIDE:
                self.places.append(None)
            else:
                self.places.append(self.emit(node))
        outputs = [self.places[index] for index in self.graph.outputs]
        known = tuple([value for value in outputs if value is not None])
        program = Schedule(tuple(self.steps), tuple(self.values), tuple(inputs), known, tuple(self.places))
        return program.in_place()

    def value(self, name: str, size: int, view: int | None = None) -> int:
        """A new value."""
        self.values.append(Value(name, size, view))
        return len(self.values) - 1

    def emit(self, node: Node) -> int | None:
        """Append what a runtime runs for a node; the value that others read."""
        source = self.places[node.inputs[0]]
        bits = self.weight_bits(node)
        if node.op.name in GONE:
            return source
        if self.taken_in(node):
            assert source is not None
            maker = self.makers[source]
            self.steps[maker] = self.steps[maker]._replace(node=node.index)
            return source
        if node.op.name == "channel_split" and self.runtime.splits and source is not None:
            return self.part(node, source)
        return self.launched(node, bits)

    def part(self, node: Node, source: int) -> int:
        """One part of a value that is split at once, with the first of them that is read."""
        parts, take = int(node.op.given("parts")), int(node.op.given("take"))
        if (source, parts) not in self.split:
            found = self.launched(node, 0)
            beside = self.steps[self.makers[found]].writes[1:]
            self.split[source, parts] = [*beside[:take], found, *beside[take:]]
        return self.split[source, parts][take]

    def launched(self, node: Node, bits: int) -> int:
        """Append the kernels of a node; the value that others read."""
        shapes = [self.shapes[index] for index in node.inputs]
        call: Call[Operator] = Call(node.op, shapes, self.shapes[node.index], self.size, weight_bits=bits)
        given = [self.places[index] for index in node.reads]
        made: list[int] = []
        flash = self.runtime.flash(call)
        for part in self.parts(node, call):
            made.append(self.run(node, part, given, made, flash))
            flash = 0
        return made[-1]

    def of_dtype(self, node: Node) -> None:
        """Raise UsageError for an input of whole numbers that are wider or narrower than what is run."""
        kind = "" if node.types is None else node.types.output
        if kind and not is_float(kind) and bits_of(kind) != 8 * self.size:
            raise UsageError(
                f"{self.graph.name}: {self.runtime.name} has no input of {kind} beside {self.dtype},"
                f" at {node.name}"
            )

    def weight_bits(self, node: Node) -> int:
        """Bits of a node's weights where they are narrower than values; 0: they are not.

        Raises UsageError for bits that the runtime does not run, with their place.
        """
        usual, runtime = 8 * self.size, self.runtime
        weights, values, scales = node.bits or (None, None, "channel")
        known = runtime.narrow.get(self.dtype, ()) if node.op.name in runtime.unpacks else ()
        wrong = ""
        if values not in (None, usual):
            wrong = f"values of {values} bits"
        elif weights not in (None, usual, *known):
            wrong = f"weights of {weights} bits"
        elif weights is not None and scales != "channel":
            wrong = f"scales by {scales}"
        if wrong:
            raise UsageError(
                f"{self.graph.name}: {runtime.name} has no {node.op.name} of {self.dtype} with {wrong},"
                f" at {node.name}",
                place=node.place,
                cure=widths_of(runtime),
            )
        return weights if weights in known else 0

    def parts(self, node: Node, call: Call[Operator]) -> tuple[Launch, ...]:
        """The kernels of a node. Raises UsageError for an operator that the runtime lacks."""
        rule = self.runtime.kernels.get(node.op.name)
        try:
            if rule is None:
                name = node.op.given("what") or node.op.name
                raise Lacking(name, FLOAT_FILE if "Quantize" in name else "")
            return rule(call)
        except Lacking as lacks:
            raise UsageError(
                f"{self.graph.name}: {self.runtime.name} has no kernel for {lacks}, at {node.name}",
                place=node.place,
                cure=lacks.cure or f"it runs {', '.join(sorted(self.runtime.kernels))}",
            ) from None

    def run(self, node: Node, part: Launch, given: list[int | None], made: list[int], flash: int) -> int:
        """Append one kernel, or a view for which none runs."""
        read = [given[~at] if at < 0 else made[at] for at in part.inputs(len(given))]
        reads = tuple([value for value in read if value is not None])
        size = elements(self.shapes[node.index]) * self.size if part.bytes is None else part.bytes
        if part.view:
            return self.value(node.name, size, reads[0])
        found = self.value(node.name, size)
        beside = [self.value(f"{node.name} ({what})", much) for what, much in part.beside]
        self.makers[found] = len(self.steps)
        self.steps.append(
            Task(
                node.name,
                part.kernel,
                node.index,
                reads,
                (found, *beside),
                part.scratch,
                part.overwrites,
                flash,
            )
        )
        return found

    def taken_in(self, node: Node) -> bool:
        """Whether the kernel before an activation does it."""
        if node.op.name not in self.runtime.fused:
            return False
        index = node.inputs[0]
        while self.graph.nodes[index].op.name in GONE and len(self.readers[index]) == 1:
            index = self.graph.nodes[index].inputs[0]
        value = self.places[index]
        alone = len(self.readers[index]) == 1 and index not in self.graph.outputs
        return alone and value in self.makers and self.steps[self.makers[value]].kernel in self.runtime.takes
