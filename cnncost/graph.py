"""The layer graph: immutable nodes in execution order, shapes inferred at construction.

A graph knows operators and edges. It does not know YAML (beyond the place a node came from, which
errors and annotations quote), costs, conventions or PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from cnncost.bits import BIAS_BYTES, Bits, packed
from cnncost.border import whole_number
from cnncost.dtypes import NodeTypes, bits_of, is_float, own_bytes, packed_bytes
from cnncost.errors import OperatorError, Place, UsageError, nearest
from cnncost.ops.arguments import Sizes
from cnncost.ops.base import Operator, Storage, Weight, argument
from cnncost.ops.sizes import Shape, free, resized, with_batch
from cnncost.report import drawn_by
from cnncost.request import Model

MOST_IMAGES = 10**30
"""The largest batch: totals stay numbers that floating point holds."""


class Node(NamedTuple):
    """One operator at its place in the graph."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls on a node
    name: str  #: stable and readable: stage2.unit3.main.conv_bn2.conv
    op: Operator
    inputs: tuple[int, ...]  #: indices of the nodes it reads, in the operator's order
    shape: Shape  #: of the output, batch 1 first
    place: Place | None = None
    head: str | None = None  #: the training-only head it belongs to
    written: frozenset[str] | None = (
        None  #: of an import: how its code calls the operator (`importers/aten/written`)
    )
    types: NodeTypes | None = None  #: of an import: the element types that the module or file has
    bits: Bits | None = None  #: of quantised values: what was asked for, or said by a spec
    scale_bytes: int = 0  #: of an import: scales and zero points that a file stores for it

    @property
    def reads(self) -> tuple[int, ...]:
        """The inputs whose values are read; a reference (crop's `like`) gives only its shape."""
        return self.inputs if self.op.inputs is None else self.inputs[: self.op.inputs]

    @property
    def path(self) -> tuple[str, ...]:
        """The name's parts, the outermost block first."""
        return tuple(self.name.split("."))


class InputNode(Operator):
    """The image that the caller hands in."""

    name = "input"
    kin = "input"
    inputs = 0


class FurtherInput(Operator):
    """Another tensor that the caller hands in."""

    name = "input"
    kin = "input"
    inputs = 0
    moves_batch = True

    shape: Sizes = argument(help="its shape; -1 is the batch")

    def output_shape(self, *inputs: Shape) -> Shape:
        return free(with_batch(self.shape, inputs[0][0]))

    def storage(self, training: bool = False) -> Storage:
        return Storage.OUTSIDE


class Running(NamedTuple):
    """What was seen of an imported module while its own code ran, in inference."""

    references: Mapping[int, int]  #: for nodes the last node while the code refers to their value
    #: for nodes the bytes of constants that the code has made and refers to: of any batch, and per image
    constants: Mapping[int, tuple[int, int]]


class Origin(NamedTuple):
    """The module that a graph was imported from, and how: who verifies it runs the module itself again."""

    module: Any  #: an nn.Module, as it was
    example: Any  #: what it was called with
    real: bool  #: it was run once with values; else on tensors without memory
    without_cuda: bool = False  #: its code asks for CUDA, and had the CPU


