"""Graph -> a tree of its blocks, as text."""

from __future__ import annotations

from cnncost import units
from cnncost.graph import Graph, Node


def tree(graph: Graph) -> str:
    """The blocks and operators of a graph, indented by block, with output shapes.

    A node's inputs are shown where they are not just the line above it.
    """
    lines = [f"{graph.name}  {graph.source}", f"input  {units.shape(graph.input_shape)}"]
    open_path: tuple[str, ...] = ()
    labels = [(_label(node), node) for node in graph.nodes[1:]]
    width = max(2 * (len(node.path) - 1) + len(label) for label, node in labels) + 2
    previous = 0
    for label, node in labels:
        *blocks, _ = node.path
        shared = 0
        while shared < min(len(blocks), len(open_path)) and blocks[shared] == open_path[shared]:
            shared += 1
        for depth in range(shared, len(blocks)):
            lines.append("  " * depth + blocks[depth])
        open_path = tuple(blocks)
        line = ("  " * len(blocks) + label).ljust(width) + units.shape(node.shape[1:])
        if node.inputs != (previous,):
            line += "  <- " + ", ".join(graph.nodes[index].name for index in node.inputs)
        if node.index in graph.outputs:
            line += "  (output)"
        lines.append(line)
        previous = node.index
    return "\n".join(lines) + "\n"


def _label(node: Node) -> str:
    given = repr(node.op).partition("(")[2][:-1].replace("=", " ")
    last = node.path[-1]
    kind = "" if last == node.op.name else f" {node.op.name}"
    return f"{last}{kind}" + (f" ({given})" if given else "")
