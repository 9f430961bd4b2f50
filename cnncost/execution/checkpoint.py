"""Activation checkpoints (Chen et al. 2016): stretches of a network that run again in the backward pass.

As torch.utils.checkpoint without reentrance has it: a stretch keeps what it reads from outside and saves
nothing; the first of its kernels that needs a saved tensor in the backward pass has the stretch run again,
which then saves, and stops after the last thing that is saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cnncost.errors import UsageError
from cnncost.execution.plan import Plan
from cnncost.execution.storages import training_storages
from cnncost.graph import Graph
from cnncost.ops.base import Storage


class Segment(NamedTuple):
    """Nodes of a graph that run as one checkpoint, from the first to the last, both included."""

    first: int
    last: int


@dataclass(frozen=True)
class Stretch:
    """A segment in a plan's kernels."""

    first: int
    last: int
    entries: tuple[int, ...]  #: kernels outside whose values are read inside


def boundaries(graph: Graph) -> list[int]:
    """Nodes after which everything depends on their value alone: where a network can be cut.

    The input is the first, the last node the last of them. None is a value that is written over later, which
    a checkpoint may not read.
    """
    found, reach = [0], 0
    owners = training_storages(graph)
    over = {
        owners[node.index]: node.index
        for node in graph.nodes
        if node.inputs and graph.storage_of(node, training=True) is Storage.IN_PLACE
    }  # for storages the last node that writes over them
    last = list(range(len(graph.nodes)))  # who reads a value last
    for node in graph.nodes:
        for source in node.inputs:
            last[source] = node.index
    for node in graph.nodes[1:]:
        reach = max(reach, last[node.index - 1])
        if reach <= node.index and over.get(owners[node.index], 0) <= node.index:
            found.append(node.index)
    return found


def stretches(plan: Plan, segments: Sequence[Segment]) -> list[Stretch]:
    """The segments in the plan's kernels. Raises UsageError for segments that overlap."""
    found, end = [], 0
    for segment in segments:
        if not end < segment.first <= segment.last < len(plan.source.nodes):
            raise UsageError(
                f"checkpoints overlap or are outside of the network: {segment.first} to {segment.last}"
            )
        end = segment.last
        first, last = plan.places[segment.first - 1] + 1, plan.places[segment.last]
        reads = {source for node in plan.graph.nodes[first : last + 1] for source in node.reads}
        found.append(Stretch(first, last, tuple(sorted(source for source in reads if source < first))))
    return found
