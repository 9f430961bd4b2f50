"""Memory of a training step, to the byte: forward, backward and update, tensor by tensor.

The forward pass keeps what autograd needs (each operator says what: `Operator.autograd`); the
backward pass visits the nodes in reverse order of execution, as PyTorch's engine does, makes
gradients and frees what nobody needs any more. The caller holds input, outputs and the gradients
of the outputs until it ends; the gradients of weights stay until the update is done. Where gradients
meet, their sum is counted as a new tensor for a moment, as in a traced run; without a trace the
engine adds in place where nobody else holds the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnncost.analysis.cost import DTYPES, at_batch
from cnncost.errors import UsageError, did_you_mean
from cnncost.graph import Graph
from cnncost.ops.base import Autograd, Gradient, Moment, Storage
from cnncost.ops.sizes import Shape, elements


class Optimizer(NamedTuple):
    """What an optimizer keeps and needs, in tensors of the size of a weight."""

    state: int  #: kept between steps, for every weight
    temporary: int  #: alive for a moment while one weight is updated


OPTIMIZERS = {
    "sgd": Optimizer(0, 0),
    "momentum": Optimizer(1, 0),  # the momentum buffer
    "adam": Optimizer(2, 2),  # the two moments; the root of the second, and its quotient
}
"""As torch.optim updates one weight after the other; on CUDA its default updates all weights
together, and Adam's temporaries are then of the size of all weights (`together`)."""


class TrainingMemory(NamedTuple):
    """Bytes of a training step.

    At the peak some gradients are not made yet and some of what was saved is freed already:
    peak = weights + optimizer_state + gradients_at_peak + saved_at_peak + transient.
    """

    weights: int  #: parameters and buffers
    gradients: int  #: of all trained weights
    optimizer_state: int
    saved: int  #: kept for the backward pass at the end of the forward pass, each storage once, weights not
    peak: int
    phase: str  #: where the peak falls: forward, backward or update
    node: str  #: the node that runs then, "" in the update
    gradients_at_peak: int
    saved_at_peak: int
    transient: int  #: what else is alive at the peak: input, outputs, gradients of activations


def training_memory(
    graph: Graph,
    *,
    batch: int = 1,
    dtype: str = "float32",
    optimizer: str = "sgd",
    together: bool = False,
    round_to: int = 1,
) -> TrainingMemory:
    """Memory of a training step in steady state (the optimizer has its state already).

    `round_to` rounds every tensor up to whole blocks (CUDA's allocator: 512 bytes); `together`
    updates all weights at once, as torch.optim does on CUDA. Raises UsageError.
    """
    if optimizer not in OPTIMIZERS:
        cure = did_you_mean(optimizer, OPTIMIZERS)
        raise UsageError(
            f"unknown optimizer {optimizer!r}"
            + (f": {cure}" if cure else "")
            + f"\n  known: {', '.join(OPTIMIZERS)}"
        )
    rules = OPTIMIZERS[optimizer]
    step = TrainingStep(graph, at_batch(graph, batch), DTYPES[dtype], round_to)
    step.run()
    weights = [size for sizes in step.weights for size, _ in sizes]
    trained = [size for sizes in step.weights for size, frozen in sizes if not frozen]
    buffers = [step.rounded(size) for size in step.buffers]
    update = max(trained, default=0) if not together else sum(trained)
    fixed = sum(weights) + sum(buffers) + rules.state * sum(trained)
    gradients = sum(trained)
    top = step.top
    after = step.held + gradients + rules.temporary * update
    if after > top.alive:
        top = Top(after, "update", "", gradients, 0)
    return TrainingMemory(
        weights=sum(weights) + sum(buffers),
        gradients=gradients,
        optimizer_state=rules.state * gradients,
        saved=step.saved,
        peak=fixed + top.alive,
        phase=top.phase,
        node=top.node,
        gradients_at_peak=top.gradients,
        saved_at_peak=top.saved,
        transient=top.alive - top.gradients - top.saved,
    )


class Instant(NamedTuple):
    """The most that is alive while a node runs: activations, gradients, temporaries; no weights."""

    phase: str  #: forward or backward
    node: str  #: "" while the caller makes the gradients of the outputs
    alive: int


def training_timeline(graph: Graph, *, batch: int = 1, dtype: str = "float32") -> list[Instant]:
    """Forward and backward pass in order of execution, weights and optimizer state left out."""
    step = _Watched(graph, at_batch(graph, batch), DTYPES[dtype])
    step.run()
    return [Instant(*at, alive) for at, alive in step.most.items()]


