"""Graph -> a spec that reads back as the same graph: flat, its repeats written as blocks.

Every node is a step with its name as label, so that names, edges and operators come back as they
were. Where units of a module list (layer1.1, layer1.2) follow each other and are equal, the unit
becomes a block, called once per unit.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from cnncost.dtypes import is_float
from cnncost.errors import SpecError, SpecWarning, UsageError
from cnncost.escape import line
from cnncost.graph import Graph, Node
from cnncost.language.scope import ENTRY
from cnncost.ops import REGISTRY
from cnncost.ops.base import Operator

RESERVED = {"input", ENTRY}
CHANNELS_LAST = {2: "LC", 3: "HWC", 4: "DHWC"}
"""The axes of tokens, and of images in TensorFlow, by how many; a spec takes the first for channels."""


class Candidate(NamedTuple):
    """Some nodes that could be a block: what they begin with, read from outside, and are."""

    prefix: str
    nodes: Sequence[Node]
    entry: int
    form: tuple[Any, ...]


def text(graph: Graph) -> str:
    """The spec of a graph.

    Raises UsageError if it has an operator that no spec can name, or holds for its own batch alone.
    """
    if graph.batch_axis != 0:
        where = "none" if graph.batch_axis is None else f"at axis {graph.batch_axis}"
        raise UsageError(
            f"{graph.name}: its batch is {where}, and a spec has it first\n"
            "  count the network itself: cnncost table"
        )
    empty = next((node for node in graph.nodes if 0 in node.shape), None)
    if empty is not None:
        raise not_said(graph, f"{empty.name} has no values, as of an expert that no value chose")
    made = Writer(graph).text()
    try:
        return read_back(graph, made)
    except UsageError as first:
        try:
            return read_back(graph, Writer(graph, CHANNELS_LAST).text())
        except UsageError:
            raise first from None


def read_back(graph: Graph, made: str) -> str:
    """The spec of a graph, if it is one. Raises UsageError."""
    from cnncost.language import zoo
    from cnncost.language.instance import graph_of

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SpecWarning)  # of channels last: whoever reads the file is told
            read = graph_of(zoo.parse_text(made, "the spec", "model"), None)
    except SpecError as error:
        reason = error.message
    else:
        other = next(
            (a.name for a, b in zip(graph.nodes, read.nodes, strict=True) if not alike(graph, a, read, b)),
            None,
        )
        if other is None:
            return made
        reason = f"in it {other} would be another one"
    raise not_said(graph, reason)


def not_said(graph: Graph, reason: str) -> UsageError:
    """The error of a graph that no spec makes."""
    return UsageError(
        f"{graph.name}: no spec says it: {reason}", cure="count the network itself: cnncost table"
    )


def alike(graph: Graph, node: Node, read: Graph, other: Node) -> bool:
    """Whether two nodes have as many parameters, and multiply and add as often if they are of one image."""
    shapes, others = graph.input_shapes(node), read.input_shapes(other)
    if node.op.params(*shapes) != other.op.params(*others):
        return False
    whole = graph.batch not in (None, 1)
    return whole or node.op.macs(node.shape, *shapes) == other.op.macs(other.shape, *others)


class Writer:
    """One graph on its way to a spec."""

    def __init__(self, graph: Graph, axes: Mapping[int, str] = {}):
        self.graph = graph
        self.axes = axes  #: what the axes of inputs of so many sizes are, where not as a spec takes them
        self.readers = graph.consumers()
        self.reserved = RESERVED.union(node.name for node in graph.inputs)
        self.blocks: dict[str, list[str]] = {}

    def text(self) -> str:
        """The whole file."""
        graph = self.graph
        given = graph.inputs
        labels = {node.index: node.name for node in given}
        order = [node for node in graph.nodes[1:] if node.op.kin != "input"]
        body = self.steps(order, "", 0, labels)
        lines = [f"family: {graph.name}"]
        if graph.source:
            lines.insert(0, f"# Imported from {line(str(graph.source))}.")
        scales = sum(node.scale_bytes for node in graph.nodes)
        if scales:
            lines.insert(0, f"# Without the {scales:,} bytes of scales and zero points that it stores.")
        if self.usual:
            lines.append(f"dtype: {self.usual}")
        several = ", ".join(f"{node.name}: {self.shown(node)}" for node in given)
        plain = len(given) == 1 and given[0].name == "input"
        lines.append(f"input: {self.shown(given[0])}" if plain else f"input: {{{several}}}")
        if self.blocks:
            lines.append("blocks:")
            for name, steps in self.blocks.items():
                lines += [f"  {name}:", *(f"    - {step}" for step in steps)]
        lines += ["body:", *(f"  - {step}" for step in body)]
        if graph.outputs != (len(graph.nodes) - 1,):
            lines.append(f"outputs: [{', '.join(labels[index] for index in graph.outputs)}]")
        return "\n".join(lines) + "\n"

    def shown(self, node: Node) -> str:
        """An input as a spec writes it: its sizes, and its element type if that is another one."""
        sizes = value(self.graph.sample_shapes[node.index])
        axes = self.axes.get(len(node.shape) - 1, "")
        if node.bits:
            raise UsageError(f"{self.graph.name}: its input has bits, which no spec gives to an input")
        own = self.dtype(node)
        parts = [f"{word}: {said}" for word, said in (("axes", axes), ("dtype", own)) if said]
        return f"{{shape: {sizes}, {', '.join(parts)}}}" if parts else sizes

    @cached_property
    def usual(self) -> str | None:
        """The floating-point type that most tensors have; None where that is float32, as without a word."""
        types = [node.types for node in self.graph.nodes if node.types]
        floats = [name for each in types for name in each if is_float(name)]
        if len(types) < len(self.graph.nodes) or not floats:
            return None
        most = max(dict.fromkeys(floats), key=floats.count)
        return None if most == "float32" else most

    def dtype(self, node: Node) -> str:
        """The element types of a node as a spec writes them; "" where they are the usual ones."""
        if node.types is None or set(node.types) - {""} == {self.usual or "float32"}:
            return ""
        names = [name for name in node.types if name]
        return names[0] if len(set(names)) == 1 else value(tuple(names))

    def steps(self, nodes: Sequence[Node], prefix: str, current: int, labels: dict[int, str]) -> list[str]:
        """The steps of some nodes, whose names begin with `prefix`, behind the node `current`."""
        steps = []
        place = 0
        while place < len(nodes):
            units = self.repeated(nodes, place, prefix)
            if units:
                if units[0].entry != current:  # by itself, or every unit would begin there
                    steps.append(f"{{from: {labels[units[0].entry]}}}")
                steps.append(self.call(units, prefix, labels))
                place += sum(len(unit.nodes) for unit in units)
                current = units[-1].nodes[-1].index
            else:
                node = nodes[place]
                labels[node.index] = node.name[len(prefix) :]
                steps.append(self.step(node, current, labels))
                current = node.index
                place += 1
        return steps

    def step(self, node: Node, current: int, labels: dict[int, str]) -> str:
        """One operator as a step."""
        op = node.op
        if op.name not in REGISTRY:
            raise UsageError(f"{self.graph.name}: {node.name} is {op.name}, which no spec can name")
        arguments = given(op)
        if op.reference and len(node.inputs) > 1:  # it names an operator by its label
            arguments[op.reference] = labels.get(node.inputs[1], self.graph.nodes[node.inputs[1]].name)
        parts = [f"{key}: {shown}" for key, shown in arguments.items()]
        source = ""
        if op.inputs is None:
            for position, index in enumerate(node.inputs, 1):
                branch = "[]" if index == current else f"[{{from: {labels[index]}}}]"
                parts.append(f"x{position}: {branch}")
        elif node.inputs[0] != current:
            source = f", from: {labels[node.inputs[0]]}"
        own = self.dtype(node)
        kind = f", dtype: {own}" if own else ""
        if node.bits:
            kind += f", bits: {node.bits.text()}"
        return f"{{{op.name}: {{{', '.join(parts)}}}, as: {labels[node.index]}{source}{kind}}}"

    def call(self, units: list[Candidate], prefix: str, labels: dict[int, str]) -> str:
        """Equal units as one step that calls a block."""
        first = units[0]
        inner = {0: self.graph.nodes[0].name, first.entry: ENTRY}
        steps = self.steps(first.nodes, first.prefix, first.entry, inner)
        stem = first.prefix[len(prefix) : -1].rstrip("0123456789")
        numbers = []
        for unit in units:
            label = labels[unit.nodes[-1].index] = unit.prefix[len(prefix) : -1]
            numbers.append(label[len(stem) :])
        return f"{{{self.block(stem, steps)}: {{}}, as: {stem}$unit, for: {{unit: [{', '.join(numbers)}]}}}}"

    def block(self, stem: str, steps: list[str]) -> str:
        """The name of the block with these steps: one that is there already, or a new one."""
        for name, known in self.blocks.items():
            if known == steps:
                return name
        base = name = re.sub(r"\W", "_", stem) + "unit"
        number = 1
        while name in self.blocks or name in REGISTRY:
            number += 1
            name = f"{base}_{number}"
        self.blocks[name] = steps
        return name

    def repeated(self, nodes: Sequence[Node], place: int, prefix: str) -> list[Candidate]:
        """The equal units that begin at a place, two at least; else none."""
        parts = nodes[place].name[len(prefix) :].split(".")
        for depth in range(1, len(parts) - 1):
            counted = re.fullmatch(r"(.*_|)(0|[1-9]\d*)", parts[depth])
            if counted is None:
                continue
            stem = prefix + ".".join([*parts[:depth], counted.group(1)])
            units: list[Candidate] = []
            at = place
            while True:
                unit = self.unit(nodes, at, f"{stem}{int(counted.group(2)) + len(units)}.")
                if unit is None or (units and not follows(unit, units[-1])):
                    break
                units.append(unit)
                at += len(unit.nodes)
            if len(units) > 1:
                return units
        return []

    def unit(self, nodes: Sequence[Node], place: int, prefix: str) -> Candidate | None:
        """The nodes from a place on that begin with a prefix, if they could be a block.

        They read one node from outside (and the network's input), and only their last is read.
        """
        end = place
        while end < len(nodes) and nodes[end].name.startswith(prefix):
            end += 1
        inside = nodes[place:end]
        if len(inside) < 2:
            return None
        first, last = inside[0].index, inside[-1].index
        outside = {index for node in inside for index in node.inputs if index < first}
        entries = outside - {0} or outside
        if len(entries) != 1:
            return None
        (entry,) = entries
        inner = [node.name[len(prefix) :] for node in inside]
        if any(name in self.reserved or name[0].isdigit() for name in inner):
            return None  # no label begins with a digit
        if any(index in self.graph.outputs for index in range(first, last)):
            return None
        if any(reader > last for index in range(first, last) for reader in self.readers[index]):
            return None
        if any(entry == 0 and node.op.inputs == 2 for node in inside):
            return None  # its reference is the input, which is the block's own as well

        def seen(index: int) -> int:
            return index - first if index >= first else -1 if index == entry else -2

        form = tuple(
            (name, node.op, node.types, node.bits, tuple(map(seen, node.inputs)))
            for name, node in zip(inner, inside, strict=True)
        )
        return Candidate(prefix, inside, entry, form)


def follows(unit: Candidate, before: Candidate) -> bool:
    """Whether a unit is equal to the one before it and begins where that ends."""
    return unit.entry == before.nodes[-1].index and unit.form == before.form


def given(op: Operator) -> dict[str, str]:
    """The arguments of an operator that are not the default, as a spec writes them."""
    values = op.values
    return {
        name: value(values[name], declared.kind)
        for name, declared in op.arguments.items()
        if values[name] is not None
        and (
            declared.required or value(values[name], declared.kind) != value(op.defaults[name], declared.kind)
        )
        and not (declared.like and values[name] == values[declared.like])
    }


def value(given: Any, kind: str = "") -> str:
    """A value as a spec writes it; sides that agree are written once."""
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, tuple):
        if kind.startswith("Padding") and given[::2] == given[1::2]:
            given = given[::2]
        if kind.startswith(("Padding", "PerAxis")) and len(set(given)) == 1 and len(given) < 4:
            return str(given[0])
        return "[" + ", ".join(map(value, given)) + "]"
    return str(given)
