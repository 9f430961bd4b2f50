"""A graph written as a spec reads back as the same graph."""

from __future__ import annotations

import import_coverage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import cnncost
from cnncost.graph import Graph, InputNode, Node
from cnncost.importers import from_module, write
from cnncost.language import zoo
from cnncost.language.instance import graph_of
from cnncost.ops import REGISTRY
from cnncost.ops.base import Operator


def read_back(graph: Graph) -> Graph:
    return graph_of(zoo.parse_text(write.text(graph), "written", "model"), None)


UNITS: dict[str, list[tuple[str, Operator]]] = {
    "plain": [("conv", REGISTRY["conv"](out=4, kernel=3, pad=1)), ("relu", REGISTRY["relu"]())],
    "numbered": [("0.conv", REGISTRY["conv"](out=4)), ("1", REGISTRY["relu"]())],
    "norm": [("norm", REGISTRY["bn"]()), ("conv", REGISTRY["conv"](out=4, bias=False))],
}


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Chains of units in numbered lists, some equal, each from the last node or an earlier unit's end."""
    nodes = [Node(0, "input", InputNode(), (), (1, 4, 8, 8))]
    ends = [0]
    for stage in range(draw(st.integers(1, 3))):
        for number in range(draw(st.integers(1, 5))):
            prefix = f"stage{stage}.{number}"
            entry = draw(st.sampled_from([ends[-1]] * 3 + ends))
            current = entry
            for name, op in UNITS[draw(st.sampled_from(sorted(UNITS)))]:
                nodes.append(Node(len(nodes), f"{prefix}.{name}", op, (current,), (1, 4, 8, 8)))
                current = len(nodes) - 1
            if draw(st.booleans()):
                other = draw(st.sampled_from([entry, *ends]))
                join = REGISTRY["add"]()
                nodes.append(Node(len(nodes), f"{prefix}.add", join, (current, other), (1, 4, 8, 8)))
            ends.append(len(nodes) - 1)
    return Graph("drawn", tuple(nodes), (len(nodes) - 1,))


@settings(deadline=None, max_examples=150)
@given(graphs())
def test_any_chain_of_units_reads_back(graph: Graph) -> None:
    assert import_coverage.same(graph, read_back(graph))


@pytest.mark.parametrize("name", [name for name in zoo.names() if name != "lenet5"][::7])
def test_the_zoo_flat_reads_back(name: str) -> None:
    """Names, operators, edges; a reference to another node than the input is not written."""
    graph = cnncost.load(name).without_heads()
    if any(
        node.op.reference and node.op.name != "expand"
        for node in graph.nodes
        if len(node.inputs) > 1 and node.op.inputs
    ):
        pytest.skip("it has operators that refer to labels")
    assert import_coverage.same(graph, read_back(graph))


def test_equal_units_are_folded() -> None:
    op = REGISTRY["conv"](out=4, kernel=3, pad=1)
    nodes = [Node(0, "input", InputNode(), (), (1, 4, 8, 8))]
    for number in range(3):
        for name in ("a", "b"):
            nodes.append(Node(len(nodes), f"layers.{number}.{name}", op, (len(nodes) - 1,), (1, 4, 8, 8)))
    text = write.text(Graph("folded", tuple(nodes), (6,)))
    assert text == (
        "family: folded\n"
        "input: [4, 8, 8]\n"
        "blocks:\n"
        "  layers_unit:\n"
        "    - {conv: {out: 4, kernel: 3, pad: 1}, as: a}\n"
        "    - {conv: {out: 4, kernel: 3, pad: 1}, as: b}\n"
        "body:\n"
        "  - {layers_unit: {}, as: layers.$unit, for: {unit: [0, 1, 2]}}\n"
    )


def test_a_batch_that_does_not_stand_first_has_no_spec() -> None:
    """A spec's batch stands first: what it would cost is another network."""
    from cnncost.importers.inputs import call

    for axis, where in ((1, "at axis 1"), (None, "none")):
        graph = from_module(nn.GRU(5, 6), call((4, 5), axis))
        with pytest.raises(cnncost.UsageError) as caught:
            write.text(graph)
        assert str(caught.value) == (
            f"GRU: its batch is {where}, and a spec has it first\n  count the network itself: cnncost table"
        )
