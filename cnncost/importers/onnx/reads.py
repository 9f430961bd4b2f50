"""What the nodes of a file read, those within their graphs too, and which of them its outputs need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnncost.importers.onnx.patterns import Found

CONTROL = ("If", "Loop", "Scan")
"""Operators that hold graphs of their own."""


def read_by(
    nodes: Sequence[Any], outputs: Sequence[str], found: Mapping[str, Found] | None = None
) -> list[Any]:
    """The nodes that the outputs depend on, in order; patterns depend on the tensor they take."""
    needed = set(outputs)
    kept = []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            pattern = found.get(node.output[0]) if found else None
            needed.update([pattern.source] if pattern else [*node.input, *reads(node)])
            kept.append(node)
    return kept[::-1]


def reads(node: Any) -> list[str]:
    """The tensors whose values a node reads, not only their shapes or types."""
    if node.op_type in ("Shape", "Size"):
        return []
    if node.op_type in CONTROL:  # their graphs read tensors from outside
        inner = [name for graph in graphs_in(node) for item in graph.node for name in reads(item)]
        return list(dict.fromkeys([name for name in (*node.input, *inner) if name]))
    return [name for name in (node.input[:1] if node.op_type == "CastLike" else node.input) if name]


def sources(nodes: Sequence[Any], node: Any) -> set[str]:
    """The tensors that a node's values come from, over nodes in order, those of the file's inputs too."""
    found = set(reads(node))
    for before in reversed(nodes):
        if found.intersection(before.output):
            found.update(reads(before))
    return found


def graphs_in(node: Any) -> list[Any]:
    """The graphs that a node holds."""
    return [item.g for item in node.attribute if item.HasField("g")]
