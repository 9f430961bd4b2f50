"""What is alive when in a forward pass, by liveness over the execution order: the peak, to the byte.

`peak_bytes` is quick (every analysis needs it), `timeline` keeps every tensor; a training step is in
`training`. Bytes are those of PyTorch's tensors: cuBLAS and cuDNN workspaces and what an allocator
adds are not among them (`round_to` 512 gives the sizes of blocks that CUDA's allocator hands out).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cnncost.execution.call import Call
from cnncost.execution.eager import rule_of
from cnncost.execution.eager.pool import INDEX_BYTES
from cnncost.execution.lowering import Lowered, lowered
from cnncost.graph import Graph
from cnncost.ops.sizes import Shape, elements


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


def in_blocks(size: int, block: int) -> int:
    """Bytes that a tensor of `size` bytes takes in whole blocks of `block` bytes."""
    return -(-size // block) * block


def peak_bytes(graph: Graph, shapes: Sequence[Shape], element_bytes: int, round_to: int = 1) -> int:
    """Peak of an inference forward pass in bytes, the input included, weights not.

    The input is alive throughout. While a node runs, its inputs, its output and its temporaries
    are alive; a storage is freed after the last node that reads it. `round_to` rounds every
    tensor up to whole blocks.
    """
    plan = lowered(graph, shapes)
    return max(
        [moment.alive for moment in _moments(plan, graph.storages, element_bytes, round_to)], default=0
    )


def weight_bytes(graph: Graph, shapes: Sequence[Shape], element_bytes: int, round_to: int = 1) -> int:
    """Bytes of all parameters and buffers, each tensor of parameters in whole blocks of `round_to` bytes."""
    total = 0
    for node in graph.nodes[1:]:
        inputs = [shapes[index] for index in node.inputs]
        counts = [weight.count for weight in node.op.weights(*inputs)]
        for count in (*counts, node.op.buffers(*inputs)):
            total += in_blocks(count * element_bytes, round_to)
    return total


def timeline(graph: Graph, shapes: Sequence[Shape], element_bytes: int, round_to: int = 1) -> Timeline:
    """The same with every tensor and every node."""
    plan = lowered(graph, shapes)
    tensors: list[Tensor] = []
    found = _moments(plan, graph.storages, element_bytes, round_to, tensors)
    belongs: list[int] = []  # for every node of the plan the node of the graph whose part it is
    moments = []
    for index, (before, place) in enumerate(zip([-1, *plan.places], plan.places, strict=False)):
        belongs += [index] * (place - before)
        if index:
            moments.append(_together(found[before:place]))
    ends = [*belongs, len(graph.nodes)]
    lasting = [
        tensor._replace(first=belongs[tensor.first], last=ends[tensor.last])
        for tensor in tensors
        if tensor.first in plan.places or belongs[tensor.first] < ends[tensor.last]
    ]
    return Timeline(tuple(lasting), tuple(moments), max(moments, key=lambda moment: moment.alive))


def _together(parts: list[Moment]) -> Moment:
    """The moments of an operator's parts as one; what is alive between them only is temporary."""
    first, last = parts[0], parts[-1]
    alive = max(part.alive for part in parts)
    before = first.alive - first.temporary - first.made
    return Moment(last.node, last.made, alive - before - last.made, alive)


def _moments(
    plan: Lowered,
    storages: Sequence[int],
    element_bytes: int,
    round_to: int,
    tensors: list[Tensor] | None = None,
) -> list[Moment]:
    graph, shapes = plan.graph, plan.shapes
    owners = plan.owners(storages)
    last = plan.last_uses(owners)
    indexed = _index_lifetimes(graph)
    alive = in_blocks(elements(shapes[0]) * element_bytes, round_to)
    if tensors is not None:
        tensors.append(Tensor("input", alive, 0, len(graph.nodes)))
    expiring: dict[int, int] = {}
    temporaries: dict[object, int] = {}  # equal operators on equal shapes need the same
    moments = []
    for node in graph.nodes[1:]:
        index = node.index
        shape = shapes[index]
        made = temporary = 0
        if owners[index] == index:
            made = in_blocks(elements(shape) * element_bytes, round_to)
            until = last[index]
            expiring[until] = expiring.get(until, 0) + made
            if tensors is not None:
                tensors.append(Tensor(node.name, made, index, until))
        if index in indexed:
            size = in_blocks(elements(shape) * INDEX_BYTES, round_to)
            made += size
            until = indexed[index]
            expiring[until] = expiring.get(until, 0) + size
            if tensors is not None:
                tensors.append(Tensor(f"{node.name} (indices)", size, index, until))
        else:
            inputs = tuple([shapes[source] for source in node.inputs])
            key = (id(node.op), inputs)
            if key not in temporaries:
                call = Call(node.op, inputs, shape, element_bytes)
                temporaries[key] = in_blocks(rule_of(node.op).temporary(call), round_to)
            temporary = temporaries[key]
        alive += made
        moments.append(Moment(node.name, made, temporary, alive + temporary))
        alive -= expiring.pop(index, 0)
    return moments


def _index_lifetimes(graph: Graph) -> dict[int, int]:
    """Poolings whose indices an unpooling needs, and the last node that needs them."""
    return {node.inputs[1]: node.index for node in graph.nodes if node.op.name == "max_unpool"}


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
