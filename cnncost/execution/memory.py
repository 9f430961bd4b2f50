"""What is alive when in a forward pass, by liveness over the kernels of a plan: the peak, to the byte.

`peak_bytes` is quick (every analysis needs it), `timeline` keeps every tensor; a training step is in
`training`. Bytes are those of PyTorch's tensors: cuBLAS and cuDNN workspaces and what an allocator
adds are not among them (`round_to` 512 gives the sizes of blocks that CUDA's allocator hands out).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cnncost.execution.eager import rule_of
from cnncost.execution.eager.pool import INDEX_BYTES
from cnncost.execution.plan import Plan
from cnncost.ops.sizes import elements


class Tensor(NamedTuple):
    """A tensor of the forward pass and when it is alive: from one node to another, both included."""

    name: str  #: of the node that makes it
    bytes: int
    first: int
    last: int  #: the number of nodes, if it is an output


class Moment(NamedTuple):
    """What is alive while a node runs."""

    node: str
    made: int  #: bytes of its output, and of pooling indices that are kept; 0 for views and in place
    temporary: int
    alive: int  #: with all of that


class Timeline(NamedTuple):
    """The memory of a forward pass in inference."""

    tensors: tuple[Tensor, ...]
    moments: tuple[Moment, ...]  #: of every node but the input
    peak: Moment
    liveness: int | None  #: the peak by liveness alone, where an imported module's references make it another
    estimated: tuple[str, ...]  #: operators whose memory is an estimate


def in_blocks(size: int, block: int) -> int:
    """Bytes that a tensor of `size` bytes takes in whole blocks of `block` bytes."""
    return -(-size // block) * block


def peak_bytes(plan: Plan, round_to: int = 1) -> int:
    """Peak of an inference forward pass in bytes, the input included, weights not.

    The input is alive throughout. While a kernel runs, its inputs, its output and its temporaries
    are alive; a storage is freed after the last kernel that reads it, or when the last reference of an
    imported module's own code is gone. `round_to` rounds every tensor up to whole blocks.
    """
    return max([moment.alive for moment in _moments(plan, plan.last, plan.beside, round_to)], default=0)


def liveness_bytes(plan: Plan, round_to: int = 1) -> int:
    """`peak_bytes` by liveness alone, as of code that keeps no reference beyond the last read."""
    return max([moment.alive for moment in _moments(plan, plan.last_reads, {}, round_to)], default=0)


def weight_bytes(plan: Plan, round_to: int = 1) -> int:
    """Bytes of all parameters and buffers, each tensor of parameters in whole blocks of `round_to` bytes."""
    total = 0
    for node in plan.source.nodes[1:]:
        inputs = [plan.source_shapes[index] for index in node.inputs]
        total += node.scale_bytes
        for weight in node.op.weights(*inputs):
            alone = node._replace(scale_bytes=0)
            total += in_blocks(plan.element_sizes.stored(alone, (weight,), 0), round_to)
        total += in_blocks(plan.element_sizes.weights(node, node.op.buffers(*inputs)), round_to)
    return total


def timeline(plan: Plan, round_to: int = 1) -> Timeline:
    """The same with every tensor and every node of the graph."""
    tensors: list[Tensor] = []
    found = _moments(plan, plan.last, plan.beside, round_to, tensors)
    if plan.source.quantised:
        highest = max(found, key=lambda moment: moment.alive)
        return Timeline(tuple(tensors), tuple(found), highest, None, plan.estimated)
    belongs: list[int] = []  # for every kernel the node whose work it does
    moments = []
    for index, (before, place) in enumerate(zip([-1, *plan.places], plan.places, strict=False)):
        belongs += [index] * (place - before)
        if index:
            moments.append(_together(found[before:place]))
    ends = [*belongs, len(plan.source.nodes)]
    lasting = [
        tensor._replace(first=belongs[tensor.first], last=ends[tensor.last])
        for tensor in tensors
        if tensor.first in plan.places or belongs[tensor.first] < ends[tensor.last]
    ]
    peak = max(moments, key=lambda moment: moment.alive)
    liveness = None if plan.last is plan.last_reads else liveness_bytes(plan, round_to)
    return Timeline(tuple(lasting), tuple(moments), peak, liveness, plan.estimated)


def _together(parts: list[Moment]) -> Moment:
    """The moments of an operator's kernels as one; what is alive between them only is temporary."""
    first, last = parts[0], parts[-1]
    alive = max(part.alive for part in parts)
    before = first.alive - first.temporary - first.made
    return Moment(last.node, last.made, alive - before - last.made, alive)


