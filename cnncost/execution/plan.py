"""The plan of a run: the kernels of a graph in order, and the storages that they read and write.

A node of the graph is one kernel, but for copies and composites (see lowering.py).

`peak_bytes`, `timeline`, the training step and everything that asks what runs read a plan. Kernels with their
arithmetic and traffic are made when they are asked for: a table needs only the peak.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from cnncost.bits import spoken
from cnncost.dtypes import element_bytes, own_bytes
from cnncost.errors import UsageError
from cnncost.execution.autocast import Autocast
from cnncost.execution.call import Call
from cnncost.execution.eager import rule_of
from cnncost.execution.kinds import Matrices, kind_of, matrices, moved_bytes
from cnncost.execution.lowering import Lowering
from cnncost.execution.storages import overwritten_views, training_storages
from cnncost.execution.strides import Strides, contiguous
from cnncost.graph import ElementSizes, Graph, Node, Running, at_batch
from cnncost.ops.base import Operator
from cnncost.ops.sizes import Shape, elements


class Buffer(NamedTuple):
    """A tensor: whose storage it lives in, and how."""

    storage: int  #: the kernel that made the storage; 0: it was there before, as input or weights
    shape: Shape  #: batch first
    strides: Strides
    bytes: int


class Kernel(NamedTuple):
    """One call of the framework. A view or a weight is one that launches nothing (`kind` view)."""

    nodes: tuple[int, ...]  #: the nodes of the graph whose work it does; several where a runtime fuses them
    name: str  #: of the node
    kind: str  #: its class, one of `kinds.KINDS`
    call: Call[Operator]
    reads: tuple[Buffer, ...]
    writes: Buffer
    temporary: int  #: bytes of workspace: what is allocated beside the output while it runs
    saved: tuple[Buffer, ...]  #: in training: inputs and output that are kept for the backward pass
    extra: int  #: in training: bytes of other saved tensors: masks, indices, statistics
    flops: int  #: of the whole batch
    bytes_read: int  #: inputs and weights, each once
    bytes_written: int  #: the output, once
    matrices: Matrices | None  #: of a product

    @property
    def fused(self) -> bool:
        """Whether it does the work of several nodes. Eager PyTorch never does."""
        return len(self.nodes) > 1


@dataclass(frozen=True)
class Plan:
    """How eager PyTorch runs a graph."""

    source: Graph  #: what is run
    source_shapes: list[Shape]  #: of its nodes, with the batch
    graph: Graph  #: a node per kernel
    shapes: list[Shape]  #: of the kernels' outputs
    strides: list[Strides] | None  #: of the kernels' outputs; None: nothing depends on them
    places: Sequence[int]  #: for every node of the source the kernel that gives its value
    owners: list[int]  #: for every kernel the one whose storage its output lives in
    #: for every storage the last kernel that reads it; their number, if it is an output's
    last_reads: list[int]
    last: list[int]  #: the same, or the last one while an imported module's own code refers to it
    beside: dict[int, int]  #: for kernels bytes of constants that an imported module's code has made
    doubted: list[str]  #: names of operators whose memory is an estimate
    element_sizes: ElementSizes
    training: bool
    device: str  #: cuda or cpu, where kernels differ
    types: Sequence[str] | None = None  #: under autocast: element types of the kernels' outputs
    casts_weights: Collection[int] = ()  #: kernels whose own weights autocast casts
    cached: Collection[int] = ()  #: kernels that cast a learned tensor, which the context keeps

    @cached_property
    def overwrites(self) -> frozenset[int]:
        """The kernels that overwrite a view in training, and whose backward pass copies gradients for it."""
        if not self.training or self.source.origin is None:
            return frozenset()
        found = overwritten_views(self.source, training_storages(self.source))
        return frozenset([self.places[node] for node in found])

    @property
    def estimated(self) -> tuple[str, ...]:
        """Names of the operators whose memory is an estimate, each once; none: it is to the byte.

        Tensors of other widths than PyTorch has are packed here, and no kernel's temporaries are known.
        """
        if self.source.quantised:
            return (f"tensors of {spoken(self.source.widths)} bits",)
        return tuple(dict.fromkeys([*self.doubted, *(self.doubted_in_training if self.training else ())]))

    @cached_property
    def doubted_in_training(self) -> list[str]:
        """Names of operators whose memory in a training step is an estimate."""
        partly = [
            kernel
            for kernel in self.overwrites
            if elements(self.shapes[kernel]) != elements(self.shapes[self.owners[kernel]])
        ]
        unsure = [
            node.index
            for node in self.graph.nodes[1:]
            if rule_of(node.op).may_estimate and rule_of(node.op).estimated_in_training(self.call(node.index))
        ]
        # Of a product of three and more no rule says when its gradients meet others.
        reads = Counter(source for node in self.graph.nodes for source in node.reads)
        meeting = [
            node.index
            for node in self.graph.nodes
            if node.op.name == "mul" and len(node.inputs) > 2 and max(reads[at] for at in node.reads) > 1
        ]
        return [self.graph.nodes[kernel].op.name for kernel in sorted({*partly, *unsure, *meeting})]

    @property
    def element_bytes(self) -> int:
        """Bytes of an element of what has no element type of its own; of an import, of most tensors."""
        return self.element_sizes.usual

    @cached_property
    def kernel_bytes(self) -> list[int] | None:
        """Bytes of an element of what every kernel makes; None: all have the same."""
        if self.types is not None:
            return list(map(own_bytes, self.types))
        if not any(node.types for node in self.source.nodes):
            return None
        return [self.element_sizes.of(self.source.nodes[at]) for at in self.belongs]

    @cached_property
    def belongs(self) -> list[int]:
        """For every kernel the node of the graph whose work it does."""
        counts = zip([-1, *self.places], self.places, strict=False)
        return [node for node, (before, last) in enumerate(counts) for _ in range(last - before)]

    def kernels_of(self, nodes: Collection[int]) -> set[int]:
        """The kernels that do the work of some nodes of the graph."""
        return {
            kernel for node in nodes for kernel in range(self.places[node - 1] + 1, self.places[node] + 1)
        }

    def bytes_at(self, index: int) -> int:
        """Bytes of an element of what a kernel makes."""
        return self.element_bytes if self.kernel_bytes is None else self.kernel_bytes[index]

    def weight_bytes(self, index: int, count: int) -> int:
        """Bytes of `count` values of a kernel's weights."""
        return self.element_sizes.weights(self.source.nodes[self.belongs[index]], count)

    def traffic(self, nodes: Sequence[Node], weights: int) -> int:
        """Bytes that some nodes of the graph, one after the other, move at the least.

        What comes from outside is read once, as are their `weights` (bytes), and the last output
        is written once; what lies between them stays on the chip.
        """
        if len(nodes) == 1:
            sources = set(nodes[0].reads)
        else:
            sources = {index for node in nodes for index in node.reads}
            sources.difference_update([node.index for node in nodes])
        sizes = self._sizes
        return sum([sizes[index] for index in sources]) + sizes[nodes[-1].index] + weights

    @cached_property
    def _sizes(self) -> list[int]:
        """Bytes of the outputs of the graph's nodes; those of one shape are counted once."""
        known: dict[int, int] = {}
        for shape in self.source_shapes:
            if id(shape) not in known:
                known[id(shape)] = elements(shape)
        size = self.element_sizes.output
        pairs = zip(self.source_shapes, self.source.nodes, strict=True)
        return [size(node, known[id(shape)]) for shape, node in pairs]

    def call(self, index: int) -> Call[Operator]:
        """A kernel's operator on its inputs."""
        node = self.graph.nodes[index]
        inputs = tuple([self.shapes[source] for source in node.inputs])
        strides = () if self.strides is None else [self.strides[source] for source in node.inputs]
        in_place = self.owners[index] != index
        size = self.bytes_at(index)
        own, read = size, size
        if self.types is not None:
            own = size if index in self.casts_weights else self.element_bytes
            read = self.bytes_at(node.inputs[0]) if node.inputs else size
        return Call(
            node.op, inputs, self.shapes[index], size, strides, in_place, self.device, own, read,
            frozen=self.frozen(index, inputs) if self.training else (),
        )  # fmt: skip

    def frozen(self, index: int, inputs: Sequence[Shape]) -> frozenset[str]:
        """The roles of a kernel's weights for which a training step makes no gradient."""
        still, weights = index in self.still, self.graph.nodes[index].op.weights(*inputs)
        return frozenset([weight.role for weight in weights if still or weight.frozen or not weight.read])

    @cached_property
    def still(self) -> set[int]:
        """The kernels whose weights are frozen, or whose output autograd does not see."""
        return self.kernels_of(self.source.frozen | self.source.detached)

    @cached_property
    def kernels(self) -> tuple[Kernel, ...]:
        """Every kernel in order, the input left out."""
        return tuple([self.kernel(node, self.belongs[node.index]) for node in self.graph.nodes[1:]])

    def kernel(self, node: Node, source: int) -> Kernel:
        """One kernel; `source` is the node of the graph whose work it does."""
        call, rule = self.call(node.index), rule_of(node.op)
        kind = kind_of(call, stem=0 in node.reads, training=self.training)
        own, buffers = node.op.weights(*call.inputs), node.op.buffers(*call.inputs)
        weights = self.element_sizes.stored(self.source.nodes[source], own, buffers)
        read, written = moved_bytes(call, weights) if kind != "view" else (0, 0)
        saved: tuple[Buffer, ...] = ()
        extra = 0
        if self.training:
            autograd = rule.autograd(call)
            positions = [node.reads[place] for place in autograd.inputs] + [node.index] * autograd.output
            saved, extra = tuple(map(self.buffer, positions)), sum(autograd.extra)
        return Kernel(
            nodes=(source,),
            name=node.name,
            kind=kind,
            call=call,
            reads=tuple(map(self.buffer, node.reads)),
            writes=self.buffer(node.index),
            temporary=rule.temporary(call),
            saved=saved,
            extra=extra,
            flops=node.op.flops(call.output, *call.inputs),
            bytes_read=read,
            bytes_written=written,
            matrices=matrices(call),
        )

    def buffer(self, index: int) -> Buffer:
        """The output of a kernel."""
        shape = self.shapes[index]
        strides = contiguous(shape) if self.strides is None else self.strides[index]
        return Buffer(self.owners[index], shape, strides, elements(shape) * self.bytes_at(index))


