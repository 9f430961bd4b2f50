"""PyTorch's operators -> Graph: what is constant, which node is called what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnncost.dtypes import NodeTypes
from cnncost.errors import OperatorError, UsageError
from cnncost.graph import Graph, Origin, Running
from cnncost.importers.aten import patterns, weights
from cnncost.importers.aten.autograd import acting, checkpoint_of
from cnncost.importers.aten.element_types import type_of, types_of
from cnncost.importers.aten.failures import line_of, quantised
from cnncost.importers.aten.lifetimes import of_nodes
from cnncost.importers.aten.program import mark
from cnncost.importers.aten.unregistered import unregistered
from cnncost.importers.aten.values import (
    COMPUTED,
    SHAPE_ONLY,
    called,
    has_tensor,
    is_empty,
    is_in_place,
    is_strided,
    is_tensor,
    memory_of,
    operator_name,
    shape_of,
)
from cnncost.importers.aten.weights import ModuleTensors
from cnncost.importers.aten.writes import settle
from cnncost.importers.aten.written import Code, path_of
from cnncost.importers.building import Building, OneBatchOnly, Unsupported, clean, is_layer, undeclared
from cnncost.importers.shapes import Shape, with_batch_as
from cnncost.importers.stated import custom, free
from cnncost.ops.base import Operator, Storage
from cnncost.ops.learned import Constant, Learned, Unknown, Unused

if TYPE_CHECKING:
    from cnncost.importers.aten.program import Program


OTHERS = ""
"""The name of the translation of operators that have none of their own."""
FIRST_ONLY = {"type_as", "view_as", "expand_as", "reshape_as"}
"""Operators that read values of their first tensor alone."""
WITH_GRADIENTS = "wrap_with_set_grad_enabled"
WITH_AUTOCAST = "wrap_with_autocast"
WRAPPERS = {WITH_AUTOCAST, WITH_GRADIENTS}
"""Calls of a program within the program, under a setting."""


class Conversion:
    """One program on its way to a graph."""

    def __init__(
        self,
        program: Program,
        title: str,
        translations: Mapping[str, Callable[[Conversion, Any], Any]],
        allow_unknown: bool,
    ):
        self.program = program
        self.title = title
        self.translations = translations
        self.allow_unknown = allow_unknown
        self.training = program.training
        self.doubts: dict[str, None] = {}  #: of what no rule says what a training step keeps
        self.building = Building()
        self.patterns: Mapping[Any, patterns.Found] = {}  #: operators that are several calls, by the last
        #: what nobody said and was taken for granted
        self.taken = ["Its code asks for CUDA and had the CPU."] if program.without_cuda else []
        self.autocast: set[bool] = set()  #: whether parts of the module turn autocast on, or off
        self.recorded = True  #: whether autograd records the calls: not under torch.no_grad
        self.composing = 0  #: how many calls deep the translation is in what a call is composed of
        self.places: dict[Any, Any] = {}  #: what a value of the program is here: a node's index, a list
        self.ends: dict[Any, int] = {}  #: the last node after every call
        self.constants: set[Any] = set()
        self.tensors = ModuleTensors(program)
        self.learned: dict[int, int] = {}  #: the nodes of parameters that stand by themselves
        self.memories: dict[Any, tuple[dict[Any, int], dict[int, list[Any]]]] = {}
        self.code = Code(program.module, {path_of(node) for node in program.graph.nodes}, self.tensors.names)

    def graph(self) -> Graph:
        """The whole graph."""
        given = self.program.example.given
        inputs = dict(zip(self.program.inputs, given, strict=False))
        outputs: list[int] = []
        self.patterns = patterns.find(self.program.graph)
        merged = {item for found in self.patterns.values() for item in found.inside}
        for node in self.program.graph.nodes:
            self.ends[node] = len(self.building.nodes) - 1
            if node in merged:
                continue
            if node.op == "placeholder":
                if node in inputs:
                    kind = type_of(node.meta["val"])
                    self.places[node] = self.building.begin(shape_of(node), inputs[node].name, kind)
                elif node not in self.tensors.parameters:
                    self.constants.add(node)
            elif node.op == "get_attr":
                self.constants.add(node)
            elif node.op == "call_function":
                self.call(node)
                self.ends[node] = len(self.building.nodes) - 1
            elif node.op == "output":
                outputs = self.outputs(node)
        self.rest()
        self.check()
        self.taken += [
            f"Layers in the list {place} are no part of the module: their parameters do not count"
            " (nn.ModuleList)."
            for place in unregistered(self.program.module)
        ]
        axis = given[0].batch_axis if given else None
        graph = self.building.graph(
            self.title, outputs, self.facts(), self.program.batch, axis, self.running()
        )
        found = self.program
        origin = Origin(found.module, found.example, found.road == "one run", found.without_cuda)
        return replace(graph, origin=origin)

    def facts(self) -> dict[str, Any]:
        """What is known of the import beside its nodes."""
        facts: dict[str, Any] = {"road": self.program.road, "mode": "train" if self.training else "eval"}
        if self.program.as_run:
            facts["as_run"] = list(self.program.as_run)
        facts["inputs"] = self.program.example.given
        if self.autocast:
            facts["autocast"] = "on" if True in self.autocast else "off"
        if doubts := dict.fromkeys([*self.program.doubts, *acting(self.program.module), *self.doubts]):
            facts["doubts"] = tuple(doubts)
        if self.taken:
            facts["taken"] = tuple(dict.fromkeys(self.taken))
        return facts

    def running(self) -> Running | None:
        """What was seen while the module's own code ran."""
        seen = self.program.lifetimes
        return None if seen is None else of_nodes(seen, self.places, self.ends)

    def check(self) -> None:
        """Hold the parameters of all nodes against those of the module; say what products of complex are."""
        counted: dict[str, int] = {}
        for node, path in zip(self.building.nodes, self.building.paths, strict=True):
            given = self.building.input_shapes(node)
            if count := node.op.params(*given):
                counted[path] = counted.get(path, 0) + count
            if node.types and "complex" in node.types.output and node.op.macs(node.shape, *given):
                self.taken.append(f"{self.title}: a MAC of complex numbers is counted as one")
        weights.check(self.title, self.program.module, counted)

    def rest(self) -> None:
        """Nodes for the tensors of the module that no node has: buffers that are read, what nothing reads."""
        for item in self.tensors.buffers_left():
            self.node(item)
        for part in weights.unread(self.program.module, self.tensors.counted):
            op = Unused(trained=part.params, frozen=part.frozen, kept=part.kept)
            types = NodeTypes(part.dtype, part.dtype)
            self.building.append(op, [0], (), clean(part.path), frozenset(), types)

    def call(self, node: Any) -> None:
        """One call of an operator."""
        if "val" in node.meta and not has_tensor(node.meta["val"]):
            return  # a number
        name = operator_name(node)
        if node in self.patterns:
            found = self.patterns[node]
            self.places[node] = self.emit(found.operator, [self.node(found.source)], node)
        elif name in WRAPPERS:
            self.places[node] = self.inside(node)
        elif name == "getitem":
            self.take(node, *node.args)
        elif self.is_constant(node):
            self.constants.add(node)
        else:
            try:
                self.translate(node)
            except (Unsupported, OperatorError) as error:
                if isinstance(error, OneBatchOnly) and self.program.prime:
                    raise  # who converts asks for the program of one batch
                reason = getattr(error, "message", str(error))
                if self.composing:
                    raise Unsupported(f"it is composed of {called(node)}: {reason}") from None
                self.places[node] = self.unknown(node, reason)

    def is_constant(self, node: Any) -> bool:
        """Whether what a call makes does not depend on the network's input."""
        name = operator_name(node)
        read = [item for item in read_by(node) if is_tensor(item) or item in self.places]
        fixed = name not in COMPUTED and all(item in self.constants for item in read)
        return name in SHAPE_ONLY or is_empty(node) or fixed

    def translate(self, node: Any) -> None:
        """A call as nodes; one in place is what its tensor is from here on."""
        given = read_by(node)
        target = self.places.get(given[0]) if given else None
        made = self.translated(node)
        if made is None:
            return
        self.places[node] = made
        name = operator_name(node)
        if is_in_place(node) and name != "copy" and not self.composing:
            settle(self, node, made)
            if name == "add" or not self.training:  # in training rules know no other
                self.building.overwrite(made, target)
            elif self.building.is_new_of_a_view(made, target):
                self.doubts["arithmetic in place of a view"] = None

    def translated(self, node: Any) -> Any:
        """A call by its translation: what its value is here."""
        return self.translations.get(operator_name(node), self.translations[OTHERS])(self, node)

    def take(self, node: Any, source: Any, position: int) -> None:
        """One of several tensors that a call gives; positions of a maximum and the like have no node."""
        if source in self.constants:
            self.constants.add(node)
            return
        made = self.places[source]
        if position < len(made):
            entry = made[position]
            self.places[node] = entry() if callable(entry) else entry
        elif node.users:  # positions of what it finds, whose search is counted
            sources = [self.node(item) for item in source.all_input_nodes if is_tensor(item)]
            self.places[node] = custom(self, node, "positions", sources, shape_of(node), free)

    def memory(self, graph: Any) -> tuple[dict[Any, int], dict[int, list[Any]]]:
        """For a program, or one within it: the place of every call, and which tensors share their memory."""
        if graph not in self.memories:
            order = {item: place for place, item in enumerate(graph.nodes)}
            sharing: dict[int, list[Any]] = {}
            for item in filter(is_tensor, order):
                sharing.setdefault(memory_of(item), []).append(item)
            self.memories[graph] = order, sharing
        return self.memories[graph]

    def inside(self, node: Any) -> list[Any]:
        """The calls of a program within the program, as if they stood here; what it gives back."""
        place = next(index for index, item in enumerate(node.args) if getattr(item, "op", "") == "get_attr")
        inner = self.program.inner[node.args[place].target]
        before = self.recorded
        if operator_name(node) == WITH_GRADIENTS:
            self.recorded = bool(node.args[0])
        else:
            self.autocast.add(bool(node.args[2]))
        found = self.within(inner, node.args[place + 1 :])
        self.recorded = before
        return found

    def within(self, inner: Any, given: Sequence[Any], at: Any = None) -> list[Any]:
        """The calls of another graph, as if they stood here, of some tensors; what it gives back.

        `at`: the call that they are composed to, whose module they stand in.
        """
        sources = iter(given)
        results: list[Any] = []
        if at is not None:
            mark(inner, self.program.prime)
        for item in inner.nodes:
            if at is not None:
                item.meta |= {key: at.meta.get(key) for key in ("nn_module_stack", "custom")}
            if item.op == "placeholder":
                source = next(sources)
                self.tensors.also(item, source)
                if source in self.places:
                    self.places[item] = self.places[source]
                if source in self.constants:
                    self.constants.add(item)
            elif item.op == "get_attr":
                self.constants.add(item)
            elif item.op == "call_function":
                self.call(item)
                self.ends[item] = len(self.building.nodes) - 1
            else:
                (given_back,) = item.args
                listed = given_back if isinstance(given_back, (tuple, list)) else [given_back]
                results = [self.node(result) for result in listed]
        return results

    def unknown(self, node: Any, reason: str) -> int | list[int]:
        """An operator that is not declared: an error, or a node of unknown cost for every tensor it gives."""
        if not self.allow_unknown:
            raise UsageError(self.undeclared_message(node, reason))
        sources = [self.node(item) for item in node.all_input_nodes if is_tensor(item)]
        value = node.meta["val"]
        several = isinstance(value, (tuple, list))
        made = []
        for shape in node.meta["sizes"] if several else [shape_of(node)]:
            op = Unknown(what=called(node), shape=with_batch_as(shape))
            made.append(self.emit(op, [*sources, 0], node, shape=shape))
        return made if several else made[0]

    def undeclared_message(self, node: Any, reason: str) -> str:
        """The message for an operator that is not declared: which, where, and what to do."""
        path = path_of(node) or "(the network itself)"
        if called(node).startswith("quantized."):
            return quantised(self.title, called(node), path, line_of(node))
        return undeclared(self.title, called(node), reason, [f"  module {path}", *line_of(node)], "aten")

    def outputs(self, node: Any) -> list[int]:
        """The nodes that the network gives back, constants left out but for what values left empty."""
        found: list[int] = []
        for item in node.all_input_nodes:
            place = self.places.get(item)
            if isinstance(place, list):
                found += [entry for entry in place if isinstance(entry, int)]
            elif place is not None:
                found.append(place)
            elif is_empty(item) and self.program.as_run:
                found.append(self.node(item))
        return found

    # What translations call -----------------------------------------------------------------

    def shape(self, item: Any) -> Shape:
        """The shape of a tensor, its batch the prime."""
        return shape_of(item)

    def depends(self, item: Any) -> bool:
        """Whether the values of a tensor depend on the network's input."""
        return item not in self.tensors.parameters and item not in self.constants

    def frozen(self, item: Any) -> bool:
        """Whether a weight is counted but not trained."""
        return self.tensors.frozen(item)

    def own(self, *items: Any) -> bool:
        """Whether these (None left out) are parameters that nothing else reads; all learn, or none."""
        return self.tensors.own(*items)

    def node(self, item: Any) -> int:
        """The graph's node of a value; what is learned or constant gets a node of its own."""
        if item in self.places:
            place = self.places[item]
            if not isinstance(place, int):
                raise Unsupported("it takes a list where one tensor is expected")
            return place
        if item in self.tensors.parameters:
            key = self.tensors.parameters[item]
            self.tensors.counted.add(key)
            if key not in self.learned:
                op = Learned(shape=shape_of(item), frozen=self.frozen(item))
                self.learned[key] = self.emit(op, [0], item, path=clean(self.tensors.names[item]))
            return self.learned[key]
        constant = Constant(
            shape=with_batch_as(shape_of(item)),
            value=0.0,
            buffer=self.tensors.takes_buffer(item),
            made=self.is_made(item),
        )
        path = clean(self.tensors.names.get(item, "")) or None
        made = self.emit(constant, [0], item, path=path)
        self.places[item] = made
        return made

    def is_made(self, item: Any) -> bool:
        """Whether every training pass makes a tensor anew, all of its memory its own."""
        value = item.meta["val"]
        if not self.training or not is_strided(value):
            return False
        first = self.memory(item.graph)[1][memory_of(item)][0]
        whole = bool(value.untyped_storage().nbytes() == value.numel() * value.element_size())
        return first.op == "call_function" and whole

    def take_back(self, begin: int) -> None:
        """Forget the nodes from one on, as if what made them had not been translated."""
        self.building.take_back(begin)
        self.learned = {key: index for key, index in self.learned.items() if index < begin}
        for item, place in list(self.places.items()):
            if isinstance(place, int) and place >= begin:
                del self.places[item]

    def emit(
        self,
        op: Operator,
        inputs: Sequence[int],
        node: Any,
        *,
        shape: Shape | None = None,
        within: bool = False,
        path: str | None = None,
    ) -> int:
        """Append a node that makes the value of `node` (or one of `shape`), checked against PyTorch.

        `within`: it is only part of what the call does, and does not have the module's name.
        """
        expected = shape_of(node) if shape is None else shape
        named, ways, types = path or self.path(node, op, within), self.code.ways(node), types_of(self, node)
        made = self.building.append(op, inputs, expected, named, ways, types)
        if number := checkpoint_of(node):
            self.building.checkpoints[made] = number
        recorded = self.recorded and node.meta.get("recorded", True)
        if not recorded and op.storage() is not Storage.OUTSIDE:
            self.building.detached.add(made)
        return made

    def path(self, node: Any, op: Operator, within: bool) -> str:
        """What a node is called before names are made unique: its module, or the operator in it."""
        module = module_path(node)
        stack = list((node.meta.get("nn_module_stack") or {}).values())
        kind = str(stack[-1][1]) if stack and not within else ""
        if not module:
            return op.name
        return module if is_layer(kind) else f"{module}.{op.name}"


def read_by(node: Any) -> Sequence[Any]:
    """What a call reads the values of."""
    return node.args[:1] if operator_name(node) in FIRST_ONLY else node.all_input_nodes  # type: ignore[no-any-return]


def module_path(node: Any) -> str:
    """The path of the module that a call stands in, "" for the network itself."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return clean(str(stack[-1][0])) if stack else ""
