"""Layers that are not trained, or stay in eval mode, by patterns of names.

On top of what a spec or a module does itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from cnncost.errors import UsageError, nearest
from cnncost.graph import Graph, Node


def freeze(graph: Graph, patterns: Sequence[str]) -> Graph:
    """The graph with the weights of some nodes frozen; `stage1` is all below it, `*.bn1` a name of any block.

    Raises UsageError for a pattern that matches no node with weights.
    """
    if not patterns:
        return graph
    layers = [node for node in graph.nodes[1:] if node.op.weights(*graph.input_shapes(node))]
    frozen = set(graph.frozen)
    for pattern in patterns:
        frozen |= chosen(pattern, layers, "--freeze", f"layer with weights of {graph.name}")
    nodes = [
        node._replace(op=node.op.replace(frozen=True))
        if node.index in frozen and "frozen" in node.op.arguments and node.op.given("frozen") is False
        else node
        for node in graph.nodes
    ]
    return replace(graph, nodes=tuple(nodes), frozen=frozenset(frozen))


def hold(graph: Graph, patterns: Sequence[str]) -> Graph:
    """The graph with some layers in eval mode while it is trained.

    Batch norms then normalise with the statistics that they have kept, dropout does nothing. Patterns are as
    `freeze` takes them. Raises UsageError for one that matches no such layer.
    """
    acting: dict[str, tuple[str, dict[str, Any]]] = {
        "bn": ("statistics", {"fixed": True}),
        "dropout": ("p", {"p": 0}),
        "drop_path": ("p", {"p": 0}),
    }
    layers = [
        node for node in graph.nodes if node.op.name in acting and node.op.given(acting[node.op.name][0])
    ]
    changed: set[int] = set()
    for pattern in patterns:
        changed |= chosen(pattern, layers, "--eval", f"batch norm or dropout of {graph.name}")
    nodes = [
        node._replace(op=node.op.replace(**acting[node.op.name][1])) if node.index in changed else node
        for node in graph.nodes
    ]
    return replace(graph, nodes=tuple(nodes))


def chosen(pattern: str, layers: Sequence[Node], option: str, what: str) -> set[int]:
    """The layers that a pattern matches, by their indices. Raises UsageError if it matches none."""
    found = {node.index for node in layers if matches(node, pattern)}
    if found:
        return found
    names = dict.fromkeys(part for node in layers for part in (node.name, node.path[0]))
    near = nearest(pattern.rstrip("*."), names)
    raise UsageError(
        f"{option} {pattern!r} matches no {what}"
        + (f": did you mean {near!r}?" if near else "")
        + (f"\n  for example: {option} {layers[0].path[0]!r}, or '*.bn'" if layers else "")
    )


def matches(node: Node, pattern: str) -> bool:
    """Whether a node, or a block that it stands in, has a name of that pattern."""
    path = node.path
    return any(fnmatchcase(".".join(path[: place + 1]), pattern) for place in range(len(path)))