def _moments(
    plan: Plan,
    last: list[int],
    beside: dict[int, int],
    round_to: int,
    tensors: list[Tensor] | None = None,
) -> list[Moment]:
    if plan.source.quantised:
        return _packed(plan, round_to, tensors)
    graph, shapes, owners = plan.graph, plan.shapes, plan.owners
    undone = graph.undone()
    alive = sum(
        in_blocks(elements(shapes[node.index]) * plan.bytes_at(node.index), round_to) for node in graph.inputs
    )
    if tensors is not None:
        tensors.append(Tensor("input", alive, 0, len(graph.nodes)))
    expiring: dict[int, int] = {}
    known: dict[tuple[int, ...], tuple[int, int]] = {}  # equal operators on equal shapes need the same
    moments = []
    for node in graph.nodes[1:]:
        index = node.index
        key = (id(node.op), plan.bytes_at(index), *[id(shapes[source]) for source in node.inputs])
        if key not in known:
            rule, call = rule_of(node.op), plan.call(index)
            sizes = rule.storage_bytes(call), rule.temporary(call)
            known[key] = in_blocks(sizes[0], round_to), in_blocks(sizes[1], round_to)
        made, temporary = known[key]
        if owners[index] != index:
            made = 0
        else:
            until = last[index]
            expiring[until] = expiring.get(until, 0) + made
            if tensors is not None:
                tensors.append(Tensor(node.name, made, index, until))
        if index in undone:  # the indices are not temporary then
            size, temporary = in_blocks(elements(shapes[index]) * INDEX_BYTES, round_to), 0
            made += size
            until = undone[index]
            if plan.source.running is not None:  # code that refers to the one may refer to the other
                until = max(until, last[index])
            expiring[until] = expiring.get(until, 0) + size
            if tensors is not None:
                tensors.append(Tensor(f"{node.name} (indices)", size, index, until))
        alive += made
        temporary += beside.get(index, 0)
        moments.append(Moment(node.name, made, temporary, alive + temporary))
        alive -= expiring.pop(index, 0)
    return moments


def _packed(plan: Plan, round_to: int, tensors: list[Tensor] | None = None) -> list[Moment]:
    """The same of quantised tensors, each packed: nobody says which temporaries their kernels need."""
    graph, sizes = plan.source, plan.element_sizes
    owners = graph.storages
    last = graph.last_uses(owners)
    expiring: dict[int, int] = {}
    moments = []
    alive = 0
    for node in graph.nodes:
        index = node.index
        given = node.op.kin == "input"
        made = 0
        if given or owners[index] == index:
            made = in_blocks(sizes.output(node, elements(plan.source_shapes[index])), round_to)
            until = len(graph.nodes) if given else last[index]
            expiring[until] = expiring.get(until, 0) + made
            if tensors is not None:
                tensors.append(Tensor(node.name, made, index, until))
        alive += made
        if index:
            moments.append(Moment(node.name, made, 0, alive))
        alive -= expiring.pop(index, 0)
    return moments


def largest_batch(need: Callable[[int], int], limit: int) -> int:
    """The largest batch whose need in bytes is within the limit; 0 if not even one image fits.

    `need` must not fall with the batch.
    """
    if need(1) > limit:
        return 0
    fits, fails = 1, 2
    while need(fails) <= limit:
        fits, fails = fails, 2 * fails
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if need(middle) <= limit:
            fits = middle
        else:
            fails = middle
    return fits
