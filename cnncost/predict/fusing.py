"""What a compiler makes one kernel of: neighbouring functions of every value, and sums over them.

TorchInductor leaves convolutions and matrix products to libraries and writes a loop for the rest; a
function joins the loop of what it reads if it runs over as many values, and nothing else that it reads
comes later. What only the loop itself reads is never written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cnncost.execution.plan import Kernel, Plan
from cnncost.graph import Node
from cnncost.ops.sizes import elements
from cnncost.predict.kernels import PRODUCTS, Work, weight_values, work_of

LOOPS = frozenset(("norm", "activation", "join", "arithmetic", "move", "pooling", "resampling"))
"""Classes that a compiler writes loops for."""


@dataclass
class Loop:
    """Kernels that run as one."""

    values: int  #: that it runs over
    members: list[tuple[Kernel, Node]] = field(default_factory=list)


def fused_works(plan: Plan, sizes: Sequence[int], autocast: bool) -> list[Work]:
    """What a compiled run launches, in order."""
    sources = _sources(plan)
    readers: dict[int, list[int]] = {}
    for kernel, node in zip(plan.kernels, plan.graph.nodes[1:], strict=True):
        if kernel.kind != "view":
            for at in node.reads:
                readers.setdefault(sources[at], []).append(node.index)
    kinds = ["view", *(kernel.kind for kernel in plan.kernels)]
    sizes = _written_as(plan, sizes, readers, kinds)
    order: list[Loop | tuple[Kernel, Node]] = []
    loops: dict[int, Loop] = {}
    for kernel, node in zip(plan.kernels, plan.graph.nodes[1:], strict=True):
        if kernel.kind in ("view", "unknown"):
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
        _of_loop(item, plan, sizes, sources, readers, outputs, autocast)
        if isinstance(item, Loop)
        else work_of(*item, sizes, plan, autocast)
        for item in order
    ]


def _sources(plan: Plan) -> list[int]:
    """For every kernel the one that made its values: of a view what it is a view of."""
    found = [0]
    for kernel, node in zip(plan.kernels, plan.graph.nodes[1:], strict=True):
        view = kernel.kind == "view" and node.inputs
        found.append(found[node.inputs[0]] if view else node.index)
    return found


def _written_as(
    plan: Plan, sizes: Sequence[int], readers: dict[int, list[int]], kinds: Sequence[str]
) -> list[int]:
    """Bytes of an element as it is written: narrow where only products read it."""
    found = list(sizes)
    for index, users in readers.items():
        if users and all(kinds[user] in PRODUCTS for user in users):
            found[index] = plan.element_bytes
    return found


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


def _of_loop(
    loop: Loop,
    plan: Plan,
    sizes: Sequence[int],
    sources: Sequence[int],
    readers: dict[int, list[int]],
    outputs: set[int],
    autocast: bool,
) -> Work:
    """The work of a loop: what it reads from outside, each once, and what others read of it."""
    inside = {node.index for _, node in loop.members}
    read = {sources[at] for _, node in loop.members for at in node.reads} - inside
    written = [
        at for at in inside if at in outputs or any(user not in inside for user in readers.get(at, ()))
    ] or [loop.members[-1][1].index]
    first, heaviest = loop.members[0][0], _heaviest(loop)
    weight = 4 if autocast else plan.element_bytes
    return Work(
        nodes=tuple(dict.fromkeys(node for kernel, _ in loop.members for node in kernel.nodes)),
        name=first.name,
        kind=heaviest.kind,
        flops=sum([kernel.flops for kernel, _ in loop.members]),
        read=sum([elements(plan.shapes[at]) * sizes[at] for at in read]),
        weights=sum([weight_values(kernel, plan) for kernel, _ in loop.members]) * weight,
        written=sum([elements(plan.shapes[at]) * sizes[at] for at in written]),
        launches=1,
    )


def _heaviest(loop: Loop) -> Kernel:
    """The kernel that gives the loop its class: that moves most, the first of several alike."""
    return max(
        (kernel for kernel, _ in loop.members), key=lambda kernel: kernel.bytes_read + kernel.bytes_written
    )
