"""The loss of a training step: what it makes and keeps beside the network's own tensors.

Cross entropy of every trained output, its second axis the classes, as torch.nn.functional.cross_entropy with
a target of classes (int64) runs it: log_softmax, whose output both kernels save, then nll_loss, which also
saves the target and the sum of the weights. The caller keeps the targets, and the losses until the backward
pass ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import UsageError
from cnncost.execution.ledger import Referenced
from cnncost.execution.strides import contiguous
from cnncost.ops.sizes import elements

if TYPE_CHECKING:
    from cnncost.execution.step import TrainingStep

LOSSES = ("none", "cross_entropy")
"""none: the caller gives the gradients of the outputs."""
CLASS_BYTES = 8
"""Of a class in a target (int64)."""


class CrossEntropy:
    """The losses of a step's outputs, in its ledger."""

    def __init__(self, step: TrainingStep):
        self.step = step
        self.outputs = [index for index in step.graph.outputs if step.trains[index]]
        self.targets: dict[int, Referenced] = {}
        self.saved: dict[int, dict[int, Referenced]] = {}
        self.scalar = step.rounded(step.plan.element_bytes)

    def begin(self) -> None:
        """Before the forward pass: the targets are there. Raises UsageError for an output without classes."""
        for index in self.outputs:
            shape = self.step.shapes[index]
            if len(shape) < 2:
                raise UsageError(
                    f"{self.step.graph.nodes[index].name}: cross entropy needs an axis of classes"
                )
            size = CLASS_BYTES * elements(shape) // shape[1]
            self.targets[index] = self.step.ledger.make(self.step.rounded(size))

    def forward(self) -> None:
        """After the network's forward pass: log_softmax and nll_loss of every output."""
        ledger = self.step.ledger
        ledger.at = ("forward", "the loss")
        for index in self.outputs:
            logs = ledger.make(self.step.size_of(index))
            ledger.look()
            ledger.alive += 2 * self.scalar  # the loss, and the sum of the weights, which is saved
            ledger.saved += self.scalar
            ledger.look()
            for tensor in (logs, logs, self.targets[index]):
                ledger.save(tensor)
            self.saved[index] = {0: logs, 1: logs, 2: self.targets[index]}
            ledger.release(logs)

    def backward(self, grads: dict[int, Referenced]) -> None:
        """The gradients of the outputs, the last output's first."""
        step, ledger = self.step, self.step.ledger
        ledger.at = ("backward", "the loss")
        ledger.alive += self.scalar * len(self.outputs)  # the gradients of the losses
        for index in reversed(self.outputs):
            size, saved = step.size_of(index), self.saved.pop(index)
            of_logs = ledger.make(size)
            ledger.look()
            ledger.free(saved, 0)
            ledger.free(saved, 2)
            ledger.alive -= self.scalar
            ledger.saved -= self.scalar
            gradient = ledger.make(size)
            ledger.look()
            ledger.free(saved, 1)
            ledger.release(of_logs)
            step.strides[index] = contiguous(step.shapes[index])
            step.arrive(grads, index, gradient)