def training_storages(graph: Graph, rules: Sequence[Autograd] | None = None) -> list[int]:
    """As `Graph.storages`, in training: a value that autograd keeps may not be overwritten.

    Neither may a view be (autograd would copy its base). Dropout makes a new tensor.
    """
    owners: list[int] = []
    last_use = graph.last_uses(range(len(graph.nodes)))
    aliases: dict[int, list[int]] = {}
    kept: set[int] = set()
    views: set[int] = set()
    for node in graph.nodes:
        owner = node.index
        how = node.op.storage(training=True)
        if how is not Storage.NEW and node.inputs:
            source = node.inputs[0]
            root = owners[source]
            needed = max(last_use[alias] for alias in aliases[root])
            safe = root != 0 and needed <= node.index and root not in kept and source not in views
            if how is Storage.VIEW or safe:
                owner = root
                if how is Storage.VIEW or source in views:
                    views.add(node.index)
        owners.append(owner)
        aliases.setdefault(owner, []).append(node.index)
        if node.inputs:
            rule = node.op.autograd(node.shape, *graph.input_shapes(node), in_place=owner != node.index)
            kept.update(owners[node.reads[position]] for position in rule.inputs)
            if rule.output:
                kept.add(owner)
    return owners


class Tensor:
    """A storage, how many hold it, and how many of them for the backward pass."""

    __slots__ = ("holders", "kept", "size")

    def __init__(self, size: int):
        self.size = size
        self.holders = 1
        self.kept = 0


class Top(NamedTuple):
    """The moment of the peak."""

    alive: int
    phase: str
    node: str
    gradients: int  #: of weights
    saved: int  #: for the backward pass