@dataclass(frozen=True, repr=False)
class Graph:
    """A network: `nodes[0]` is the input, the rest follow in execution order.

    `heads` of nodes that exist only in training are part of it; `without_heads` drops them.
    """

    name: str
    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]  #: node indices, the main output first
    source: str = ""  #: the spec file, as the user named it
    facts: Mapping[str, Any] = field(default_factory=dict)  #: family, paper, published
    model: Model | None = field(default=None, compare=False)  #: what was asked for, if it was loaded by name
    batch_axis: int | None = 0  #: where the first input has its batch; other than 0 only of one batch
    batch: int | None = None  #: the only batch that it is right for, its shapes with it; None: any
    in_place: frozenset[int] = frozenset()  #: nodes that an imported module computes in place
    running: Running | None = None  #: what was seen of an imported module; None: nothing
    frozen: frozenset[int] = frozenset()  #: nodes whose weights are not trained, beside operators' own
    detached: frozenset[int] = frozenset()  #: nodes whose value has no gradient: under no_grad, or detached
    #: stretches that the module itself runs as checkpoints in training: the first and the last node
    checkpoints: tuple[tuple[int, int], ...] = ()
    #: parts that an imported module cuts a tensor into with one call: they have one gradient together
    parts: tuple[tuple[int, ...], ...] = ()
    origin: Origin | None = field(default=None, compare=False)  #: of what was imported from PyTorch

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.input_shape))
        return f"<Graph {self.name} {shape}: {len(self.nodes) - 1} operators, from {self.source or 'Python'}>"

    def _repr_html_(self) -> str:
        return drawn_by("of_graph", self)

    def __getitem__(self, name: str) -> Node:
        """A node by its name. Raises KeyError."""
        for node in self.nodes:
            if node.name == name:
                return node
        match = nearest(name, [node.name for node in self.nodes])
        raise KeyError(f"{self.name} has no node {name!r}" + (f": did you mean {match!r}?" if match else ""))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Sizes of the (first) input without the batch."""
        shape, axis = tuple(self.nodes[0].shape), self.batch_axis
        return shape if axis is None else (*shape[:axis], *shape[axis + 1 :])

    @property
    def inputs(self) -> tuple[Node, ...]:
        """What the caller hands in."""
        return tuple([node for node in self.nodes if node.op.kin == "input"])

    @cached_property
    def unknown(self) -> int:
        """Operators whose cost nobody knows; if there are any, every total is a lower bound."""
        return sum(node.op.kin == "unknown" for node in self.nodes)

    @cached_property
    def dtype(self) -> str | None:
        """The element type of an import: that of its floating-point numbers, mixed; None: it has none."""
        if self.typical is None:
            return None
        names = [name for node in self.nodes if node.types for name in node.types if name]
        floats = dict.fromkeys(name for name in names if is_float(name))
        found = list(floats or dict.fromkeys(names))
        return found[0] if len(found) == 1 else "mixed" if found else None

    @cached_property
    def typical(self) -> str | None:
        """The element type that most tensors of an import have; None: they have none of their own."""
        names = [node.types.output for node in self.nodes if node.types]
        return max(dict.fromkeys(names), key=names.count) if len(names) == len(self.nodes) else None

    @cached_property
    def quantised(self) -> bool:
        """Whether some tensor has a width that somebody asked for, and not one of a framework's types."""
        return any(node.bits is not None for node in self.nodes)

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """The bits that were asked for, in rising order; () if nothing is quantised."""
        asked = [bits for node in self.nodes if node.bits for bits in node.bits[:2] if bits is not None]
        return tuple(sorted(set(asked)))

    @property
    def untyped(self) -> Graph:
        """The same without element types of its own: for who has all of it run in one type."""
        if self.typical is None:
            return self
        return replace(self, nodes=tuple([node._replace(types=None) for node in self.nodes]))

    def in_type(self, dtype: str) -> Graph:
        """The same with all floating-point numbers in one type, whatever the module or file has."""
        nodes = [node._replace(types=node.types and node.types.of_floats(dtype)) for node in self.nodes]
        return replace(self, nodes=tuple(nodes))

    def input_shapes(self, node: Node) -> tuple[Shape, ...]:
        """Shapes of the node's inputs, batch 1 first."""
        nodes = self.nodes
        return tuple([nodes[index].shape for index in node.inputs])

    @cached_property
    def sample_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Every node's output shape without its batch, wherever that stands.

        An axis that holds several times the batch keeps how many: 64 windows per image of 49 tokens are
        64x49. What does not depend on the batch is whole.
        """
        if self.batch is not None:
            first = self.batch if self.batch_axis == 0 else None
            return tuple([node.shape[node.shape[:1] == (first,) :] for node in self.nodes])
        if not any(node.op.moves_batch for node in self.nodes):
            return tuple([node.shape[1:] for node in self.nodes])
        return tuple([_without_batch(shape) for shape in self.reshaped((MARK, *self.input_shape))])

    def consumers(self) -> list[list[int]]:
        """For every node the indices of the nodes that read it."""
        readers: list[list[int]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for source in node.reads:
                readers[source].append(node.index)
        return readers

    def storage_of(self, node: Node, training: bool = False) -> Storage:
        """Where a node's output lives, as its operator says, or as the imported module was seen to do."""
        how = node.op.storage(training)
        return Storage.IN_PLACE if how is Storage.NEW and node.index in self.in_place else how

    def undone(self) -> dict[int, int]:
        """Poolings whose indices an unpooling needs, and the last node that needs them."""
        return {node.inputs[1]: node.index for node in self.nodes if node.op.undoes}

    def without_heads(self) -> Graph:
        """The graph of inference: training-only heads left out."""
        if not any(node.head for node in self.nodes):
            return self
        kept: dict[int, int] = {}
        nodes: list[Node] = []
        for node in self.nodes:
            if node.head is None:
                kept[node.index] = len(nodes)
                inputs = tuple(kept[index] for index in node.inputs)
                nodes.append(node._replace(index=len(nodes), inputs=inputs))
        outputs = tuple(kept[index] for index in self.outputs if index in kept)
        chosen = [frozenset(kept[at] for at in some if at in kept) for some in (self.frozen, self.detached)]
        parts = tuple([tuple([kept[at] for at in some]) for some in self.parts if some[0] in kept])
        return replace(
            self, nodes=tuple(nodes), outputs=outputs, frozen=chosen[0], detached=chosen[1], parts=parts
        )

    def reshaped(self, input_shape: Sequence[Any]) -> list[Shape]:
        """Every node's output shape for another input of the same axes, the batch first.

        Sizes may be NumPy integer arrays that broadcast: one pass answers a whole sweep.
        Arguments of operators stay as they were expanded. Raises OperatorError if it cannot be.
        """
        shapes: list[Shape] = [resized(self.nodes[0].shape, input_shape)]
        known: dict[tuple[int, ...], Shape] = {}  # equal operators on the same shapes, by their ids
        for node in self.nodes[1:]:
            inputs = [shapes[index] for index in node.inputs]
            key = (id(node.op), id(type(node.shape)), *map(id, inputs))
            shape = known.get(key)
            if shape is None:  # what the axes are was said when the graph was built
                shape = known[key] = resized(node.shape, node.op.output_shape(*inputs))
            shapes.append(shape)
        return shapes

    @cached_property
    def storages(self) -> tuple[int, ...]:
        """For every node the node whose memory its output lives in (itself: a new tensor).

        A view lives in its input's storage; a weight or constant stands with the graph's input, which
        is alive throughout. So does an in-place operator's output, unless the
        overwritten value is still needed: it is the graph's input (into which only an imported module's own
        arithmetic writes), or another node reads it (or a view of it) later; then a new tensor is made.
        """
        owners: list[int] = []
        last_use = self.last_uses(range(len(self.nodes)))
        needed = list(last_use)  # of every storage: until when a node or a view of it is read
        for node in self.nodes:
            owner = node.index
            how = self.storage_of(node)
            if how is Storage.OUTSIDE:
                owner = 0  # like the input it is alive throughout
            elif how is not Storage.NEW and node.inputs and self._alike(node):
                source = node.inputs[0]
                root = owners[source]
                given = root == 0 and node.index not in self.in_place
                if how is Storage.VIEW or (not given and needed[root] <= node.index):
                    owner = root
                    needed[root] = max(needed[root], last_use[node.index])
            owners.append(owner)
        return tuple(owners)

    def _alike(self, node: Node) -> bool:
        """Whether a node's values have the bits of those that it reads, so that they can share memory."""
        own, read = node.bits, self.nodes[node.inputs[0]].bits
        return own is read or (own and own.activations) == (read and read.activations)

    def last_uses(self, owners: Sequence[int]) -> list[int]:
        """For every storage the index of the last node that reads it; outputs are never freed.

        `owners` maps nodes to storages as `storages` returns them.
        """
        # Nodes come in execution order, so the last to write an entry is the last to use it.
        last = list(range(len(self.nodes)))
        for node in self.nodes:
            index = node.index
            for source in node.reads:
                last[owners[source]] = index
            last[owners[index]] = index
        for output in self.outputs:
            last[owners[output]] = len(self.nodes)
        return last


