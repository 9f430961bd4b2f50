"""What differs between two snapshots: quantities, nodes, names."""

from __future__ import annotations

from typing import NamedTuple

from cnncost import units
from cnncost.graph import Graph, Node
from cnncost.regress.match import pairs
from cnncost.regress.snapshot import NodeCost, Snapshot, describe, plain


class QuantityChange(NamedTuple):
    """A total that is another one now."""

    quantity: str
    old: int
    new: int

    @property
    def difference(self) -> int:
        return self.new - self.old


class NodeChange(NamedTuple):
    """A node that is new, gone, another one, or that reads other nodes."""

    kind: str  #: added, removed, changed or rewired
    old: NodeCost | None
    new: NodeCost | None

    @property
    def node(self) -> NodeCost:
        """The node as it is now, else as it was."""
        node = self.new or self.old
        assert node is not None
        return node

    @property
    def words(self) -> str:
        """What happened to the node."""
        if self.kind == "rewired":
            return f"{self.node.text}, reads other nodes than before"
        if self.kind != "changed" or self.old is None or self.new is None or not self.old.source:
            return self.node.text
        assert self.new.source is not None
        return f"{self.new.op}: " + (
            ", ".join(_differences(self.old.source, self.new.source)) or "its formula"
        )

    def difference(self, field: str) -> int:
        """How much of a field (params, macs, ...) the change brings."""
        before = getattr(self.old, field) if self.old else 0
        return int((getattr(self.new, field) if self.new else 0) - before)


def _differences(old: tuple[Graph, Node], new: tuple[Graph, Node]) -> list[str]:
    """What two nodes have different: arguments and shapes, as `stride 1 -> 2`."""
    (old_graph, before), (new_graph, after) = old, new
    if before.op.name != after.op.name:
        return [f"{describe(*old)} -> {describe(*new)}"]
    facts = [
        {name: plain(node.op, name, len(graph.input_shapes(node)[0]) - 2) for name in node.op.values}
        | {"input": ", ".join(units.shape(shape[1:]) for shape in graph.input_shapes(node))}
        | {"output": units.shape(node.shape[1:])}
        | {"bits": node.bits.text() if node.bits else "none"}
        for graph, node in ((old_graph, before), (new_graph, after))
    ]
    return [
        f"{name} {facts[0][name]} -> {value}"
        for name, value in facts[1].items()
        if facts[0].get(name) != value
    ]


class Renaming(NamedTuple):
    """Equal nodes under another name: the parts of their paths that differ, and how many they are."""

    old: str
    new: str
    nodes: int


class Comparison(NamedTuple):
    """Everything that differs between two snapshots of a model."""

    quantities: tuple[QuantityChange, ...] = ()
    nodes: tuple[NodeChange, ...] = ()
    renamings: tuple[Renaming, ...] = ()

    @property
    def same(self) -> bool:
        """True if nothing differs but names."""
        return not self.quantities and not self.nodes


def compare(old: Snapshot, new: Snapshot) -> Comparison:
    """What differs from `old` to `new`."""
    quantities = tuple(
        QuantityChange(name, old.quantities[name], value)
        for name, value in new.quantities.items()
        if name in old.quantities and old.quantities[name] != value
    )
    if not quantities and old.digest == new.digest:
        return Comparison()
    nodes: list[NodeChange] = []
    renamed: dict[tuple[str, str], int] = {}
    for pair in pairs(old.nodes, new.nodes):
        kind = _kind(pair.old, pair.new, pair.rewired)
        if kind is not None:
            nodes.append(NodeChange(kind, pair.old, pair.new))
        if pair.old and pair.new and pair.old.name != pair.new.name:
            names = _different_parts(pair.old.name, pair.new.name)
            renamed[names] = renamed.get(names, 0) + 1
    renamings = tuple(Renaming(before, after, count) for (before, after), count in renamed.items())
    return Comparison(quantities, tuple(nodes), renamings)


def _kind(old: NodeCost | None, new: NodeCost | None, rewired: bool) -> str | None:
    if old is None:
        return "added"
    if new is None:
        return "removed"
    if old.digest != new.digest or old[3:7] != new[3:7]:
        return "changed"
    return "rewired" if rewired else None


def _different_parts(old: str, new: str) -> tuple[str, str]:
    """Two paths without the innermost parts that they share."""
    before, after = old.split("."), new.split(".")
    while len(before) > 1 and len(after) > 1 and before[-1] == after[-1]:
        before.pop()
        after.pop()
    return ".".join(before), ".".join(after)
