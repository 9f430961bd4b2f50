"""What a runtime needs for a network: its arena's plan, its flash, tensor by tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnncost.deployment.arena import Resident, aligned, extent, greedy_by_size, liveness
from cnncost.deployment.lowering import lower, prepared
from cnncost.deployment.order import Order, best_order, reordered
from cnncost.deployment.patches import Patched, patched, stages
from cnncost.deployment.program import Schedule
from cnncost.deployment.runtime import Runtime
from cnncost.deployment.runtimes import RUNTIMES
from cnncost.dtypes import element_bytes
from cnncost.errors import UsageError, known_word
from cnncost.execution.memory import timeline, weight_bytes
from cnncost.execution.plan import plan
from cnncost.graph import Graph, at_batch

NAMES = ("eager", *RUNTIMES)
"""Every runtime that can be asked for."""
ORDERS = ("given", "best")
EAGER = (
    "eager: PyTorch as it is, nothing folded or fused, the input held by the caller throughout; the plan is"
    " what an arena would need, greedily by size: PyTorch itself asks its allocator."
)


class Placed(NamedTuple):
    """A tensor at its address."""

    name: str
    offset: int
    bytes: int
    first: int
    last: int


class Deployment(NamedTuple):
    """What a runtime needs, in bytes."""

    runtime: str
    statement: str  #: the rules that it was found by
    dtype: str
    arena_bytes: int  #: to the end of the tensor that reaches furthest
    liveness_bytes: int  #: what is needed at one step at the most; no plan is smaller
    scratch_bytes: int  #: static buffers beside the arena
    flash_bytes: int  #: weights, not the code nor a file's own structure
    tensors: tuple[Placed, ...]
    steps: tuple[str, ...]  #: names of what runs, in order; step 1 is the first
    order: Order | None = None  #: what a search of other orders has found, if it was asked for
    patched: Patched | None = None  #: what running in patches costs, if it was asked for

    @property
    def ram_bytes(self) -> int:
        """The arena and what lies beside it."""
        return self.arena_bytes + self.scratch_bytes

    @property
    def fragmentation(self) -> float:
        """How much larger the plan is than the liveness bound, as a part of that."""
        return self.arena_bytes / self.liveness_bytes - 1 if self.liveness_bytes else 0.0


def deploy(
    graph: Graph,
    runtime: str,
    *,
    batch: int = 1,
    dtype: str = "float32",
    order: str = "given",
    patches: int = 0,
) -> Deployment:
    """What a runtime needs for a graph.

    `order` is given, or best: other orders of execution are searched. With `patches` the first stages run
    patch by patch, so many along each axis (0: whole), up to the map with which the least is needed. Raises
    UsageError for an unknown word, a dtype that the runtime does not run, an operator that it lacks, or
    patches that divide no map.
    """
    known_word("unknown order", order, ORDERS, "orders")
    if known_word("unknown runtime", runtime, NAMES, "runtimes") == "eager":
        if order != "given" or patches:
            raise UsageError(
                "eager runs what the module's code says: no other order, no patches"
                f"\n  pass --runtime {' or '.join(RUNTIMES)}"
            )
        return _eager(graph, batch, dtype)
    rules = RUNTIMES[runtime]
    ready = prepared(graph, rules)
    program = lower(ready, rules, batch=batch, dtype=dtype)
    if patches:
        return _in_patches(ready, program, rules, batch, dtype, order, patches)
    return _ordered(program, rules, dtype, order)


def _ordered(program: Schedule, rules: Runtime, dtype: str, order: str) -> Deployment:
    """The plan of a program in an order; another one is taken where its arena is smaller."""
    found = planned(program, rules, dtype)
    if order == "given":
        return found
    searched = best_order(program.without_scratch() if rules.apart else program)
    other = planned(reordered(program, searched), rules, dtype)
    return min(found, other, key=lambda plan: plan.ram_bytes)._replace(order=searched)


def _in_patches(
    graph: Graph, program: Schedule, rules: Runtime, batch: int, dtype: str, order: str, patches: int
) -> Deployment:
    """The plan with the first stages in patches, up to the best map."""
    if not rules.patches:
        raise UsageError(f"{rules.name} runs no patches\n  pass --runtime tinyengine or tflm")
    shapes = at_batch(graph, batch)
    best: Deployment | None = None
    for end in stages(graph, program, shapes, patches):
        cut, cost = patched(graph, program, shapes, end, patches, element_bytes(dtype))
        found = planned(cut, rules, dtype)._replace(patched=cost)
        if best is None or found.ram_bytes < best.ram_bytes:
            best, chosen = found, cut
    assert best is not None
    return best if order == "given" else _ordered(chosen, rules, dtype, order)._replace(patched=best.patched)


def planned(program: Schedule, rules: Runtime, dtype: str) -> Deployment:
    """The plan of a program as its steps stand."""
    tensors, beside = arena_tensors(program, rules)
    offsets = rules.planner(tensors)
    return Deployment(
        rules.name,
        rules.statement,
        dtype,
        extent(tensors, offsets),
        liveness(tensors),
        beside,
        sum(step.flash for step in program.steps),
        placed(tensors, offsets),
        tuple([f"{step.name} ({step.kernel})" for step in program.steps]),
    )  # fmt: skip


def placed(tensors: Sequence[Resident], offsets: Sequence[int]) -> tuple[Placed, ...]:
    """Tensors at the addresses that a plan gives them."""
    pairs = zip(tensors, offsets, strict=True)
    return tuple([Placed(each.name, offset, each.bytes, each.first, each.last) for each, offset in pairs])


def arena_tensors(program: Schedule, rules: Runtime) -> tuple[list[Resident], int]:
    """The tensors of the arena in whole blocks, and the bytes of static buffers beside it."""
    if not rules.apart:
        return aligned(program.tensors(), rules.alignment), 0
    tensors = aligned(program.without_scratch().tensors(), rules.alignment)
    kinds = max([len(step.scratch) for step in program.steps], default=0)
    buffers = [
        max([step.scratch[kind] for step in program.steps if len(step.scratch) > kind], default=0)
        for kind in range(kinds)
    ]
    return tensors, sum(buffers)


def _eager(graph: Graph, batch: int, dtype: str) -> Deployment:
    """Eager PyTorch's tensors, as `cnncost memory` has them, in an arena."""
    graph = graph.without_heads()
    running = plan(graph, batch=batch, dtype=dtype)
    line = timeline(running)
    end = len(graph.nodes) - 1
    tensors = [
        Resident(tensor.name, tensor.bytes, tensor.first, min(tensor.last, end)) for tensor in line.tensors
    ]
    for index, moment in enumerate(line.moments, 1):
        if moment.temporary:
            tensors.append(Resident(f"{moment.node} (temporary)", moment.temporary, index, index))
    offsets = greedy_by_size(tensors)
    return Deployment(
        "eager",
        EAGER,
        dtype,
        extent(tensors, offsets),
        liveness(tensors),
        0,
        weight_bytes(running),
        placed(tensors, offsets),
        tuple([node.name for node in graph.nodes[1:]]),
    )  # fmt: skip
