"""What a compiler makes one kernel of: neighbouring functions of every value, and sums over them.

TorchInductor leaves convolutions and matrix products to libraries and writes a loop for the rest; a
function joins the loop of what it reads if it runs over as many values, and nothing else that it reads
comes later. What only the loop itself reads is never written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cnncost.execution.plan import Kernel
from cnncost.graph import Node
from cnncost.ops.sizes import elements
from cnncost.predict.kernels import PRODUCTS, PlacedTensors, Work, class_of, functions, work_of

LOOPS = frozenset(("norm", "activation", "join", "arithmetic", "move", "pooling", "resampling"))
"""Classes that a compiler writes loops for."""


@dataclass
class Loop:
    """Kernels that run as one."""

    values: int  #: that it runs over
    members: list[tuple[Kernel, Node]] = field(default_factory=list)


def fused_works(tensors: PlacedTensors) -> list[Work]:
    """What a compiled run launches, in order."""
    plan, sources = tensors.plan, tensors.sources
    readers: dict[int, list[int]] = {}
    for kernel, node in zip(plan.kernels, plan.graph.nodes[1:], strict=True):
        if kernel.kind != "view":
            for at in node.reads:
                readers.setdefault(sources[at], []).append(node.index)
    if tensors.rules.autocast:
        _narrow(tensors, readers)
    order: list[Loop | Work | tuple[Kernel, Node]] = []
    loops: dict[int, Loop] = {}
    for kernel, node in zip(plan.kernels, plan.graph.nodes[1:], strict=True):
        if kernel.kind in ("view", "unknown") or node.index in tensors.attention:
            order += tensors.attention.get(node.index) or ()
            continue
        if kernel.kind not in LOOPS:
            order.append((kernel, node))
            continue
        values = max([elements(plan.shapes[at]) for at in (*node.reads, node.index)])
        loop = _joined([sources[at] for at in node.reads], values, loops)
        if loop is None:
            loop = Loop(values)
            order.append(loop)
        loop.members.append((kernel, node))
        loops[node.index] = loop
    outputs = {sources[index] for index in plan.graph.outputs}
    return [
        item
        if isinstance(item, Work)
        else _of_loop(item, tensors, readers, outputs)
        if isinstance(item, Loop)
        else work_of(*item, tensors)
        for item in order
    ]


def _narrow(tensors: PlacedTensors, readers: dict[int, list[int]]) -> None:
    """What only products read is written in their element type."""
    kinds = ["view", *(kernel.kind for kernel in tensors.plan.kernels)]
    for index, users in readers.items():
        if all(kinds[user] in PRODUCTS for user in users):
            tensors.bytes[index] = tensors.size


def _joined(reads: Sequence[int], values: int, loops: dict[int, Loop]) -> Loop | None:
    """The loop that a function joins: that of the last thing it reads, if all else was there before."""
    for at in sorted(reads, reverse=True):
        loop = loops.get(at)
        if loop is None or loop.values != values:
            continue
        first = loop.members[0][1].index
        inside = {node.index for _, node in loop.members}
        if all(other in inside or other < first for other in reads):
            return loop
    return None


def _of_loop(loop: Loop, tensors: PlacedTensors, readers: dict[int, list[int]], outputs: set[int]) -> Work:
    """The work of a loop: what it reads from outside, each once, and what others read of it."""
    inside = {node.index for _, node in loop.members}
    read = {tensors.sources[at] for _, node in loop.members for at in node.reads} - inside
    written = [
        at for at in inside if at in outputs or any(user not in inside for user in readers.get(at, ()))
    ] or [loop.members[-1][1].index]
    kernels = [kernel for kernel, _ in loop.members]
    reductions = [kernel for kernel in kernels if class_of(kernel) in ("reduction", "group_norm", "lrn")]
    heaviest = max(reductions or kernels, key=lambda kernel: kernel.bytes_read + kernel.bytes_written)
    return Work(
        nodes=tuple(dict.fromkeys(node for kernel in kernels for node in kernel.nodes)),
        name=kernels[0].name,
        kind=class_of(heaviest),
        flops=sum([kernel.flops for kernel in kernels]),
        read=sum([tensors.values[at] * tensors.bytes[at] for at in read]),
        weights=sum([tensors.weights(kernel) for kernel in kernels])
        * (4 if tensors.rules.autocast else tensors.size),
        written=sum([tensors.values[at] * tensors.bytes[at] for at in written]),
        launches=1,
        functions=sum([functions(kernel) for kernel in kernels]),
    )
