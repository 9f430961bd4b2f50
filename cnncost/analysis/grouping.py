"""Which nodes make one row: by op, by layer, by block, by stage.

A layer is an operator with the activations, normalisations and dropouts that follow it, as
lecture tables count. A stage is a step of the spec's body, a block a step of a stage.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import NamedTuple

from cnncost.errors import known_word
from cnncost.graph import Graph, Node

LEVELS = ("op", "layer", "block", "stage")
DEPTHS = {"stage": 1, "block": 2}
"""How many parts of a node's path name its row."""


class Group(NamedTuple):
    """The nodes of one row, and its name."""

    name: str
    nodes: list[Node]


def groups(graph: Graph, by: str) -> list[Group]:
    """The graph's nodes (without the input) in rows, in order of their first node."""
    known_word("unknown level", by, LEVELS, "levels")
    nodes = graph.nodes[1:]
    if by == "op":
        return [Group(node.name, [node]) for node in nodes if node.op.kin != "input"]
    names = _layers(graph) if by == "layer" else _parts(graph, DEPTHS[by])
    rows: dict[str, Group] = {}
    for node, name in zip(nodes, names, strict=True):
        if node.op.kin == "input":
            continue
        group = rows.get(name)
        if group is None:
            group = rows[name] = Group(name, [])
        group.nodes.append(node)
    return _named_by_blocks(list(rows.values())) if by == "layer" else list(rows.values())


def _named_by_blocks(rows: list[Group]) -> list[Group]:
    """A layer that has the whole of a block in it takes its name: conv1_1, not conv1_1.conv."""
    blocks = [[_block(node.name) for node in row.nodes] for row in rows]
    sizes = Counter(chain.from_iterable(blocks))
    with_blocks_inside = {_block(block) for block in sizes}
    named = []
    for (name, nodes), members in zip(rows, blocks, strict=True):
        block = members[0]
        whole = block and sizes[block] == members.count(block) and block not in with_blocks_inside
        named.append(Group(block if whole else name, nodes))
    return named


def _block(name: str) -> str:
    """The block that a name stands in; "" for none."""
    return name.rpartition(".")[0]


def _ancestor(name: str, depth: int) -> str:
    """The block a name belongs to, at most so deep; a name outside all blocks stays itself."""
    path = name.split(".")
    return ".".join(path[: min(depth, len(path) - 1)]) or name


def _layers(graph: Graph) -> list[str]:
    """For every node but the input the name of the one whose layer it belongs to."""
    names = [""]
    for node in graph.nodes[1:]:
        source = node.inputs[0]
        names.append(names[source] if node.op.shares_row and source != 0 else node.name)
    return names[1:]


def _parts(graph: Graph, depth: int) -> list[str]:
    """For every node but the input the block it stands in; outside all blocks it shares a row as above."""
    names = [""]
    for node in graph.nodes[1:]:
        name, source = _ancestor(node.name, depth), node.inputs[0]
        shared = node.op.shares_row and name == node.name and source != 0
        names.append(names[source] if shared else name)
    return names[1:]
