"""What a training step launches: forward pass, backward pass, the optimizer's update.

Backwards a product takes two, one for the gradient of its weights and one for that of its input, each with
the arithmetic of the forward product (Goodfellow et al. 2016, 6.5); a function of every value reads the
gradient and what autograd has saved of it (the rules of `execution/eager` say what); where a value was read
twice, its gradients are added. Batch norm goes over its values twice, for their statistics and to
normalise them. What a checkpoint runs again is launched again. Nobody fuses anything: this is eager PyTorch.
The loss is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnncost.execution.call import Gradient
from cnncost.execution.plan import Kernel
from cnncost.execution.step import TrainingStep
from cnncost.execution.training import OPTIMIZERS
from cnncost.graph import Node
from cnncost.predict.kernels import (
    PRODUCTS,
    PlacedTensors,
    Work,
    conversions,
    work_of,
)

OPTIMIZER = "momentum"
"""The optimizer of a predicted step: gradient descent with momentum, as image classifiers are trained."""

NORMALISING = ("norm", "reduction", "group_norm", "lrn")
"""Classes whose backward kernels read twice what they read: for sums over the values, then for each."""


def after_forward(tensors: PlacedTensors, optimizer: str = OPTIMIZER) -> list[Work]:
    """The works of the backward pass, the last kernel first, and of the update."""
    plan = tensors.plan
    step = TrainingStep(plan)
    again = step.repeated
    found: list[Work] = []
    arrived = dict.fromkeys(plan.graph.outputs, 1)
    for node in reversed(plan.graph.nodes[1:]):
        index = node.index
        if not arrived.get(index) or not step.trains[index]:
            continue
        kernel = plan.kernels[index - 1]
        size = tensors.values[index] * tensors.bytes[index]
        sums = arrived[index] - 1
        if sums:
            found.append(_plain(kernel, "join", 2 * size * sums, size * sums, sums))
        wanted = step.wanted(node)
        for place in wanted:
            arrived[node.reads[place]] = arrived.get(node.reads[place], 0) + 1
        if kernel.kind == "unknown":
            continue
        if index in again:
            found.append(work_of(kernel, node, tensors))
        learns = any(not frozen for _, frozen in step.weights[index])
        found += _backward(kernel, node, tensors, step, wanted, learns, size)
        if tensors.rules.autocast and kernel.kind != "view":
            found += [
                each._replace(read=each.written, written=each.read)
                for each in conversions(kernel, node, tensors)
            ]
    return [*found, *_update(tensors, step, optimizer)]


def _plain(kernel: Kernel, kind: str, read: int, written: int, launches: int = 1, functions: int = 0) -> Work:
    return Work(kernel.nodes, kernel.name, kind, 0, read, 0, written, launches, functions)


def _backward(
    kernel: Kernel,
    node: Node,
    tensors: PlacedTensors,
    step: TrainingStep,
    wanted: Sequence[int],
    learns: bool,
    size: int,
) -> list[Work]:
    """The works of one kernel backwards; `size`: bytes of the gradient that arrives."""
    if kernel.kind == "view":
        return []
    forward = work_of(kernel, node, tensors)
    if kernel.kind in PRODUCTS:
        return _products(forward, wanted, learns, size)
    if forward.kind in NORMALISING and (kernel.kind == "norm" or learns):
        return [
            _plain(kernel, forward.kind, 2 * (forward.read + size), forward.read, 1 + learns),
        ]
    rule, found = step.rules[node.index], []
    saved = sum([_bytes(tensors, node.reads[place]) for place in rule.inputs]) + sum(rule.extra)
    saved += size * rule.output
    once = False
    for place in wanted:
        how = rule.gradient_of(place)
        made = _bytes(tensors, node.reads[place])
        if how is Gradient.VIEW and node.op.name == "concat":  # a slice, which its reader copies
            found.append(_plain(kernel, "move", made, made))
        elif how is Gradient.NEW or (how is Gradient.ONE and not once):
            once = how is Gradient.ONE
            summed = rule.broadcasts and made < size
            found.append(
                _plain(kernel, forward.kind, size + saved, size if summed else made, 1, forward.functions)
            )
            if summed:
                found.append(_plain(kernel, "reduction", size, made))
    return found


def _bytes(tensors: PlacedTensors, index: int) -> int:
    return tensors.values[index] * tensors.bytes[index]


def _products(forward: Work, wanted: Sequence[int], learns: bool, size: int) -> list[Work]:
    """A product for the gradient of the weights, and one for every input that has a gradient."""
    m, n, k, taps = forward.m, forward.n, forward.k, max(forward.window, 1)
    found = []
    if learns:
        found.append(
            forward._replace(
                read=forward.read + size,
                weights=0,
                written=forward.weights,
                m=k,
                n=n,
                k=m,
                window=forward.window,
            )
        )
    if not forward.weights and len(wanted) > 1:  # both factors are tensors
        found.append(
            forward._replace(read=forward.read // 2 + size, written=forward.read // 2, m=k, n=n, k=m)
        )
        wanted = wanted[:1]
    for _ in wanted[: 1 if forward.weights else None]:
        columns = k // taps
        found.append(forward._replace(read=size, written=forward.read, n=columns, k=n * k // max(columns, 1)))
    return found


def _update(tensors: PlacedTensors, step: TrainingStep, optimizer: str) -> list[Work]:
    """The update of every weight: value, gradient and state are read, value and state are written."""
    plan, state = tensors.plan, OPTIMIZERS[optimizer].state
    size = 4 if tensors.rules.autocast else tensors.size
    found = []
    for kernel, node in zip(plan.kernels, plan.graph.nodes[1:], strict=True):
        counts = [count for count, frozen in step.weights[node.index] if not frozen]
        values = sum(counts) // plan.element_bytes
        if values:
            read, written = (2 + state) * values * size, (1 + state) * values * size
            found.append(_plain(kernel, "arithmetic", read, written, len(counts)))
    return found
