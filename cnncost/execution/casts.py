"""The casts of layers' weights in a training step under autocast: made, saved, let go, and cast back.

A cast of a trained weight is kept by the context until it ends, and beyond where autograd has saved it; that
of a weight that is not trained goes after its call. In the backward pass the kernel gives a gradient in
two bytes, which is cast to the weight's float32 then. Arguments are cast from the last to the first (as
PyTorch is compiled), so gradients of inputs are cast before those of weights, and of these the first first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.execution.ledger import Referenced
from cnncost.graph import Node

if TYPE_CHECKING:
    from cnncost.execution.step import TrainingStep


class WeightCasts:
    """The casts of a step's weights, in its ledger."""

    def __init__(self, step: TrainingStep):
        self.step = step
        #: for kernels whose weights are cast (bytes, frozen) of every cast
        self.sizes: dict[int, list[tuple[int, bool]]] = {}
        self.made: dict[int, list[Referenced]] = {}  #: of a kernel that has run and not saved them yet
        self.held: list[Referenced] = []  #: by the context
        self.narrow: int | None = None  #: the kernel whose weights' gradients are not cast back yet

    def add(self, node: Node) -> None:
        """A kernel of the step whose weights are cast."""
        step, size = self.step, self.step.plan.bytes_at(node.index)
        inputs = [step.shapes[index] for index in node.inputs]
        weights = zip(node.op.weights(*inputs), step.weights[node.index], strict=True)
        self.sizes[node.index] = [
            (step.rounded(weight.count * size), frozen) for weight, (_, frozen) in weights if weight.read
        ]

    def gradients(self, index: int) -> int | None:
        """Bytes of the gradients that a kernel gives of its weights; None: they are not cast."""
        sizes = self.sizes.get(index)
        return None if sizes is None else sum([size for size, frozen in sizes if not frozen])

    def forward(self, index: int) -> None:
        """Before a kernel runs."""
        if index in self.sizes:
            self.made[index] = [self.step.ledger.make(size) for size, _ in self.sizes[index]]

    def save(self, index: int, saved: dict[int, Referenced]) -> None:
        """What autograd saves of a kernel's casts goes to `saved`, at positions below those of values."""
        rule = self.step.rules[index]
        if index in self.made and (not rule.for_input or self.step.wanted(self.step.graph.nodes[index])):
            for position in rule.weights:
                tensor = saved[-2 - position] = self.made[index][position]
                self.step.ledger.save(tensor)

    def ran(self, index: int) -> None:
        """A kernel has run: the context keeps the casts of weights that are trained."""
        for tensor, (_, frozen) in zip(self.made.pop(index, []), self.sizes.get(index, []), strict=True):
            if frozen:
                self.step.ledger.release(tensor)
            else:
                self.held.append(tensor)

    def keep(self, index: int, tensor: Referenced) -> None:
        """The context keeps the output of a kernel that casts a learned tensor."""
        if index in self.step.plan.cached:
            tensor.references += 1
            self.held.append(tensor)

    def leave(self) -> None:
        """The context ends."""
        for tensor in self.held:
            self.step.ledger.release(tensor)
        self.held = []

    def backward(self, index: int) -> None:
        """A kernel has given its gradients; those of its weights wait for `cast_back`."""
        if index in self.sizes:
            self.narrow = index

    def cast_back(self, following: Node | None) -> None:
        """Cast the gradients that wait to float32, unless `following` first casts that of an input."""
        step, index = self.step, self.narrow
        if index is None:
            return
        inputs = step.graph.nodes[index].inputs
        if following is not None and following.op.name == "cast" and following.index in inputs:
            return
        ledger, copied = step.ledger, step.recopied(index)
        self.narrow = None
        for (size, frozen), (narrow, _) in zip(step.weights[index], self.sizes[index], strict=False):
            if frozen:
                continue
            ledger.alive += size
            ledger.look()
            ledger.alive -= narrow
            ledger.look(copied)
            copied = 0  # of the filters alone
            if step.accumulated:
                ledger.alive -= size
            else:
                ledger.gradients += size
