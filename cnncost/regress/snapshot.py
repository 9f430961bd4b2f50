"""What a lock keeps of a model: its totals, a digest of it all, digest and cost of every node.

A node's digest knows its operator, arguments and shapes, not its name: a renamed block keeps it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from cnncost import units
from cnncost.analysis.conventions import Convention
from cnncost.analysis.quantities import Cost, node_costs, summed
from cnncost.bits import Bits
from cnncost.errors import Place
from cnncost.execution.memory import peak_bytes
from cnncost.execution.plan import plan
from cnncost.graph import Graph, Node
from cnncost.ops import arguments
from cnncost.ops.base import Operator
from cnncost.ops.sizes import Shape, elements
from cnncost.request import Model, Run

QUANTITIES = ("params", "buffers", "macs", "flops", "activation_bytes", "peak_bytes")
COUNTED = ("counted_params", "counted_ops", "counted_memory_bytes")
"""What a convention other than our own adds."""
MAX_DIGITS = 60
"""Of a number in a lock."""
QUANTISED = ("weight_bytes", "bops")
"""What a quantised network has besides: bytes of its weights with scales, bit operations."""
TRAINING = "training_bytes"
"""What a budget for training adds."""
MEMORY = ("peak_bytes", TRAINING)
"""Quantities that may be estimates."""

_NAMES = {ord(character): "_" for character in " \t\r\n[]"}
"""An imported name may hold what means something in a lock."""


class LockLine(NamedTuple):
    """One node as a lock writes it: its name, and all the rest as text."""

    name: str
    rest: str  #: operator digest params macs flops activation_bytes [inputs]


class NodeCost(NamedTuple):
    """One node: what it is, what it costs, what it reads."""

    name: str
    op: str
    digest: str  #: of operator, arguments and shapes
    params: int
    macs: int
    flops: int
    activation_bytes: int
    inputs: tuple[int, ...]  #: how many nodes back; (1,): the node before
    source: tuple[Graph, Node] | None = None  #: where it comes from; a lock does not keep it

    @property
    def place(self) -> Place | None:
        """Where the node stands in a spec."""
        return self.source[1].place if self.source else None

    @property
    def text(self) -> str:
        """Operator, arguments and shapes; of a lock's node the operator alone."""
        return describe(*self.source) if self.source else self.op


@dataclass(frozen=True)
class Snapshot:
    """One model. Nodes are read or made when somebody asks: equal digests need none."""

    input_shape: tuple[int, ...]
    digest: str  #: of all lines
    quantities: Mapping[str, int]
    read_lines: Callable[[], Sequence[LockLine]]
    graph: Graph | None = None
    untested: tuple[str, ...] = ()  #: operators that nobody has run the convention's program on
    estimated: tuple[str, ...] = ()  #: operators whose memory is an estimate; a lock does not say
    run: Run | None = None  #: how it was counted; a lock's name of the model says it

    @property
    def model(self) -> Model | None:
        """What was asked for, if it was loaded by name."""
        return self.graph.model if self.graph else None

    @property
    def unknown(self) -> int:
        """Operators whose cost nobody knows: with any, quantities are lower bounds. A lock does not say."""
        return self.graph.unknown if self.graph else 0

    def doubted(self, quantity: str) -> tuple[str, ...]:
        """The operators that make a quantity an estimate."""
        return self.estimated if quantity in MEMORY else ()

    @cached_property
    def lines(self) -> Sequence[LockLine]:
        """A line per node, in execution order."""
        return self.read_lines()

    @cached_property
    def nodes(self) -> tuple[NodeCost, ...]:
        """The nodes; with their texts and places if there is a graph."""
        nodes = tuple([parse_node(line) for line in self.lines])
        if self.graph is None:
            return nodes
        graph = self.graph
        return tuple(
            [cost._replace(source=(graph, node)) for cost, node in zip(nodes, graph.nodes[1:], strict=True)]
        )


