"""Parts that one call cuts a tensor into (unbind, split, chunk): their gradients wait for each other.

Autograd has one node for all of them. When every gradient has arrived it puts them together in a new tensor,
with zeros for a part that has none (unbind_backward and split_with_sizes_backward in PyTorch's
FunctionsManual.cpp). Parts that are taken one by one (indexing) each make a gradient of the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.execution.ledger import Referenced
from cnncost.execution.strides import Strides, contiguous, suggested_format

if TYPE_CHECKING:
    from cnncost.execution.step import TrainingStep


class Siblings:
    """The parts of a step's tensors that are cut in one call."""

    def __init__(self, step: TrainingStep):
        self.step = step
        self.siblings: dict[int, list[int]] = {}  #: by the first part, which runs backward last
        self.waiting: set[int] = set()  #: all other parts
        for parts in step.plan.source.parts:
            first, *others = sorted([step.plan.places[part] for part in parts])
            self.siblings[first] = [first, *others]
            self.waiting.update(others)

    def ready(self, index: int, grads: dict[int, Referenced]) -> bool:
        """Whether a kernel's backward pass runs now, or that of all parts of which it is the first."""
        if index in self.waiting:
            return False
        return any(part in grads for part in self.siblings.get(index, [index]))

    def join(self, first: int, grads: dict[int, Referenced]) -> None:
        """The backward pass of all parts: one gradient of what was cut."""
        step, ledger = self.step, self.step.ledger
        source = step.maker[step.graph.nodes[first].reads[0]]
        given = [part for part in self.siblings[first] if part in grads]
        formats = {self.format_of(part, step.strides.pop(part), source) for part in given}
        if step.graph.nodes[first].op.name == "select":  # zeros are one value, repeated
            count = step.shapes[source][step.graph.nodes[first].op.given("axis")]
            zeros = (count - len(given)) * step.plan.bytes_at(source)
        else:
            zeros = step.size_of(source) - sum(map(step.size_of, given))
        whole = ledger.make(step.size_of(source))
        ledger.look(zeros)
        for part in given:
            ledger.release(grads.pop(part))
            step.shared.discard(part)
        plain = contiguous(step.shapes[source])
        step.strides.setdefault(source, plain if zeros or len(formats) > 1 else formats.pop())
        if step.arrive(grads, source, whole):
            ledger.release(whole)

    def format_of(self, part: int, strides: Strides, source: int) -> Strides:
        """Strides of the whole gradient, as those of a part suggest them."""
        return suggested_format(self.step.shapes[part], strides, self.step.shapes[source])
