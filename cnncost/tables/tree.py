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


def _short(value: object) -> str:
    """An argument's value, a pair or padding of equal sizes as one number."""
    if isinstance(value, tuple) and value and not isinstance(value[0], tuple):
        return str(value[0]) if len(set(value)) == 1 else ",".join(map(str, value))
    return f"{len(value)} rows" if isinstance(value, tuple) else str(value)


def _label(node: Node) -> str:
    arguments = node.op.arguments
    given = ", ".join(
        f"{name} {_short(value)}"
        for name, value in vars(node.op).items()
        if name in arguments and value is not None and _short(value) != _short(arguments[name].default)
    )
    last = node.path[-1]
    kind = "" if last == node.op.name else f" {node.op.name}"
    return f"{last}{kind}" + (f" ({given})" if given else "")
