"""Graph -> a tree of its blocks, as text."""

from __future__ import annotations

from cnncost import units
from cnncost.graph import Graph, Node
from cnncost.tables.wrap import wrap

SHAPE = 16
"""Characters of a terminal's line that are left to shapes."""


def tree(graph: Graph, columns: int | None = None) -> str:
    """The blocks and operators of a graph, indented by block, with output shapes.

    A node's inputs are shown where they are not just the line above it. Lines are broken to fit a
    terminal of `columns`; None: they are not.
    """
    given = graph.inputs
    lines = [f"{graph.name}  {graph.source}", f"input  {units.shape(graph.input_shape)}"]
    lines += [f"{node.name}  {units.shape(node.shape[1:])}" for node in given[1:]]
    open_path: tuple[str, ...] = ()
    labels = [(_label(node), node) for node in graph.nodes[1:] if node.op.kin != "input"]
    width = max(2 * (len(node.path) - 1) + len(label) for label, node in labels) + 2
    if columns is not None:
        width = min(width, max(columns - SHAPE, 2))
    previous = 0
    for label, node in labels:
        *blocks, _ = node.path
        shared = 0
        while shared < min(len(blocks), len(open_path)) and blocks[shared] == open_path[shared]:
            shared += 1
        for depth in range(shared, len(blocks)):
            lines.append("  " * depth + blocks[depth])
        open_path = tuple(blocks)
        line = ("  " * len(blocks) + label).ljust(width - 2) + "  " + units.shape(node.shape[1:])
        if node.inputs != (previous,):
            line += "  <- " + ", ".join(graph.nodes[index].name for index in node.inputs)
        if node.index in graph.outputs:
            line += "  (output)"
        lines.append(line)
        previous = node.index
    if columns is not None:
        lines = [part for line in lines for part in _broken(line, columns)]
    return "\n".join(lines) + "\n"


def _broken(line: str, columns: int) -> list[str]:
    """A line for a terminal: what does not fit stands below, indented further."""
    indent = " " * (len(line) - len(line.lstrip()))
    return wrap(line, columns, indent=indent + "    ")


def _short(value: object) -> str:
    """An argument's value, a pair or padding of equal sizes as one number."""
    if isinstance(value, tuple) and value and not isinstance(value[0], tuple):
        return str(value[0]) if len(set(value)) == 1 else ",".join(map(str, value))
    return f"{len(value)} rows" if isinstance(value, tuple) else str(value)


def _label(node: Node) -> str:
    arguments = node.op.arguments
    given = ", ".join(
        f"{name} {_short(value)}"
        for name, value in node.op.values.items()
        if name in arguments and value is not None and _short(value) != _short(arguments[name].default)
    )
    last = node.path[-1]
    kind = "" if last == node.op.name else f" {node.op.name}"
    return f"{last}{kind}" + (f" ({given})" if given else "")
