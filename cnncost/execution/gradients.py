"""What the engine makes of a kernel's gradients before they arrive.

Each is summed to the shape of its input, if that was broadcast, then cast to its element type, if types were
promoted (torch/csrc/autograd/engine.cpp, validate_outputs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.execution.call import Gradient
from cnncost.execution.eager import rule_of
from cnncost.execution.ledger import Referenced
from cnncost.graph import Node
from cnncost.ops.sizes import elements

if TYPE_CHECKING:
    from cnncost.execution.step import TrainingStep


def summed(step: TrainingStep, node: Node, place: int) -> bool:
    """Whether the gradient of an input is summed, since the input was broadcast."""
    broadcasts = step.rules[node.index].broadcasts
    return broadcasts and elements(step.shapes[node.reads[place]]) < elements(step.shapes[node.index])


def summed_size(step: TrainingStep, node: Node, place: int) -> int:
    """Bytes of the gradient of an input that was broadcast, in the type of the output."""
    return step.rounded(elements(step.shapes[node.reads[place]]) * step.plan.bytes_at(node.index))


def converted(step: TrainingStep, node: Node, place: int) -> bool:
    """Whether the gradient of an input comes in another type than the input's, and is cast."""
    source = node.reads[place]
    return node.op.name != "cast" and step.plan.bytes_at(source) != step.plan.bytes_at(node.index)


def unconverted(step: TrainingStep, node: Node, place: int) -> int:
    """Bytes of the gradient that is cast; 0 where it is that of the output."""
    if summed(step, node, place):
        return summed_size(step, node, place)
    new = step.rules[node.index].gradient_of(place) is Gradient.NEW
    return step.gradient_size(node, place) if new else 0


def arriving_size(step: TrainingStep, node: Node, place: int) -> int:
    """Bytes of the storage of an input's new gradient when the kernel has run."""
    made = converted(step, node, place) or summed(step, node, place)
    return step.size_of(node.reads[place]) if made else step.gradient_size(node, place)


def summed_late(step: TrainingStep, node: Node) -> int:
    """Bytes of a bias whose gradient is summed when what a checkpoint saved is freed already.

    The product of a linear layer gives the bias the gradient itself; the engine sums it when the kernel
    has let go of what it unpacked. Without a checkpoint that is still saved.
    """
    if node.index not in step.stretch or node.op.name != "linear" or not node.op.given("bias"):
        return 0
    made = step.casts.sizes.get(node.index, step.weights[node.index])
    return min([size for size, frozen in made if not frozen], default=0)


def deliver(
    step: TrainingStep,
    node: Node,
    made: list[tuple[int, Gradient, Referenced]],
    grads: dict[int, Referenced],
    shared: bool,
) -> None:
    """Hand a kernel's gradients, by place, to what made its inputs; all are held until the last is there."""
    if rule_of(node.op).chained:  # the last join was of the last input and of all before it
        made.sort(key=lambda gradient: -max(gradient[0], 1))
    added = [
        tensor
        for place, how, tensor in made
        if step.arrive(grads, step.maker[node.reads[place]], tensor, shared and how is Gradient.SAME)
    ]
    for tensor in added:
        step.ledger.release(tensor)
