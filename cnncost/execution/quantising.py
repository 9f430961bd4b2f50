"""Bits of a network's layers, by patterns of names, on top of those that a spec gives.

An operator that only moves values, or that belongs to the layer before it (a batch norm, an activation), has
its tensor in the bits of what it reads, a ReLU in those of its convolution, unless it is named itself:
`relu1` or `*.bn`, not a block, `*` or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from cnncost.bits import Bits, parse
from cnncost.dtypes import is_float
from cnncost.errors import UsageError, nearest
from cnncost.execution.freezing import matches
from cnncost.graph import Graph, Node
from cnncost.ops.base import Storage

CHOOSE = ("maxpool", "global_maxpool", "adaptive_maxpool")
"""Operators that compare, and give one of the values that they read."""


def quantise(graph: Graph, asked: Sequence[str]) -> Graph:
    """The graph with the bits that `--bits` asks for; what is asked later goes before, weights by themselves.

    Raises UsageError for what are no bits, a pattern that matches nothing, or weights of what has none.
    """
    if not asked:
        return graph
    found = [node.bits for node in graph.nodes]
    for text in asked:
        pattern, equals, written = text.rpartition("=")
        bits = _read(text, written)
        layers = [node for node in graph.nodes if not equals or matches(node, pattern)]
        if not layers:
            known = dict.fromkeys(part for node in graph.nodes for part in (node.name, node.path[0]))
            near = nearest(pattern.rstrip("*."), known)
            raise UsageError(
                f"--bits {text!r} matches no layer of {graph.name}"
                + (f": did you mean {near!r}?" if near else "")
                + f"\n  for example: --bits 4, or --bits {graph.nodes[-1].path[0]}=w8a8"
            )
        weighed = [node.index for node in layers if has_weights(graph, node)]
        if bits.activations is None and not weighed:
            raise UsageError(
                f"--bits {text!r}: {layers[0].name} has no weights to quantise\n"
                f"  a{bits.weights} is of the tensor that it makes"
            )
        for node in layers:
            mine = bits if node.index in weighed else bits._replace(weights=None, scales="channel")
            if node.op.kin == "input" and node.types and not is_float(node.types.output):
                continue  # indices and masks are not quantised
            if not names(node, pattern) and keeps(node, graph.nodes):
                mine = mine._replace(activations=None)
            if mine.weights and node.op.storage() is Storage.OUTSIDE:
                mine = mine._replace(activations=mine.weights)  # a learned tensor is what its node makes
            if mine[:2] != (None, None):
                found[node.index] = mine.over(found[node.index])
    nodes = [node._replace(bits=bits) for node, bits in zip(graph.nodes, found, strict=True)]
    return replace(graph, nodes=settled(nodes))


def names(node: Node, pattern: str) -> bool:
    """Whether a pattern is of a node's own name, and not of all in a block or in the network."""
    return fnmatchcase(node.name, pattern) and pattern.rpartition(".")[2] != "*"


def _read(text: str, written: str) -> Bits:
    try:
        return parse(written)
    except UsageError as error:
        raise UsageError(f"--bits {text!r}: {error.message}", **error.parts) from None


def has_weights(graph: Graph, node: Node) -> bool:
    """Whether an operator has weights that can be quantised: not scales, shifts and biases alone."""
    return any(weight.role == "weight" for weight in node.op.weights(*graph.input_shapes(node)))


def settled(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes, with the bits of tensors of which nobody says any."""
    made: list[Node] = []
    for node in nodes:
        if not (node.bits and node.bits.activations) and node.reads and keeps(node, nodes):
            read = [made[index].bits for index in node.reads]
            widths = [bits.activations if bits else None for bits in read]
            if None not in widths:
                widest = max([width for width in widths if width])
                node = node._replace(bits=Bits(None, widest).over(node.bits))
        made.append(node)
    return tuple(made)


def keeps(node: Node, nodes: Sequence[Node]) -> bool:
    """Whether an operator's values have the bits of those that it reads, if nobody says others."""
    op = node.op
    if op.kin in ("input", "unknown") or op.storage() is Storage.OUTSIDE:
        return False
    if op.shares_row or op.storage() is not Storage.NEW or op.name in CHOOSE:
        return True
    inputs = tuple([nodes[index].shape for index in node.inputs])
    return not op.macs(node.shape, *inputs) and not op.arithmetic(node.shape, *inputs)
