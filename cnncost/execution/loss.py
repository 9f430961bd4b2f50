"""The loss of a training step: what it makes and keeps beside the network's own tensors.

Cross entropy of every trained output, its second axis the classes, as torch.nn.functional.cross_entropy with
a target of classes (int64) runs it: log_softmax, whose output both kernels save, then nll_loss, which also
saves the target and the sum of the weights. The caller keeps the targets, and the losses until the backward
pass ends.

Under autocast an output in two bytes is cast to float32: on the CPU by the whole function, which keeps the
cast until it ends, on CUDA by nll_loss only, since the function asks log_softmax for the output's own type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import UsageError
from cnncost.execution.autocast import FLOAT32
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

    def size(self, index: int) -> int:
        """Bytes of what the loss makes of an output's size."""
        return self.step.rounded(elements(self.step.shapes[index]) * self.step.plan.element_bytes)

    def casts(self, index: int) -> bool:
        """Whether an output is cast to float32 on its way."""
        types = self.step.plan.types
        return types is not None and types[index] != FLOAT32

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
            casts, late = self.casts(index), self.step.plan.device != "cpu"
            cast = ledger.make(self.size(index)) if casts and not late else None
            logs = given = ledger.make(self.step.size_of(index) if casts and late else self.size(index))
            ledger.look()
            if casts and late:
                cast = given = ledger.make(self.size(index))
            ledger.alive += 2 * self.scalar  # the loss, and the sum of the weights, which is saved
            ledger.saved += self.scalar
            ledger.look()
            for tensor in (logs, given, self.targets[index]):
                ledger.save(tensor)
            self.saved[index] = {0: given, 1: logs, 2: self.targets[index]}
            ledger.release(logs)
            if cast:
                ledger.release(cast)

    def backward(self, grads: dict[int, Referenced]) -> None:
        """The gradients of the outputs, the last output's first."""
        step, ledger = self.step, self.step.ledger
        ledger.at = ("backward", "the loss")
        ledger.alive += self.scalar * len(self.outputs)  # the gradients of the losses
        for index in reversed(self.outputs):
            saved, casts, late = self.saved.pop(index), self.casts(index), step.plan.device != "cpu"
            of_logs = ledger.make(self.size(index))
            ledger.look()
            ledger.free(saved, 0)
            ledger.free(saved, 2)
            ledger.alive -= self.scalar
            ledger.saved -= self.scalar
            if casts and late:
                of_logs = self.narrowed(index, of_logs)
            gradient = ledger.make(step.size_of(index) if late else self.size(index))
            ledger.look()
            ledger.free(saved, 1)
            ledger.release(of_logs)
            if casts and not late:
                gradient = self.narrowed(index, gradient)
            step.strides[step.maker[index]] = contiguous(step.shapes[index])
            if step.arrive(grads, step.maker[index], gradient):
                ledger.release(gradient)

    def narrowed(self, index: int, wide: Referenced) -> Referenced:
        """A gradient in float32 cast to the output's type."""
        narrow = self.step.ledger.make(self.step.size_of(index))
        self.step.ledger.look()
        self.step.ledger.release(wide)
        return narrow
