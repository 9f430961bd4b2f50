"""Memory of a training step, to the byte: forward, backward and update, tensor by tensor.

The forward pass keeps what autograd needs (each operator says what: `Operator.autograd`); the
backward pass visits the nodes in reverse order of execution, as PyTorch's engine does, makes
gradients and frees what nobody needs any more. The caller holds input, outputs and the gradients
of the outputs until it ends; the gradients of weights stay until the update is done. Where gradients
meet, their sum is counted as a new tensor for a moment, as in a traced run; without a trace the
engine adds in place where nobody else holds the first.
"""

from __future__ import annotations

from typing import NamedTuple

from cnncost.analysis.cost import at_batch, element_bytes
from cnncost.analysis.layout import arranged
from cnncost.analysis.memory import in_blocks
from cnncost.errors import known_word
from cnncost.graph import Graph, Node
from cnncost.ops.base import Autograd, Gradient, Moment, Storage
from cnncost.ops.layout import Strides, in_a_row, is_row
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
    gradients: int  #: of all trained weights; one that is a view of another tensor keeps all of that alive
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
    rules = OPTIMIZERS[known_word("unknown optimizer", optimizer, OPTIMIZERS)]
    step = TrainingStep(graph, at_batch(graph, batch), element_bytes(dtype), round_to)
    step.run()
    weights = [size for sizes in step.weights for size, _ in sizes]
    trained = [size for sizes in step.weights for size, frozen in sizes if not frozen]
    buffers = [step.rounded(size) for size in step.buffers]
    update = max(trained, default=0) if not together else sum(trained)
    fixed = sum(weights) + sum(buffers) + rules.state * sum(trained)
    gradients = sum(trained) + step.surplus
    top = step.top
    after = step.held + gradients + rules.temporary * update
    if after > top.alive:
        top = Top(after, "update", "", gradients, 0)
    return TrainingMemory(
        weights=sum(weights) + sum(buffers),
        gradients=gradients,
        optimizer_state=rules.state * sum(trained),
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
    step = _Watched(graph, at_batch(graph, batch), element_bytes(dtype))
    step.run()
    return [Instant(*at, alive) for at, alive in step.most.items()]


def training_storages(graph: Graph) -> list[int]:
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
        if how is Storage.OUTSIDE:
            owner = 0
        elif how is not Storage.NEW and node.inputs:
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
        self.plan = arranged(graph, shapes)
        owners = self.plan.owners(training_storages(graph))
        self.graph = graph = self.plan.graph
        self.shapes = shapes = self.plan.shapes
        self.lies: dict[int, Strides] = {}  #: how the gradients that arrived lie in memory
        self.element_bytes = element_bytes
        self.round_to = round_to
        self.owners = owners
        self.alive = self.saved_alive = self.gradients = 0
        self.at = ("forward", "")
        self.top = Top(0, *self.at, 0, 0)
        self.saved = 0  #: at the end of the forward pass
        #: for every node (bytes, frozen) of its weights, and bytes of its buffers
        self.weights: list[list[tuple[int, bool]]] = [[] for _ in graph.nodes]
        self.buffers: list[int] = []
        self.trains = [False] * len(graph.nodes)
        #: nodes whose value is a weight or a constant, or a view of one: what is kept of them is alive anyway
        self.outside = [False] * len(graph.nodes)
        #: nodes whose gradient, that very tensor, somebody else holds too
        self.shared: set[int] = set()
        self.surplus = 0  #: bytes that gradients of weights keep alive beside their own
        self.rules: list[Autograd] = [Autograd()]
        for node in graph.nodes[1:]:
            inputs = [shapes[index] for index in node.inputs]
            in_place = self.owners[node.index] != node.index
            self.outside[node.index] = node.op.storage(training=True) is Storage.OUTSIDE or (
                in_place and self.outside[node.inputs[0]]
            )
            self.rules.append(
                node.op.autograd(shapes[node.index], *inputs, element_bytes=element_bytes, in_place=in_place)
            )
            self.weights[node.index] = [
                (self.rounded(weight.count * element_bytes), weight.frozen)
                for weight in node.op.weights(*inputs)
            ]
            self.buffers.append(node.op.buffers(*inputs) * element_bytes)
            learns = any(not frozen for _, frozen in self.weights[node.index])
            self.trains[node.index] = learns or bool(self.wanted(node))

    def wanted(self, node: Node) -> list[int]:
        """Positions of the inputs whose gradients are made."""
        rule = self.rules[node.index]
        return [
            position
            for position, source in enumerate(node.reads)
            if self.trains[source] and rule.gradient_of(position) is not Gradient.NONE
        ]

    def rounded(self, size: int) -> int:
        """Bytes in whole blocks."""
        return in_blocks(size, self.round_to)

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
        kept: list[dict[int, Tensor]] = [{} for _ in graph.nodes]
        self.forward(storages, kept)
        grads: dict[int, Tensor] = {}
        self.at = ("backward", "")
        for index in graph.outputs:
            if self.trains[index]:
                gradient = self.make(self.size_of(index))
                gradient.holders += 1  # the caller's
                self.look()
                self.lies[index] = in_a_row(self.shapes[index])
                self.arrive(grads, index, gradient, shared=True)
        for node in reversed(graph.nodes):
            if node.index in grads:
                self.at = ("backward", node.name)
                self.backward(node.index, grads, kept[node.index])

    def forward(self, storages: dict[int, Tensor], kept: list[dict[int, Tensor]]) -> None:
        """Run the nodes; what autograd keeps goes to `kept`, by position, the output as -1."""
        graph, owners = self.graph, self.owners
        expiring: dict[int, list[int]] = {}
        for owner, when in enumerate(self.plan.last_uses(owners)):
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
                held = {position: node.reads[position] for position in rule.inputs}
                for position, user in rule.only_for:
                    if not self.trains[node.reads[user]]:
                        del held[position]
                if rule.output:
                    held[-1] = index
                for position, value in held.items():
                    if not self.outside[value]:
                        tensor = kept[index][position] = storages[owners[value]]
                        self.keep(tensor)
                self.alive += sum(extras)
                self.saved_alive += sum(extras)
            for owner in expiring.get(index, ()):
                self.release(storages[owner])
        self.saved = self.saved_alive

    def backward(self, index: int, grads: dict[int, Tensor], kept: dict[int, Tensor]) -> None:
        """Run one node backwards: gradients of its weights and inputs, and what they free."""
        node, rule = self.graph.nodes[index], self.rules[index]
        gradient, shared, lies = grads.pop(index), index in self.shared, self.lies.pop(index)
        wanted = self.wanted(node)
        read = [self.shapes[source] for source in node.inputs]
        if self.plan.strides is not None and node.op.gradient_rearranged(lies, self.shapes[index], *read):
            copy = self.make(self.size_of(index))
            self.look()
            self.release(gradient)
            gradient, shared, lies = copy, False, in_a_row(self.shapes[index])
        own = sum([size for size, frozen in self.weights[index] if not frozen])
        if rule.taken and not shared and is_row(self.shapes[index], lies):
            # It becomes the weight's gradient as it is.
            self.gradients += own
            self.surplus += gradient.size - own
            return
        extra = sum([self.rounded(size) for size in rule.extra])
        self.alive -= extra  # from here on part of the moments
        self.saved_alive -= extra
        needed = True
        for moment in (wanted and rule.moments) or self.moments(node, wanted, extra + own):
            for position in moment.freed:
                self.free(kept, position)
            if needed and not moment.gradient:
                self.release(gradient)
                needed = False
            self.look(moment.bytes)
        hows = [self.gradient_of(node, place, lies) for place in wanted]
        for position in list(kept):
            self.free(kept, position)
        self.alive += own
        self.gradients += own
        one = self.make(self.size_of(index)) if Gradient.ONE in hows else gradient
        one.holders += len(hows) - hows.count(Gradient.NEW) - (one is not gradient)
        arriving = [
            self.make(self.size_of(node.reads[place])) if how is Gradient.NEW else one
            for place, how in zip(wanted, hows, strict=True)
        ]
        if needed:
            self.release(gradient)
        if self.plan.strides is not None and own:
            again = node.op.realigned(self.plan.strides[node.inputs[0]], *read)
            self.look(self.rounded(again * self.element_bytes))
        shared = shared or hows.count(Gradient.SAME) > 1
        for place, how, tensor in zip(wanted, hows, arriving, strict=True):
            self.arrive(grads, node.reads[place], tensor, shared and how is Gradient.SAME)

    def moments(self, node: Node, wanted: list[int], beside: int) -> list[Moment]:
        """The backward pass of an operator of one step: gradients of the last input first, then sums."""
        rule, whole = self.rules[node.index], self.size_of(node.index)
        alive = beside + (rule.backward if wanted else 0)
        if wanted and rule.gradient is Gradient.ONE:
            alive += whole
        moments = [Moment(alive)]
        for place in reversed(wanted):
            if rule.gradient_of(place) is Gradient.NEW:
                alive += whole if rule.repeats else self.size_of(node.reads[place])
                moments.append(Moment(alive + (rule.inner[place] if rule.inner else 0)))
        for place in wanted:
            if self.summed(node, place):
                alive += self.size_of(node.reads[place])
                moments.append(Moment(alive))
                if rule.gradient_of(place) is Gradient.NEW:
                    alive -= whole
        return moments

    def gradient_of(self, node: Node, place: int, lies: Strides) -> Gradient:
        """Where the gradient of an input lives, the output's lying so; how it lies itself goes to `lies`."""
        source, how = node.reads[place], self.rules[node.index].gradient_of(place)
        shape = self.shapes[source]
        found: Strides | None = in_a_row(shape)
        if self.summed(node, place):
            how = Gradient.NEW
        elif self.plan.strides is not None:
            found = node.op.gradient_lies(place, self.shapes[node.index], shape, lies)
            if found is None:  # a view that needs a copy
                how = Gradient.NEW
                self.look(self.size_of(source))
        self.lies.setdefault(source, found or in_a_row(shape))  # a sum lies as what came first
        return how

    def summed(self, node: Node, place: int) -> bool:
        """Whether the gradient of an input is summed, since the input is repeated."""
        repeats = self.rules[node.index].repeats
        return repeats and self.size_of(node.reads[place]) < self.size_of(node.index)

    def free(self, kept: dict[int, Tensor], position: int) -> None:
        """Release what a node keeps of an input, if it does."""
        if position in kept:
            tensor = kept.pop(position)
            tensor.kept -= 1
            if not tensor.kept:
                self.saved_alive -= tensor.size
            self.release(tensor)

    def keep(self, tensor: Tensor) -> None:
        """Hold a tensor for the backward pass."""
        if not tensor.kept:
            self.saved_alive += tensor.size
        tensor.kept += 1
        tensor.holders += 1

    def arrive(self, grads: dict[int, Tensor], index: int, gradient: Tensor, shared: bool = False) -> None:
        """A gradient reaches a node: the first is kept, the next is added to it in a new tensor."""
        if index not in grads:
            grads[index] = gradient
            if shared:
                self.shared.add(index)
            return
        self.shared.discard(index)
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