class TrainingStep:
    """Forward and backward of one graph, weights and optimizer state left out."""

    def __init__(self, graph: Graph, shapes: list[Shape], element_bytes: int, round_to: int = 1):
        self.graph = graph
        self.shapes = shapes
        self.element_bytes = element_bytes
        self.round_to = round_to
        self.owners = training_storages(graph)
        self.alive = self.saved_alive = self.gradients = 0
        self.at = ("forward", "")
        self.top = Top(0, *self.at, 0, 0)
        self.saved = 0  #: at the end of the forward pass
        #: for every node (bytes, frozen) of its weights, and bytes of its buffers
        self.weights: list[list[tuple[int, bool]]] = [[] for _ in graph.nodes]
        self.buffers: list[int] = []
        self.trains = [False] * len(graph.nodes)
        self.rules: list[Autograd] = [Autograd()]
        for node in graph.nodes[1:]:
            inputs = [shapes[index] for index in node.inputs]
            in_place = self.owners[node.index] != node.index
            self.rules.append(
                node.op.autograd(shapes[node.index], *inputs, element_bytes=element_bytes, in_place=in_place)
            )
            self.weights[node.index] = [
                (self.rounded(weight.count * element_bytes), weight.frozen)
                for weight in node.op.weights(*inputs)
            ]
            self.buffers.append(node.op.buffers(*inputs) * element_bytes)
            self.trains[node.index] = any(not frozen for _, frozen in self.weights[node.index]) or any(
                self.trains[source] for source in node.reads
            )

    def rounded(self, size: int) -> int:
        """Bytes in whole blocks."""
        return -(-size // self.round_to) * self.round_to

    def size_of(self, index: int) -> int:
        """Bytes of a node's output."""
        return self.rounded(elements(self.shapes[index]) * self.element_bytes)

    def make(self, size: int) -> Tensor:
        """A new tensor, held once."""
        self.alive += size
        return Tensor(size)

    def release(self, tensor: Tensor) -> None:
        """One holder less; without holders it is freed."""
        tensor.holders -= 1
        if not tensor.holders:
            self.alive -= tensor.size

    def look(self, beside: int = 0) -> None:
        """Note the peak, `beside` more bytes being alive."""
        if self.alive + beside > self.top.alive:
            self.top = Top(self.alive + beside, *self.at, self.gradients, self.saved_alive)

    def run(self) -> None:
        """Forward and backward; `top` is the peak afterwards."""
        graph = self.graph
        storages: dict[int, Tensor] = {0: self.make(self.size_of(0))}
        self.held = self.alive
        kept: list[list[Tensor]] = [[] for _ in graph.nodes]
        self.forward(storages, kept)
        grads: dict[int, Tensor] = {}
        self.at = ("backward", "")
        for index in graph.outputs:
            if self.trains[index]:
                gradient = self.make(self.size_of(index))
                gradient.holders += 1  # the caller's
                self.look()
                self.arrive(grads, index, gradient)
        for node in reversed(graph.nodes):
            if node.index in grads:
                self.at = ("backward", node.name)
                self.backward(node.index, grads, kept[node.index])

    def forward(self, storages: dict[int, Tensor], kept: list[list[Tensor]]) -> None:
        """Run the nodes; what autograd keeps goes to `kept`, once per node."""
        graph, owners = self.graph, self.owners
        expiring: dict[int, list[int]] = {}
        for owner, when in enumerate(graph.last_uses(owners)):
            if owners[owner] == owner and owner:
                expiring.setdefault(when, []).append(owner)
        for node in graph.nodes[1:]:
            index, rule = node.index, self.rules[node.index]
            self.at = ("forward", node.name)
            if owners[index] == index:
                storages[index] = self.make(self.size_of(index))
            extras = [self.rounded(size) for size in rule.extra]
            self.look(sum(extras) + rule.forward)
            if self.trains[index]:
                held = [owners[node.reads[position]] for position in rule.inputs]
                if rule.output:
                    held.append(owners[index])
                for owner in dict.fromkeys(held):
                    self.keep(storages[owner])
                    kept[index].append(storages[owner])
                self.alive += sum(extras)
                self.saved_alive += sum(extras)
            for owner in expiring.get(index, ()):
                self.release(storages[owner])
        self.saved = self.saved_alive

    def backward(self, index: int, grads: dict[int, Tensor], kept: list[Tensor]) -> None:
        """Run one node backwards: gradients of its weights and inputs, and what they free."""
        node, rule = self.graph.nodes[index], self.rules[index]
        gradient = grads.pop(index)
        wanted = [source for source in node.reads if self.trains[source]]
        own = sum([size for size, frozen in self.weights[index] if not frozen])
        extra = sum([self.rounded(size) for size in rule.extra])
        made: list[int] = []
        if rule.gradient is Gradient.NEW:
            made = [self.size_of(source) for source in wanted]
        elif rule.gradient is Gradient.ONE:
            made = [self.size_of(index)]
        moments = rule.moments if wanted else ()
        self.alive -= extra  # from here on part of the moments
        self.saved_alive -= extra
        for moment in moments or (Moment(extra + own + sum(made) + (rule.backward if wanted else 0)),):
            if not moment.kept:
                self.free(kept)
            if not moment.gradient and gradient.holders:
                self.release(gradient)
            self.look(moment.bytes)
        self.free(kept)
        self.alive += own
        self.gradients += own
        if rule.gradient is Gradient.SAME:
            arriving = [gradient] * len(wanted)
            gradient.holders += len(wanted)
        elif rule.gradient is Gradient.ONE:
            arriving = [self.make(made[0])] * len(wanted)
            arriving[0].holders = len(wanted)
        else:
            arriving = [self.make(size) for size in made]
        if not any(not moment.gradient for moment in moments):
            self.release(gradient)
        for source, tensor in zip(wanted, arriving, strict=True):
            self.arrive(grads, source, tensor)

    def free(self, kept: list[Tensor]) -> None:
        """Release all that a node keeps."""
        for tensor in kept:
            tensor.kept -= 1
            if not tensor.kept:
                self.saved_alive -= tensor.size
            self.release(tensor)
        kept.clear()

    def keep(self, tensor: Tensor) -> None:
        """Hold a tensor for the backward pass."""
        if not tensor.kept:
            self.saved_alive += tensor.size
        tensor.kept += 1
        tensor.holders += 1

    def arrive(self, grads: dict[int, Tensor], index: int, gradient: Tensor) -> None:
        """A gradient reaches a node: the first is kept, the next is added to it in a new tensor."""
        if index not in grads:
            grads[index] = gradient
            return
        total = self.make(self.size_of(index))
        self.look()
        self.release(grads[index])
        self.release(gradient)
        grads[index] = total


class _Watched(TrainingStep):
    """A step that remembers the most alive at every node."""

    def __init__(self, graph: Graph, shapes: list[Shape], element_bytes: int):
        self.most: dict[tuple[str, str], int] = {}
        super().__init__(graph, shapes, element_bytes)

    def look(self, beside: int = 0) -> None:
        super().look(beside)
        self.most[self.at] = max(self.most.get(self.at, 0), self.alive + beside)
