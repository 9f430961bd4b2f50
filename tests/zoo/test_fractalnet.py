"""FractalNet's recursion: how deep it gets, and that every joint is the mean of its columns."""

from __future__ import annotations

from fractions import Fraction

import pytest

import cnncost
from cnncost.graph import Graph


@pytest.mark.parametrize(
    ("columns", "params"),
    [(1, 258_660), (2, 848_820), (3, 2_127_780), (4, 4_784_340), (5, 10_196_100), (6, 21_118_260)],
)
def test_the_ultra_deep_series(columns: int, params: int) -> None:
    graph = cnncost.load("fractalnet_ultra_c4", set={"columns": columns})
    assert cnncost.analyze(graph).totals.params == params
    assert depth(graph) == 5 * 2 ** (columns - 1)
    assert [node.shape[2] for node in graph.nodes if node.name in ends(columns)] == [16, 8, 4, 2, 1]


def ends(columns: int) -> list[str]:
    """Names of the last layers of the five blocks."""
    last = "conv_bn.maxpool" if columns == 1 else "mean"
    return [f"block{number}.{last}" for number in range(1, 6)]


def depth(graph: Graph) -> int:
    """Convolutions on the longest path."""
    longest: list[int] = []
    for node in graph.nodes:
        before = max((longest[index] for index in node.inputs), default=0)
        longest.append(before + (node.op.name == "conv"))
    return longest[-1]


@pytest.mark.parametrize("columns", range(2, 7))
def test_a_block_ends_in_the_mean_of_all_columns(columns: int) -> None:
    graph = cnncost.load("fractalnet", set={"columns": columns})
    by_name = {node.name: node.index for node in graph.nodes}
    for number in range(1, 6):
        assert shares(graph, by_name[f"block{number}.mean"]) == [Fraction(1, columns)] * columns


@pytest.mark.parametrize("columns", range(3, 7))
def test_an_inner_joint_is_the_mean_of_the_columns_that_end_there(columns: int) -> None:
    graph = cnncost.load("fractalnet", set={"columns": columns})
    joints = [node for node in graph.nodes if node.path[0] == "block1" and node.op.name == "scale"]
    found = sorted(len(shares(graph, node.index)) for node in joints)
    # Halfway all columns but the shortest end, a quarter in all but two, and so on.
    assert found == sorted([columns] + [k for k in range(2, columns) for _ in range(2 ** (columns - 1 - k))])
    for node in joints:
        parts = shares(graph, node.index)
        assert parts == [Fraction(1, len(parts))] * len(parts)


def shares(graph: Graph, end: int) -> list[Fraction]:
    """The weights with which the units right behind `end`, across sums and factors, enter it."""
    found = []
    waiting = [(end, Fraction(1))]
    while waiting:
        index, weight = waiting.pop()
        node = graph.nodes[index]
        if node.op.name == "scale":
            weight *= Fraction(vars(node.op)["by"]).limit_denominator(1000)
        if index == end or node.op.name == "add":
            waiting += [(source, weight) for source in node.inputs]
        else:
            found.append(weight)
    return found
