"""ONNX's operators -> Graph: what is constant, what is learned, which node is called what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import Any

from onnx import defs, helper, shape_inference

from cnncost.dtypes import is_float
from cnncost.errors import OperatorError, UsageError
from cnncost.graph import Graph
from cnncost.importers.building import Building, Unsupported, clean, undeclared
from cnncost.importers.onnx import loops, naming, patterns, running
from cnncost.importers.onnx.element_types import SAME_VALUES, kind_of, scale_bytes, stated, types_of
from cnncost.importers.onnx.inputs import FileInputs
from cnncost.importers.onnx.naming import described, operator, stored_path
from cnncost.importers.onnx.quantisation import SETTINGS, WEIGHTS, scales_of_products
from cnncost.importers.onnx.reads import graphs_in, read_by, reads, sources
from cnncost.importers.onnx.tensors import Tensors, Unshaped
from cnncost.importers.parts import build
from cnncost.importers.shapes import BATCH, Shape, with_batch_as
from cnncost.ops.base import Operator
from cnncost.ops.learned import Learned, Unknown

CONTROL = {"If": loops.branch, "Loop": loops.loop, "Scan": loops.scan}
"""What operators do that hold graphs of their own."""


class Conversion:
    """One model on its way to a graph."""

    def __init__(
        self,
        model: Any,
        title: str,
        given: FileInputs,
        at: int | None,
        translations: Mapping[str, Callable[[Conversion, Any], Any]],
        allow_unknown: bool,
    ):
        self.model = model
        self.title = title
        self.translations = translations
        self.allow_unknown = allow_unknown
        self.outputs = [value.name for value in model.graph.output]
        self.given = given
        self.at = at  #: the batch that sizes are of; None: they grow with any
        sizes = [size for item in given.tensors for size in item.shape]
        self.tensors = Tensors(model, title, given.batch or 1, sizes, grows=at is None)
        self.stated = {value.name: value.type for value in (*model.graph.value_info, *model.graph.output)}
        self.nodes = read_by(model.graph.node, self.outputs)
        self.uses = Counter([name for node in self.nodes for name in reads(node)] + self.outputs)
        self.readers = {name: node for node in self.nodes for name in reads(node)}
        self.building = Building()
        self.places: dict[str, Any] = {}
        several = len(given.tensors) > 1
        for item, kind in zip(given.tensors, given.kinds, strict=True):
            self.tensors.types[item.name] = helper.make_tensor_type_proto(
                kind, item.at(self.tensors.prime or at or 1)
            )
            self.places[item.name] = self.building.begin(
                item.at(at or BATCH), item.name if several else "input", item.dtype
            )
        self.varies = set(self.places)  #: tensors that depend on an input
        self.constants: dict[str, Any] = {}  #: tensors that nodes make and that do not, and their nodes
        self.learned: set[str] = {name for name in self.tensors.stored if self.tensors.is_parameter(name)}
        self.scales = scales_of_products(self.nodes) & set(self.tensors.stored)
        self.learned -= self.at_places(SETTINGS) | self.scales
        wide = {name for name, tensor in self.tensors.stored.items() if tensor.dims}
        self.learned |= self.at_places(WEIGHTS) & wide
        self._seen: dict[str, running.Shown] | None = None
        self._inferred: dict[str, Any] | None = None
        self.by_value: list[str] = []  #: nodes whose sizes depend on values, as they came out in one run
        self.modules: dict[int, tuple[str, str | None]] = {}
        self.patterns: dict[str, patterns.Found] = {}
        self.merged: set[str] = set()  #: tensors that another node's operator makes, or nobody
        self.added: dict[str, tuple[str, ...]] = {}  #: for tensors the bias that is added to them
        self.told: set[str] = set()  #: scales and zero points that a node has counted

    def at_places(self, places: Mapping[str, Sequence[int]]) -> set[str]:
        """The tensors that nodes of some operators read at some places."""
        return {
            node.input[place]
            for node in self.nodes
            for place in places.get(node.op_type, ())
            if place < len(node.input) and node.input[place]
        }

    def graph(self) -> Graph:
        """The whole graph."""
        for node in self.nodes:
            if node.op_type == "Constant":
                self.tensors.infer(node, True)
        self.patterns = patterns.find(self.nodes, self.uses, self.tensors.number)
        self.merged = {name for found in self.patterns.values() for name in found.inside}
        self.nodes = read_by(self.nodes, self.outputs, self.patterns)
        for node in self.nodes:
            self.call(node)
        names = [node.op.name for node in self.building.nodes]
        for index, path in naming.called(self.modules, names):
            self.building.paths[index] = path
        places = [self.places[name] for name in self.outputs if name in self.places]
        self.rest()
        facts: dict[str, Any] = {"road": "onnx", "inputs": self.given.tensors}
        if self.by_value:
            facts["as_run"] = list(dict.fromkeys(self.by_value))
        outputs = [place for place in places if isinstance(place, int)]
        axis = self.given.first.batch_axis
        return self.building.graph(self.title, outputs, facts, self.at, axis)

    def rest(self) -> None:
        """Nodes for the stored tensors that nothing reads."""
        for name, tensor in self.tensors.stored.items():
            if name in self.learned and not self.uses[name] and prod(tensor.dims):
                op = build("unused", trained=prod(tensor.dims))
                self.building.append(op, [0], (), stored_path(name), None, types_of(self, [name], name))

    def call(self, node: Any) -> None:
        """One node."""
        name = node.output[0]
        if name in self.merged:
            return
        if name in self.patterns:
            found = self.patterns[name]
            self.tensors.types[name] = self.tensors.types[found.source]
            self.places[name] = self.emit(found.operator, [self.node(found.source)], node)
            self.varies.add(name)
            return
        for source in node.input:
            if source and source not in self.tensors.types and source not in self.tensors.lists:
                raise UsageError(
                    f"{self.title}: {described(node)} reads {source!r}, which nothing makes\n"
                    "  is the file whole? copy or export it again"
                )
        is_constant = not self.varies.intersection(reads(node))
        try:
            if node.op_type in CONTROL:
                CONTROL[node.op_type](self, node)
                return
            if node.op_type != "Constant" or name not in self.tensors.types:
                self.infer(node, is_constant)
            if not is_constant and operator(node) not in self.translations:
                raise Unsupported("nobody has declared it")
            if is_constant:
                self.constants.update(dict.fromkeys(node.output, node))
                if self.learns(node):
                    self.learned.update(node.output)
                return
            self.varies.update(node.output)
            self.translate(node)
        except (Unsupported, OperatorError, defs.SchemaError) as error:
            missing = isinstance(error, defs.SchemaError)
            reason = "nobody has declared it" if missing else getattr(error, "message", str(error))
            self.places.update(zip(node.output, self.unknown(node, reason), strict=True))
            self.varies.update(node.output)
        except Unshaped as error:
            cure = "is that the file's input? if it fixes its batch or size, export it with dynamic axes"
            raise UsageError(
                f"{self.title}: {described(node)} has no shape at"
                f" {' and '.join(self.written(source) for source in node.input if source)}: {error}\n"
                f"  {running.cure() if self.sizes_vary(node) else cure}"
            ) from None

    def infer(self, node: Any, constant: bool) -> None:
        """Find the types of a node's outputs; where inference does not, those that one run shows."""
        try:
            self.tensors.infer(node, constant)
        except (Unshaped, defs.SchemaError) as error:
            seen = self.seen()
            if not all(name in seen for name in node.output if name):
                if isinstance(error, Unshaped) and operator(node) not in self.translations:
                    raise Unsupported("nobody has declared it") from None
                raise
            for name in filter(None, node.output):
                found = seen[name]
                shape = found.shape(self.tensors.prime or 0)
                self.tensors.types[name] = helper.make_tensor_type_proto(found.kind, shape)
                if found.by_value or node.op_type in running.BY_VALUE or self.sizes_vary(node):
                    self.note_values(node)

    def sizes_vary(self, node: Any) -> bool:
        """Whether a node without a known shape reads numbers that depend on an input: sizes, axes, an end."""
        return any(
            name in self.varies and (node.op_type == "Range" or self.is_whole(name))
            for name in filter(None, node.input)
        )

    def is_whole(self, name: str) -> bool:
        """Whether a tensor is a whole number, or a row of them."""
        return len(self.tensors.shape(name)) < 2 and not is_float(kind_of(self, name))

    def note_values(self, node: Any) -> None:
        """Note that values of one run decided about what a node does, or how much."""
        whole = [item.name for item in self.given.tensors if self.is_whole(item.name)]
        told = [name for name in sources(self.nodes, node) if name in whole]
        ones = f", by the values of the input {' and '.join(map(repr, told))}: 1" if told else ""
        self.by_value.append(described(node) + ones)

    def seen(self) -> dict[str, running.Shown]:
        """What a run of the model shows of its tensors, done once; {} if it cannot be run."""
        if self._seen is None:
            self._seen = running.run(self.model, self.given, self.at)
        return self._seen

    def inferred(self) -> dict[str, Any]:
        """The types of tensors that ONNX's inference over the whole file finds; {} where it fails."""
        if self._inferred is None:
            try:
                found = shape_inference.infer_shapes(self.model, data_prop=True)
                self._inferred = {value.name: value.type for value in found.graph.value_info}
            except Exception:  # a damaged file, or one over two GiB
                self._inferred = {}
        return self._inferred

    def enter(self, node: Any) -> None:
        """Know what the graphs within a node store; who takes one of them says how often it reads what."""
        for graph in graphs_in(node):
            for tensor in graph.initializer:
                self.tensors.store(tensor)
                if self.tensors.is_parameter(tensor.name):
                    self.learned.add(tensor.name)
        inside = Counter(reads(node))
        inside.subtract(set(filter(None, node.input)))
        self.uses.subtract(+inside)

    def use(self, names: Iterable[str], nodes: Iterable[Any] = ()) -> None:
        """Note that tensors are read once more: these, and those that nodes read."""
        self.uses.update(name for name in names if name)
        self.uses.update(name for node in nodes for name in reads(node))

    def rename(self, outer: str, inner: str) -> None:
        """Know a tensor of a graph within the graph by another name, too."""
        self.tensors.types[outer] = self.tensors.types[inner]
        if inner in self.tensors.values:
            self.tensors.values[outer] = self.tensors.values[inner]
        if inner in self.varies:
            self.varies.add(outer)
            self.places[outer] = self.places[inner]
        elif inner in self.constants:
            self.constants[outer] = self.constants[inner]
        if inner in self.learned:
            self.learned.add(outer)

    def learns(self, node: Any) -> bool:
        """Whether a constant is computed from learned tensors.

        What is filled with one number and goes into an operator that is no layer's is an exporter's own:
        the zeros that a mask is drawn into.
        """
        known = operator(node) in self.translations
        return any(
            name in self.learned and (known or not self.tensors.all_equal(name)) for name in reads(node)
        )

    def translate(self, node: Any) -> None:
        """A node by its translation."""
        made = self.translations[operator(node)](self, node)
        if isinstance(made, list) and node.op_type != "SplitToSequence":
            self.places.update(zip(node.output, made, strict=False))
        else:
            self.places[node.output[0]] = made
        missing = [name for name in node.output if name and self.uses[name] and self.places.get(name) is None]
        if missing and node.output[0] not in missing:
            raise Unsupported(f"its further output {missing[0]!r} is read")

    def written(self, name: str) -> str:
        """A tensor's shape as a message shows it."""
        shape = self.tensors.shape(name) if name in self.tensors.types else ()
        return "x".join("N" if size == BATCH else str(size) for size in shape) or "a number"

    def unknown(self, node: Any, reason: str) -> list[int | None]:
        """An operator that is not declared: an error, or a node of unknown cost for every tensor it makes."""
        if not self.allow_unknown:
            raise UsageError(undeclared(self.title, operator(node), reason, [f"  {described(node)}"], "onnx"))
        sources = [self.node(source) for source in node.input if source and source not in self.tensors.lists]
        made: list[int | None] = []
        for name in node.output:
            if made and not (name and self.uses[name]):
                made.append(None)
                continue
            if name not in self.tensors.types:
                self.tensors.types[name] = stated(self, node, name)
            shape = self.tensors.shape(name)
            op = Unknown(what=operator(node), shape=with_batch_as(shape))
            made.append(self.emit(op, [*sources, 0], node, shape=shape))
        return made

    # What translations call -----------------------------------------------------------------

    def shape(self, name: str) -> Shape:
        """The shape of a tensor, its batch the prime."""
        return self.tensors.shape(name)

    def depends(self, name: str) -> bool:
        """Whether the values of a tensor depend on the image."""
        return name in self.varies

    def frozen(self, name: str) -> bool:
        """Whether a weight is counted but not trained: a file does not say so."""
        return False

    def node(self, name: str) -> int:
        """The graph's node of a tensor; what is learned or constant gets a node of its own."""
        if name not in self.places:
            source: Any = self.constants.get(name)
            if name in self.learned and source is None:
                op: Operator = Learned(shape=self.shape(name), frozen=False)
                self.places[name] = self.building.append(
                    op, [0], self.shape(name), stored_path(name), None, types_of(self, [name], name)
                )
            elif name in self.learned and operator(source) in self.translations:
                self.translate(source)
            elif name in self.learned:
                self.places.update(
                    zip(source.output, self.unknown(source, "nobody has declared it"), strict=True)
                )
            else:
                op = build("constant", shape=with_batch_as(self.shape(name)))
                stored = name in self.tensors.stored
                path = stored_path(name) if stored else "constant"
                self.places[name] = self.building.append(
                    op, [0], self.shape(name), path, None, types_of(self, [name], name)
                )
        place = self.places[name]
        if not isinstance(place, int):
            raise Unsupported("it takes a list where one tensor is expected")
        return place

    def own(self, *names: str | None) -> bool:
        """Whether these (None left out) are weights that nothing else reads.

        A tensor whose values are all the same number counts as everybody's own: exporters store equal
        ones once, and fresh scales and shifts are equal, unless the file says that one module reads it. A
        constant node's are learned if they differ.
        """
        return all(not name or self.is_own(name) for name in names)

    def is_own(self, name: str) -> bool:
        """Whether a tensor is a weight that one node reads."""
        used_once = True
        while name in self.constants:
            node = self.constants[name]
            used_once = used_once and self.uses[name] == 1
            if node.op_type == "Constant":
                return used_once and not self.tensors.all_equal(name)
            if node.op_type not in SAME_VALUES:
                return False
            name = node.input[0]
        if name not in self.learned or name in self.places:
            return False
        if used_once and self.uses[name] == 1:
            return True
        return self.tensors.all_equal(name) and not naming.one_module(self.reading(name))

    def reading(self, name: str) -> list[Any]:
        """The nodes that read a tensor, those behind moves of its values instead of the moves."""
        found: list[Any] = []
        for node in self.nodes:
            if name in node.input:
                found += self.reading(node.output[0]) if node.op_type in SAME_VALUES else [node]
        return found

    def absent(self, name: str) -> bool:
        """Whether an optional weight is left out, or made of zeros: an exporter's way to leave it out."""
        if not name:
            return True
        return name not in self.learned and self.is_filled_with(name, 0.0)

    def is_filled_with(self, name: str, number: float) -> bool:
        """Whether a constant has this number everywhere."""
        value = self.tensors.value(name)
        return value is not None and bool((value == number).all())

    def bias(self, node: Any, size: int) -> str:
        """The weight that is added to what a node makes and to nothing else, "" if there is none.

        What is added is taken over: the sum is what the node makes.
        """
        name = node.output[0]
        if self.uses[name] != 1:
            return ""
        after = self.readers.get(name)
        if after is None or after.op_type != "Add":
            return ""
        weight: str = after.input[1] if after.input[0] == name else after.input[0]
        if weight not in self.tensors.types or self.shape(weight) != (size,) or not self.is_own(weight):
            return ""
        self.merged.add(after.output[0])
        self.added[name] = (weight,)
        return weight

    def stands_for(self, node: Any, index: int) -> int:
        """Note that what is added to a node's tensor is part of it; the node's index again."""
        after = self.readers[node.output[0]]
        self.places[after.output[0]] = index
        self.varies.add(after.output[0])
        self.tensors.types[after.output[0]] = self.tensors.types[node.output[0]]
        return index

    def emit(
        self,
        op: Operator,
        inputs: Sequence[int],
        node: Any,
        *,
        shape: Shape | None = None,
        within: bool = False,
    ) -> int:
        """Append a node that makes a node's first tensor (or one of `shape`), checked against ONNX.

        `within`: it is only part of what the node does, and does not have the module's name.
        """
        expected = self.shape(node.output[0]) if shape is None else shape
        read = [*node.input, *self.added.get(node.output[0], ())]
        types = types_of(self, read, node.output[0])
        scales = scale_bytes(self, node)
        index = self.building.append(op, inputs, expected, op.name, None, types, scales)
        module, kind = naming.scope(node)
        self.modules[index] = (clean(module), "" if within else kind)
        return index
