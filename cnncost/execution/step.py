"""A training step, simulated tensor by tensor: what is made when, what refers to it, when it is freed.

The forward pass saves what autograd needs (each operator's rule says what: `Rule.autograd`); the
backward pass visits the nodes in reverse order of execution, as PyTorch's engine does, makes
gradients and frees what no reference keeps. The caller keeps input, outputs and the gradients
of the outputs until it ends; the gradients of weights stay until the update is done. Where gradients
meet, their sum is counted as a new tensor for a moment, as in a traced run; without a trace the
engine adds in place where there is no other reference to the first.
"""

from __future__ import annotations

from cnncost.execution.call import Autograd, BackwardStep, Call, Gradient
from cnncost.execution.eager import rule_of
from cnncost.execution.ledger import Ledger, Referenced
from cnncost.execution.memory import in_blocks
from cnncost.execution.plan import Plan
from cnncost.execution.strides import Strides, contiguous, is_contiguous
from cnncost.graph import Node
from cnncost.ops.base import Operator, Storage
from cnncost.ops.sizes import elements


class TrainingStep:
    """Forward and backward of one graph, weights and optimizer state left out."""

    def __init__(self, plan: Plan, round_to: int = 1):
        self.plan = plan
        self.graph, self.shapes, self.owners = graph, shapes, _ = plan.graph, plan.shapes, plan.owners
        element_bytes = plan.element_bytes
        self.strides: dict[int, Strides] = {}  #: of the gradients that arrived
        self.round_to = round_to
        self.ledger = Ledger()
        self.input_bytes = 0  #: bytes of the input
        self.saved = 0  #: bytes saved for the backward pass at the end of the forward pass
        #: for every node (bytes, frozen) of its weights, and bytes of its buffers
        self.weights: list[list[tuple[int, bool]]] = [[] for _ in graph.nodes]
        self.buffers: list[int] = []
        self.trains = [False] * len(graph.nodes)
        #: nodes whose value is a weight, a constant or a view of one: what is saved of them is alive anyway
        self.outside = [False] * len(graph.nodes)
        #: nodes to whose gradient, that very tensor, there is another reference
        self.shared: set[int] = set()
        self.surplus = 0  #: bytes that gradients of weights keep alive beside their own
        self.calls: list[Call[Operator]] = [plan.call(0)]
        self.rules: list[Autograd] = [Autograd()]
        for node in graph.nodes[1:]:
            inputs = [shapes[index] for index in node.inputs]
            in_place = self.owners[node.index] != node.index
            self.outside[node.index] = node.op.storage(training=True) is Storage.OUTSIDE or (
                in_place and self.outside[node.inputs[0]]
            )
            call = plan.call(node.index)
            self.calls.append(call)
            self.rules.append(rule_of(node.op).autograd(call))
            self.weights[node.index] = [
                (self.rounded(weight.count * element_bytes), weight.frozen or not weight.read)
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
        return self.rounded(elements(self.shapes[index]) * self.plan.element_bytes)

    def gradient_size(self, node: Node, place: int) -> int:
        """Bytes of the storage of an input's new gradient."""
        return self.rounded(rule_of(node.op).gradient_bytes(self.calls[node.index], place))

    def run(self) -> None:
        """Forward and backward; the ledger tells what was alive."""
        graph, ledger = self.graph, self.ledger
        given = sum([self.size_of(node.index) for node in graph.inputs])
        storages: dict[int, Referenced] = {0: ledger.make(given)}
        self.input_bytes = ledger.alive
        saved: list[dict[int, Referenced]] = [{} for _ in graph.nodes]
        self.forward(storages, saved)
        grads: dict[int, Referenced] = {}
        ledger.at = ("backward", "")
        for index in graph.outputs:
            if self.trains[index]:
                gradient = ledger.make(self.size_of(index))
                gradient.references += 1  # the caller's
                ledger.look()
                self.strides[index] = contiguous(self.shapes[index])
                self.arrive(grads, index, gradient, shared=True)
        for node in reversed(graph.nodes):
            if node.index in grads:
                ledger.at = ("backward", node.name)
                self.backward(node.index, grads, saved[node.index])

    def forward(self, storages: dict[int, Referenced], saved: list[dict[int, Referenced]]) -> None:
        """Run the nodes; what autograd saves goes to `saved`, by position, the output as -1."""
        graph, ledger, owners = self.graph, self.ledger, self.owners
        expiring: dict[int, list[int]] = {}
        for owner, when in enumerate(self.plan.last):
            if owners[owner] == owner and owner:
                expiring.setdefault(when, []).append(owner)
        for node in graph.nodes[1:]:
            index, rule, runs = node.index, self.rules[node.index], rule_of(node.op)
            ledger.at = ("forward", node.name)
            if owners[index] == index:
                storages[index] = ledger.make(self.rounded(runs.storage_bytes(self.calls[index])))
            extras = [self.rounded(size) for size in rule.extra]
            ledger.look(sum(extras) + rule.forward)
            if self.trains[index]:
                wanted = {position: node.reads[position] for position in rule.inputs}
                for position, user in rule.only_for:
                    if not self.trains[node.reads[user]]:
                        del wanted[position]
                if rule.output:
                    wanted[-1] = index
                for position, value in wanted.items():
                    if not self.outside[value]:
                        tensor = saved[index][position] = storages[owners[value]]
                        ledger.save(tensor)
                ledger.alive += sum(extras)
                ledger.saved += sum(extras)
            for owner in expiring.get(index, ()):
                ledger.release(storages[owner])
        self.saved = ledger.saved

    def backward(self, index: int, grads: dict[int, Referenced], saved: dict[int, Referenced]) -> None:
        """Run one node backwards: gradients of its weights and inputs, and what they free."""
        node, rule, ledger = self.graph.nodes[index], self.rules[index], self.ledger
        call, runs = self.calls[index], rule_of(node.op)
        gradient, shared, strides = grads.pop(index), index in self.shared, self.strides.pop(index)
        wanted = self.wanted(node)
        if self.plan.strides is not None and runs.copies_gradient(call, strides):
            copy = ledger.make(self.size_of(index))
            ledger.look()
            ledger.release(gradient)
            gradient, shared, strides = copy, False, contiguous(self.shapes[index])
        own = sum([size for size, frozen in self.weights[index] if not frozen])
        if rule.steals and not shared and is_contiguous(self.shapes[index], strides):
            # It becomes the weight's gradient as it is.
            ledger.gradients += own
            self.surplus += gradient.size - own
            return
        extra = sum([self.rounded(size) for size in rule.extra])
        ledger.alive -= extra  # from here on part of the steps
        ledger.saved -= extra
        needed = True
        for step in (wanted and rule.steps) or self.steps(node, wanted, extra + own):
            for position in step.freed:
                ledger.free(saved, position)
            if needed and not step.gradient:
                ledger.release(gradient)
                needed = False
            ledger.look(step.bytes)
        hows = [self.gradient_of(node, place, strides) for place in wanted]
        for position in list(saved):
            ledger.free(saved, position)
        ledger.alive += own
        ledger.gradients += own
        one = ledger.make(self.size_of(index)) if Gradient.ONE in hows else gradient
        one.references += len(hows) - hows.count(Gradient.NEW) - (one is not gradient)
        arriving = [
            ledger.make(self.gradient_size(node, place)) if how is Gradient.NEW else one
            for place, how in zip(wanted, hows, strict=True)
        ]
        if needed:
            ledger.release(gradient)
        shared = shared or hows.count(Gradient.SAME) > 1
        for place, how, tensor in zip(wanted, hows, arriving, strict=True):
            self.arrive(grads, node.reads[place], tensor, shared and how is Gradient.SAME)
        if self.plan.strides is not None and own:  # the gradients of weights are taken over last
            ledger.look(self.rounded(runs.recopied_weights(call) * self.plan.element_bytes))

    def steps(self, node: Node, wanted: list[int], beside: int) -> list[BackwardStep]:
        """The backward pass of an operator of one kernel: gradients of the last input first, then sums."""
        rule, whole = self.rules[node.index], self.size_of(node.index)
        alive = beside + (rule.backward if wanted else 0)
        if wanted and rule.gradient is Gradient.ONE:
            alive += whole
        steps = [BackwardStep(alive)]
        for place in reversed(wanted):
            if rule.gradient_of(place) is Gradient.NEW:
                alive += whole if rule.broadcasts else self.gradient_size(node, place)
                steps.append(BackwardStep(alive + (rule.inner[place] if rule.inner else 0)))
        for place in wanted:
            if self.summed(node, place):
                alive += self.size_of(node.reads[place])
                steps.append(BackwardStep(alive))
                if rule.gradient_of(place) is Gradient.NEW:
                    alive -= whole
        return steps

    def gradient_of(self, node: Node, place: int, strides: Strides) -> Gradient:
        """Where the gradient of an input lives, the output's having `strides`; notes those of its own."""
        source, how = node.reads[place], self.rules[node.index].gradient_of(place)
        shape = self.shapes[source]
        found: Strides | None = contiguous(shape)
        if self.summed(node, place):
            how = Gradient.NEW
        elif self.plan.strides is not None:
            found = rule_of(node.op).gradient_strides(self.calls[node.index], place, strides)
            if found is None:  # a view that needs a copy
                how = Gradient.NEW
                self.ledger.look(self.size_of(source))
        self.strides.setdefault(source, found or contiguous(shape))  # a sum has those of what came first
        return how

    def summed(self, node: Node, place: int) -> bool:
        """Whether the gradient of an input is summed, since the input was broadcast."""
        broadcasts = self.rules[node.index].broadcasts
        return broadcasts and self.size_of(node.reads[place]) < self.size_of(node.index)

    def arrive(
        self, grads: dict[int, Referenced], index: int, gradient: Referenced, shared: bool = False
    ) -> None:
        """A gradient reaches a node: the first is kept, the next is added to it in a new tensor."""
        if index not in grads:
            grads[index] = gradient
            if shared:
                self.shared.add(index)
            return
        self.shared.discard(index)
        ledger = self.ledger
        total = ledger.make(self.size_of(index))
        ledger.look()
        ledger.release(grads[index])
        ledger.release(gradient)
        grads[index] = total