def snapshot(graph: Graph, convention: Convention, run: Run = Run(), *, bits: bool | None = None) -> Snapshot:
    """The snapshot of a graph at the batch and dtype of a run.

    `bits` has it keep `QUANTISED`, too; None: where the graph is quantised. Raises UsageError for an unknown
    dtype or a batch that cannot be.
    """
    running = plan(graph, batch=run.batch, dtype=run.dtype, packed=True)
    shapes = running.source_shapes
    sizes = running.element_sizes
    costs = node_costs(graph, shapes, sizes, convention)
    whole = summed(costs)
    quantities = {
        "params": whole.params,
        "buffers": whole.buffers,
        "macs": whole.macs,
        "flops": whole.flops,
        "activation_bytes": whole.activation_bytes,
        "peak_bytes": peak_bytes(running),
    }
    if bits or (bits is None and graph.quantised):
        quantities |= {"weight_bytes": whole.weight_bytes, "bops": whole.bops}
    if convention.name != "cnncost":
        given = [sizes.output(node, elements(shapes[node.index])) for node in graph.inputs]
        inputs = convention.input_bytes(sum(given))
        counted = (whole.counted_params, whole.counted_ops, whole.counted_bytes + inputs)
        quantities.update(zip(COUNTED, counted, strict=True))
    untested = convention.untested_of(graph.nodes)
    lines = _lines(graph, costs)
    text = "\n".join([f"{name} {rest}" for name, rest in lines])
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    asked = run._replace(convention=convention.name)
    return Snapshot(
        graph.input_shape, digest, quantities, lambda: lines, graph, untested, running.estimated, asked
    )


def _lines(graph: Graph, costs: Sequence[Cost]) -> list[LockLine]:
    """A line per node; the rest of equal nodes is made once."""
    known: dict[tuple[int, tuple[Shape, ...], Bits | None, Cost], str] = {}
    lines = []
    for node, cost in zip(graph.nodes[1:], costs, strict=True):
        key = (id(node.op), graph.input_shapes(node), node.bits, cost)
        rest = known.get(key)
        if rest is None:
            digest = hashlib.sha256(describe(graph, node).encode()).hexdigest()[:8]
            size = cost.activation_bytes
            rest = known[key] = f"{node.op.name} {digest} {cost.params} {cost.macs} {cost.flops} {size}"
        inputs = node.inputs
        if inputs != (node.index - 1,):
            rest += " " + ",".join([str(node.index - source) for source in inputs])
        lines.append(LockLine(node.name.translate(_NAMES), rest))
    return lines


def describe(graph: Graph, node: Node) -> str:
    """Operator, arguments that are not the default, and shapes: what a node's digest is made of."""
    inputs = graph.input_shapes(node)
    shapes = ", ".join([units.shape(shape[1:]) for shape in inputs])
    axes = len(inputs[0]) - 2 if inputs else 0
    bits = f" bits {node.bits.text()}" if node.bits else ""
    return f"{call(node.op, axes)} {shapes} -> {units.shape(node.shape[1:])}{bits}"


def call(op: Operator, axes: int) -> str:
    """An operator on a map of so many axes of space, with the arguments that are not the default."""
    given = {name: plain(op, name, axes) for name in op.values}
    unusual = {
        name: value
        for name, value in given.items()
        if name not in op.defaults or value != arguments.show(op.defaults[name])
    }
    return f"{op.name}({', '.join([f'{name}={value}' for name, value in unusual.items()])})"


def plain(op: Operator, name: str, axes: int) -> str:
    """An argument as a spec writes it; equal sizes along the axes and equal sides of a padding are one."""
    value = op.values[name]
    declared = op.arguments.get(name)
    if isinstance(value, Operator):
        return repr(spread(value, axes))
    if declared is not None and declared.kind.startswith(("PerAxis", "Padding")) and isinstance(value, tuple):
        if declared.kind.startswith("Padding") and len(value) == axes:
            value = tuple([side for side in value for _ in range(2)])  # before and after
        value = value[0] if len(set(value)) == 1 else value
    return arguments.show(value)


def spread(op: Operator, axes: int) -> Operator:
    """An operator whose windows are written out for every axis and side: what digests of unpoolings hold."""
    wide = {"PerAxis": axes, "Padding": 2 * axes}
    sides = {name: wide.get(declared.kind.partition(" ")[0]) for name, declared in op.arguments.items()}
    values = {name: getattr(op, name) for name in sides}
    changed = {
        name: (value,) * count
        for name, count in sides.items()
        if count and isinstance(value := values[name], int) and value != op.defaults.get(name)
    }
    return op.replace(**changed)


def parse_node(line: LockLine) -> NodeCost:
    """One node from its line. Raises ValueError if the line is not whole."""
    op, digest, params, macs, flops, activation_bytes, *inputs = line.rest.split(" ")
    if len(inputs) > 1:
        raise ValueError(line.rest)
    sources = tuple(map(int, inputs[0].split(","))) if inputs else (1,)
    if max(map(len, (params, macs, flops, activation_bytes))) > MAX_DIGITS:
        raise ValueError(line.rest)
    return NodeCost(line.name, op, digest, int(params), int(macs), int(flops), int(activation_bytes), sources)