MARK = 2**61 - 1
"""A batch that no other size is a multiple of: a prime larger than any."""


def _without_batch(shape: Shape) -> tuple[int, ...]:
    """A shape at batch MARK without that: the axis that is exactly the batch is left out."""
    sizes = [size if size % MARK else -(size // MARK) for size in shape]
    if -1 in sizes:
        sizes.remove(-1)
    return tuple(map(abs, sizes))


class ElementSizes(NamedTuple):
    """What the elements of a graph's tensors take: as was asked for, or an import's own.

    Bits that were asked for go before the types of an import, and these before the type of the run.
    """

    usual: int  #: bytes of an element of a tensor that has no type of its own

    def bits(self, node: Node) -> int:
        """Bits of one element of what a node makes."""
        if node.bits and node.bits.activations:
            return node.bits.activations
        return bits_of(node.types.output) if node.types else 8 * self.usual

    def weight_bits(self, node: Node) -> int:
        """Bits of one element of a node's weights."""
        if node.bits and node.bits.weights:
            return node.bits.weights
        return bits_of(node.types.weights) if node.types else 8 * self.usual

    def of(self, node: Node) -> int:
        """Bytes of one element of what a node makes, as a framework has it: a byte at the least."""
        return own_bytes(node.types.output) if node.types else self.usual

    def output(self, node: Node, count: int) -> int:
        """Bytes of `count` values of what a node makes; below a byte several share one."""
        return packed(self.bits(node), count) if node.bits or node.types else count * self.usual

    def weights(self, node: Node, count: int) -> int:
        """Bytes of `count` values of a node's weights and buffers, whatever their role."""
        return packed_bytes(node.types.weights, count) if node.types else count * self.usual

    def stored(self, node: Node, weights: Sequence[Weight], buffers: int) -> int:
        """Bytes of all that is stored for a node: its weights with scales and zero points, its buffers."""
        bits, rest = node.bits, buffers
        total = node.scale_bytes
        for weight in weights:
            if bits and bits.weights and weight.role == "weight":
                total += bits.stored(weight.count, node.op.given("out") or 1)
            elif bits and bits.weights and weight.role == "bias":
                total += BIAS_BYTES * weight.count
            elif node.types and weight.role == "bias":
                total += packed_bytes(node.types.bias or node.types.weights, weight.count)
            else:
                rest += weight.count
        return total + self.weights(node, rest)


def at_batch(graph: Graph, batch: int) -> list[Shape]:
    """Every node's output shape for a batch. Raises UsageError for one that cannot be."""
    batch = whole_number("a batch", batch, most=MOST_IMAGES)
    if graph.batch not in (None, batch) and graph.batch_axis is None:
        raise UsageError(
            f"{graph.name} has no batch: its input is taken whole\n"
            "  leave --batch out, or say where it is: --batch-axis"
        )
    if graph.batch not in (None, batch):
        raise UsageError(
            f"{graph.name} was imported at batch {graph.batch}: what it computes may depend on the batch\n"
            f"  import it at batch {batch}"
        )
    if batch == 1 or graph.batch:
        return [node.shape for node in graph.nodes]
    try:
        return graph.reshaped((batch, *graph.input_shape))
    except OperatorError as error:
        raise UsageError(f"{graph.name} at batch {batch}: {error.message}") from None