def plan(
    graph: Graph,
    *,
    batch: int = 1,
    dtype: str = "float32",
    training: bool = False,
    device: str = "cuda",
    autocast: Autocast | None = None,
    packed: bool = False,
) -> Plan:
    """How eager PyTorch runs a graph, all its nodes: in inference, or the forward pass of a training step.

    Training heads are run where the graph has them (`Graph.without_heads`). Raises UsageError for a batch
    or a dtype that cannot be. Under `autocast` the forward pass runs in a context of torch.autocast.

    A value of an imported module lives as long as the module's own code refers to it, of any other graph
    until its last reader has run (liveness).

    Tensors of bits that somebody asked for are none of PyTorch's: UsageError, unless they are `packed`, for
    those who ask for weights, outputs and the peak, and for no kernel.
    """
    if graph.quantised and not packed:
        raise unknown_to_eager(graph)
    seen = graph.running
    shapes = at_batch(graph, batch)
    own = graph.facts.get("autocast")
    aside = ["autocast"] if own == "on" or (own and autocast) else []  # what the module's code itself says
    if training:
        aside += graph.facts.get("doubts", ())
    size = ElementSizes(own_bytes(graph.typical) if graph.typical else element_bytes(dtype))
    storages = training_storages(graph) if training else graph.storages
    rules = [rule_of(node.op) for node in graph.nodes]
    if autocast is None and not any(rule.needs_strides for rule in rules):
        owners = list(storages)
        doubted = [
            node.op.name
            for node, rule in zip(graph.nodes, rules, strict=True)
            if rule.may_estimate and rule.estimated(Call(node.op, graph.input_shapes(node), node.shape))
        ]
        kernels, reads = range(len(owners)), graph.last_uses(owners)
        last, beside = extended(reads, owners, kernels, seen, batch)
        return Plan(
            graph,
            shapes,
            graph,
            shapes,
            None,
            kernels,
            owners,
            reads,
            last,
            beside,
            doubted + aside,
            size,
            training,
            device,
        )
    work = Lowering(graph, shapes[0], autocast, storages)
    owners = work.owners()
    reads = work.graph.last_uses(owners)
    for index, reader in work.referenced.items():
        reads[owners[index]] = max(reads[owners[index]], reader)
    last, beside = extended(reads, owners, work.places, seen, batch)
    return Plan(
        graph, shapes, work.graph, work.shapes, work.strides, work.places, owners, reads, last, beside,
        work.doubted + aside, size, training, device, work.types if autocast else None, work.casts_weights,
        frozenset(work.cached.values()),
    )  # fmt: skip


def unknown_to_eager(graph: Graph) -> UsageError:
    """The error of who would run a quantised network in eager PyTorch, which has no such tensors."""
    return UsageError(
        f"{graph.name} has tensors of {spoken(graph.widths)} bits: what PyTorch does with them is not known"
        "\n  table, memory, compare, explain, check and memory --runtime tflm count them; or drop their bits"
    )


def extended(
    reads: list[int], owners: Sequence[int], places: Sequence[int], running: Running | None, batch: int
) -> tuple[list[int], dict[int, int]]:
    """`reads`, the storages of nodes at `places` living as long as code refers to them; constants beside."""
    if running is None:
        return reads, {}
    last = list(reads)
    for node, until in running.references.items():
        owner = owners[places[node]]
        last[owner] = max(last[owner], places[until])
    return last, {places[node]: fixed + each * batch for node, (fixed, each) in running.constants.items()}
