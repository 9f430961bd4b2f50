"""A training step, simulated tensor by tensor: what is made when, what refers to it, when it is freed.

The forward pass saves what autograd needs (each operator's rule says what: `Rule.autograd`); the
backward pass visits the nodes in reverse order of execution, as PyTorch's engine does, makes
gradients and frees what no reference keeps. The caller keeps input, outputs and the gradients
of the outputs until it ends; the gradients of weights stay until the update is done. Where gradients
meet, their sum is counted as a new tensor for a moment, as in a traced run; without a trace the
engine adds in place where there is no other reference to the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cnncost.execution.call import Autograd, BackwardStep, Call, Gradient
from cnncost.execution.casts import WeightCasts
from cnncost.execution.checkpoint import Segment, Stretch, stretches
from cnncost.execution.eager import rule_of
from cnncost.execution.gradients import (
    arriving_size,
    converted,
    deliver,
    summed,
    summed_late,
    summed_size,
    unconverted,
)
from cnncost.execution.ledger import Ledger, Referenced
from cnncost.execution.loss import CrossEntropy
from cnncost.execution.memory import in_blocks
from cnncost.execution.parts import Siblings
from cnncost.execution.plan import Plan
from cnncost.execution.reach import given_up
from cnncost.execution.rerun import Reruns
from cnncost.execution.strides import Strides, contiguous, is_contiguous, preserve_format
from cnncost.graph import Node
from cnncost.ops.base import Operator, Storage
from cnncost.ops.sizes import elements

INDICES = -100
"""The position among what an unpooling saves of the indices of its pooling."""


class TrainingStep:
    """Forward and backward of one graph, weights and optimizer state left out."""

    def __init__(
        self,
        plan: Plan,
        round_to: int = 1,
        segments: Sequence[Segment] | None = None,
        accumulated: int = 0,
        loss: str = "none",
    ):
        """A step with a `loss` (one of `loss.LOSSES`); `segments` run as checkpoints, else the graph's own.

        `accumulated`: bytes of the weights' gradients that are there before, to which it adds its own.
        """
        self.plan = plan
        self.accumulated = accumulated
        self.recomputed_macs = 0  #: of kernels that checkpoints run again
        self.graph, self.shapes, self.owners = graph, shapes, _ = plan.graph, plan.shapes, plan.owners
        self.strides: dict[int, Strides] = {}  #: of the gradients that arrived
        self.round_to = round_to
        self.ledger = Ledger()
        self.input_bytes = 0  #: bytes of the input
        self.saved_after: list[int] = [0]  #: bytes saved when a kernel of the forward pass has run
        self.saved = 0  #: bytes saved for the backward pass at the end of the forward pass
        #: for every node (bytes, frozen) of its weights, and bytes of its buffers
        self.weights: list[list[tuple[int, bool]]] = [[] for _ in graph.nodes]
        self.buffers: list[int] = []
        self.casts = WeightCasts(self)
        self.trains = [False] * len(graph.nodes)
        self.maker = list(range(len(graph.nodes)))  #: of every value the kernel that autograd has for it
        #: nodes whose value is a weight, a constant or a view of one: what is saved of them is alive anyway
        self.outside = [False] * len(graph.nodes)
        #: nodes to whose gradient, that very tensor, there is another reference
        self.shared: set[int] = set()
        self.surplus = 0  #: bytes that gradients of weights keep alive beside their own
        self.stretch: dict[int, Stretch] = {}  #: for every kernel the checkpoint that it belongs to
        self.reruns = Reruns(self)
        self.parts = Siblings(self)
        own = [Segment(*ends) for ends in plan.source.checkpoints]
        for stretch in stretches(plan, own if segments is None else segments):
            self.stretch |= dict.fromkeys(range(stretch.first, stretch.last + 1), stretch)
        detached = plan.kernels_of(plan.source.detached)
        self.calls: list[Call[Operator]] = [plan.call(0)]
        self.rules: list[Autograd] = [Autograd()]
        self.loss = loss
        for node in graph.nodes[1:]:
            inputs = [shapes[index] for index in node.inputs]
            in_place = self.owners[node.index] != node.index
            self.outside[node.index] = node.op.storage(training=True) is Storage.OUTSIDE or (
                in_place and self.outside[node.inputs[0]]
            )
            untrained = frozenset(place for place, at in enumerate(node.reads) if not self.trains[at])
            call = replace(plan.call(node.index), untrained=untrained)
            self.calls.append(call)
            if rule_of(node.op).nothing(call):
                self.maker[node.index] = self.maker[node.inputs[0]]
            rule = rule_of(node.op).autograd(call)
            if node.index in plan.overwrites:
                rule = rule._replace(backward=rule.backward + 2 * self.size_of(node.index))
            self.rules.append(rule)
            self.weights[node.index] = [
                (self.rounded(plan.weight_bytes(node.index, weight.count)), weight.role in call.frozen)
                for weight in node.op.weights(*inputs)
            ]
            if node.index in plan.casts_weights:
                self.casts.add(node)
            self.buffers.append(plan.weight_bytes(node.index, node.op.buffers(*inputs)))
            learns = any(not frozen for _, frozen in self.weights[node.index])
            self.trains[node.index] = node.index not in detached and (learns or bool(self.wanted(node)))
        self.undone = graph.undone()  #: unpoolings, by poolings
        self.indices: dict[int, Referenced] = {}  #: of poolings that save nothing, by unpoolings
        #: kernels whose gradients are never made, and the last one that refers to what they have saved
        self.given_up = given_up(self)
        for index in self.given_up:
            self.weights[index] = [(size, True) for size, _ in self.weights[index]]

    @property
    def repeated(self) -> set[int]:
        """The kernels that checkpoints run a second time."""
        return {at for stretch in set(self.stretch.values()) for at in self.reruns.repeated(stretch)}

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
        return self.rounded(elements(self.shapes[index]) * self.plan.bytes_at(index))

    def gradient_size(self, node: Node, place: int) -> int:
        """Bytes of the storage of an input's new gradient."""
        return self.rounded(rule_of(node.op).gradient_bytes(self.calls[node.index], place))

    def run(self) -> None:
        """Forward and backward; the ledger tells what was alive."""
        graph, ledger = self.graph, self.ledger
        given = sum([self.size_of(node.index) for node in graph.inputs])
        storages: dict[int, Referenced] = {0: ledger.make(given)}
        losses = CrossEntropy(self) if self.loss == "cross_entropy" else None
        if losses:
            losses.begin()
        self.input_bytes = ledger.alive
        ledger.alive += self.accumulated
        ledger.gradients += self.accumulated
        saved: list[dict[int, Referenced]] = [{} for _ in graph.nodes]
        self.forward(storages, saved)
        grads: dict[int, Referenced] = {}
        if losses:
            losses.forward()
            self.saved = ledger.saved
        self.casts.leave()
        if losses:
            losses.backward(grads)
        else:
            self.given_gradients(grads)
        for node in reversed(graph.nodes):
            if self.parts.ready(node.index, grads):
                self.casts.cast_back(node)
                stretch = self.stretch.get(node.index)
                if stretch is not None and stretch.first not in self.reruns.again and self.saves(node.index):
                    self.reruns.run_again(stretch, storages, saved)
                ledger.at = ("backward", node.name)
                self.backward(node.index, grads, saved[node.index])
            self.reruns.leave(node.index)
        self.casts.cast_back(None)

    def given_gradients(self, grads: dict[int, Referenced]) -> None:
        """The caller makes the gradients of the outputs, and keeps them."""
        ledger = self.ledger
        ledger.at = ("backward", "")
        for index in [self.maker[output] for output in self.graph.outputs if self.trains[output]]:
            gradient = ledger.make(self.size_of(index))
            gradient.references += 1  # the caller's
            ledger.look()
            self.strides[index] = contiguous(self.shapes[index])
            if self.arrive(grads, index, gradient, shared=True):
                ledger.release(gradient)

    @property
    def made_gradients(self) -> int:
        """Bytes of the gradients of all weights; one that is a view of a tensor keeps all of that alive."""
        return self.surplus + sum([size for sizes in self.weights for size, frozen in sizes if not frozen])

    def forward(self, storages: dict[int, Referenced], saved: list[dict[int, Referenced]]) -> None:
        """Run the nodes; what autograd saves goes to `saved`, by position, the output as -1."""
        graph, ledger, owners = self.graph, self.ledger, self.owners
        expiring: dict[int, list[int]] = {}
        for owner, when in enumerate(self.plan.last):
            if owners[owner] == owner and owner:
                expiring.setdefault(when, []).append(owner)
        forgotten: dict[int, list[int]] = {}
        for lost, when in self.given_up.items():
            forgotten.setdefault(when, []).append(lost)
        for node in graph.nodes[1:]:
            index, runs = node.index, rule_of(node.op)
            ledger.at = ("forward", node.name)
            stretch = self.stretch.get(index)
            if stretch is not None and stretch.first == index:
                self.reruns.keep(stretch, storages)
            self.casts.forward(index)
            if owners[index] == index:
                storages[index] = ledger.make(self.rounded(runs.storage_bytes(self.calls[index])))
                self.casts.keep(index, storages[index])
            ledger.look(self.beside(index))
            if stretch is None:
                self.save(index, storages, saved[index])
            self.keep_indices(index, saved[index])
            self.casts.ran(index)
            self.saved_after.append(ledger.saved)
            for owner in expiring.get(index, ()):
                ledger.release(storages[owner])
            for lost in forgotten.get(index, ()):
                self.forget(lost, saved[lost])
        self.saved = ledger.saved

    def keep_indices(self, index: int, saved: dict[int, Referenced]) -> None:
        """The indices of a pooling that saves nothing are kept for its unpooling, which may save them."""
        if index in self.undone and not self.trains[index]:
            self.indices[self.undone[index]] = self.ledger.make(self.rounded(self.rules[index].extra[0]))
        if index in self.indices:
            indices = self.indices.pop(index)
            if self.trains[index]:
                saved[INDICES] = indices
                self.ledger.save(indices)
            self.ledger.release(indices)

    def beside(self, index: int) -> int:
        """Bytes that a kernel needs for a moment beside its output and what it reads."""
        rule, runs, call = self.rules[index], rule_of(self.graph.nodes[index].op), self.calls[index]
        if not self.trains[index] and not runs.random:
            return runs.temporary(call)
        return sum(map(self.rounded, rule.extra)) + rule.forward

    def forget(self, index: int, saved: dict[int, Referenced]) -> None:
        """Nothing refers to a kernel's graph any more, and no gradient will come: what it saved is freed."""
        if index in self.stretch:
            return
        for position in list(saved):
            self.ledger.free(saved, position)
        extra = sum(map(self.rounded, self.rules[index].extra))
        self.ledger.alive -= extra
        self.ledger.saved -= extra

    def save(self, index: int, storages: dict[int, Referenced], saved: dict[int, Referenced]) -> None:
        """Save what autograd needs of a kernel that has run."""
        node, rule, ledger = self.graph.nodes[index], self.rules[index], self.ledger
        if not self.trains[index]:
            return
        wanted = {position: node.reads[position] for position in rule.inputs}
        for position, user in rule.only_for:
            if not self.trains[node.reads[user]]:
                del wanted[position]
        if rule.output:
            wanted[-1] = index
        for position, value in wanted.items():
            if not self.outside[value]:
                tensor = saved[position] = storages[self.owners[value]]
                ledger.save(tensor)
        self.casts.save(index, saved)
        extra = sum(map(self.rounded, rule.extra))
        ledger.alive += extra
        ledger.saved += extra

    def saves(self, index: int) -> bool:
        """Whether autograd saves anything of a kernel, its weights included."""
        rule = self.rules[index]
        return self.trains[index] and bool(rule.inputs or rule.output or rule.extra or self.weights[index])

    def backward(self, index: int, grads: dict[int, Referenced], saved: dict[int, Referenced]) -> None:
        """Run one node backwards: gradients of its weights and inputs, and what they free."""
        if index in self.parts.siblings:
            self.parts.join(index, grads)
            return
        node, rule, ledger = self.graph.nodes[index], self.rules[index], self.ledger
        call, runs = self.calls[index], rule_of(node.op)
        gradient, shared, strides = grads.pop(index), index in self.shared, self.strides.pop(index)
        wanted, held = self.wanted(node), None
        if self.plan.strides is not None and runs.copies_gradient(call, strides):
            copy = ledger.make(self.size_of(index))
            ledger.look()
            held = gradient if runs.copies_inside else None
            if held is None:
                ledger.release(gradient)
            gradient, shared, strides = copy, False, contiguous(self.shapes[index])
        own = sum([size for size, frozen in self.weights[index] if not frozen])
        stays = 0 if self.accumulated else own  # else it is added to what is there, and freed
        narrow = self.casts.gradients(index)
        if narrow is not None:  # its weights' gradients are cast once it has run
            own, stays = narrow, 0
        if rule.steals and not shared and is_contiguous(self.shapes[index], strides):
            # It becomes the weight's gradient as it is.
            if self.accumulated:
                ledger.release(gradient)
                return
            ledger.gradients += own
            self.surplus += gradient.size - own
            return
        late, extra = summed_late(self, node), sum([self.rounded(size) for size in rule.extra])
        ledger.alive -= extra  # from here on part of the steps
        ledger.saved -= extra
        needed, joined = True, 0  # the output's gradient; bytes of parts that the engine has added
        for step in rule.steps or self.steps(node, wanted, extra + own - late):
            for position in step.freed:
                ledger.free(saved, position)
            if needed and not step.gradient:
                ledger.release(gradient)
                needed = False
            ledger.look(step.bytes - joined - (step.added if self.accumulated else 0))
            if step.part and self.maker[node.reads[0]] in grads:
                part = ledger.make(self.size_of(node.reads[0]))
                self.arrive(grads, self.maker[node.reads[0]], part)
                ledger.release(part)
                joined += step.part
        if held:
            ledger.release(held)
        hows = [self.gradient_of(node, place, strides) for place in wanted]
        for position in list(saved):
            ledger.free(saved, position)
        ledger.alive += own
        ledger.gradients += stays
        one = ledger.make(self.size_of(index)) if Gradient.ONE in hows else gradient
        one.references += len(hows) - hows.count(Gradient.NEW) - (one is not gradient)
        arriving = [
            ledger.make(arriving_size(self, node, place)) if how is Gradient.NEW else one
            for place, how in zip(wanted, hows, strict=True)
        ]
        if late:
            ledger.look()
        if needed:
            ledger.release(gradient)
        shared = shared or hows.count(Gradient.SAME) > 1
        deliver(self, node, list(zip(wanted, hows, arriving, strict=True)), grads, shared)
        self.casts.backward(index)
        if narrow is None and own:  # the gradients of weights are taken over last
            ledger.look(self.recopied(index))
            ledger.alive -= own - stays

    def recopied(self, index: int) -> int:
        """Bytes of a weight's gradient that is copied when it is taken over: its strides differ."""
        if self.plan.strides is None or self.accumulated:
            return 0
        node = self.graph.nodes[index]
        return self.rounded(rule_of(node.op).recopied_weights(self.calls[index]) * self.plan.element_bytes)

    def steps(self, node: Node, wanted: list[int], beside: int) -> list[BackwardStep]:
        """The backward pass of an operator of one kernel: gradients of the last input first, then sums."""
        rule, whole = self.rules[node.index], self.size_of(node.index)
        # The factors' gradient of a product is summed by the engine, after that of what was scaled is cast.
        late = (
            beside if node.op.name == "layer_scale" and any(converted(self, node, at) for at in wanted) else 0
        )
        alive = beside - late + rule.backward
        if wanted and rule.gradient is Gradient.ONE:
            alive += whole
        steps = [BackwardStep(alive)]
        for place in reversed(wanted):
            if rule.gradient_of(place) is Gradient.NEW:
                alive += whole if rule.broadcasts else self.gradient_size(node, place)
                steps.append(BackwardStep(alive + (rule.inner[place] if rule.inner else 0)))
        if not late:
            alive -= rule.backward
        unpacked = (
            tuple(rule.inputs) if node.index in self.stretch else ()
        )  # the engine sums and casts, after the kernel
        for place in wanted:
            if summed(self, node, place):
                alive += summed_size(self, node, place)
                steps.append(BackwardStep(alive, freed=unpacked))
                if rule.gradient_of(place) is Gradient.NEW:
                    alive -= whole
            if converted(self, node, place):
                alive += self.size_of(node.reads[place])
                steps.append(BackwardStep(alive, freed=unpacked))
                alive -= unconverted(self, node, place)
        if late:
            steps.append(BackwardStep(alive + late, freed=unpacked))
        return steps

    def gradient_of(self, node: Node, place: int, strides: Strides) -> Gradient:
        """Where the gradient of an input lives, the output's having `strides`; notes those of its own."""
        source, how = node.reads[place], self.rules[node.index].gradient_of(place)
        found: Strides | None = None
        if summed(self, node, place) or converted(self, node, place):
            how = Gradient.NEW
        elif how is Gradient.SAME:
            found = strides
        elif self.plan.strides is not None:
            found = rule_of(node.op).gradient_strides(self.calls[node.index], place, strides)
            if found is None:  # a view that needs a copy
                how = Gradient.NEW
                self.ledger.look(self.size_of(source))
        self.strides.setdefault(self.maker[source], found or contiguous(self.shapes[source]))
        return how

    def arrive(self, grads: dict[int, Referenced], index: int, new: Referenced, shared: bool = False) -> bool:
        """A gradient reaches a node: the first is kept, the next is added to it in a new tensor.

        Whether it was added: then who gave it still holds it, until all that one kernel gives has arrived.
        """
        if index not in grads:
            grads[index] = new
            if shared:
                self.shared.add(index)
            return False
        ledger = self.ledger
        self.shared.discard(index)
        total = ledger.make(self.size_of(index))
        self.strides[index] = preserve_format(self.shapes[index], self.strides[index])  # of what came first
        ledger.look()
        ledger.release(grads[index])
        grads[index] = total
        return True
