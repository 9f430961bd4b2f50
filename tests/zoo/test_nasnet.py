"""NASNet-A: which cells a cell reads, and TensorFlow's padding."""

from __future__ import annotations

from itertools import pairwise

import pytest

import cnncost
from cnncost.graph import Graph

STAGES = ("stage", "stage.next.stage", "stage.next.stage.next.stage")


@pytest.fixture(scope="module", params=["nasnet_a_mobile", "nasnet_a_large"])
def graph(request: pytest.FixtureRequest) -> Graph:
    return cnncost.load(request.param)


def cells(graph: Graph) -> int:
    """Normal cells per stage."""
    return sum(node.op.name == "concat" and node.name.startswith("stage.cell") for node in graph.nodes)


def read_by(graph: Graph, name: str) -> str:
    """Name of what a node reads, a ReLU passed over."""
    by_name = {node.name: node for node in graph.nodes}
    source = graph.nodes[by_name[name].inputs[0]]
    return graph.nodes[source.inputs[0]].name if source.op.name == "relu" else source.name


def test_a_normal_cell_reads_the_two_cells_before_it(graph: Graph) -> None:
    for stage in STAGES:
        for number in range(3, cells(graph) + 1):
            assert read_by(graph, f"{stage}.first{number}.older") == f"{stage}.cell{number - 1}"
            assert read_by(graph, f"{stage}.adjusted{number}.adjusted.relu") == f"{stage}.cell{number - 2}"


def test_the_second_cell_of_a_stage_reads_the_reduction(graph: Graph) -> None:
    reductions = ("stem2.cell", "stage.next.reduction.cell", "stage.next.stage.next.reduction.cell")
    for stage, reduction in zip(STAGES, reductions, strict=True):
        assert read_by(graph, f"{stage}.first1.older") == reduction
        assert read_by(graph, f"{stage}.adjusted2.adjusted.relu") == reduction


def test_the_cell_behind_a_reduction_reads_around_it(graph: Graph) -> None:
    count = cells(graph)
    around = count if graph.name == "nasnet_a_mobile" else count - 1
    for before, stage in pairwise(STAGES):
        assert read_by(graph, f"{stage}.adjusted1.adjusted.relu") == f"{before}.cell{around}"
        assert read_by(graph, f"{before}.next.adjusted.relu") == f"{before}.cell{count - 1}"
        assert read_by(graph, f"{before}.next.reduction.newer.conv") == f"{before}.cell{count}"


@pytest.mark.parametrize(
    ("model", "cell_maps", "sizes"),
    [
        ("nasnet_a_mobile", (44, 88, 176), (28, 14, 7)),  # 1056 / 24 = 44
        ("nasnet_a_large", (168, 336, 672), (42, 21, 11)),  # 4032 / 24 = 168
    ],
)
def test_maps_and_sizes(model: str, cell_maps: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    graph = cnncost.load(model)
    ends = {node.name: node.shape for node in graph.nodes}
    for stage, maps, size in zip(STAGES, cell_maps, sizes, strict=True):
        assert ends[f"{stage}.cell{cells(graph)}"] == (1, 6 * maps, size, size)


@pytest.mark.parametrize("size", [224, 225, 331])
def test_halves_round_up_as_same_padding_does(size: int) -> None:
    graph = cnncost.load("nasnet_a_mobile", input=(size, size))
    heights = {node.name: node.shape[2] for node in graph.nodes if len(node.shape) == 4}
    expected = (size - 3) // 2 + 1  # the first convolution does not pad
    for name in ("conv1", "stem1.cell", "stem2.cell", "stage.next.reduction.cell"):
        assert heights[name] == expected, name
        expected = -(-expected // 2)


def test_pools_of_a_reduction_see_a_border_of_zeros(graph: Graph) -> None:
    borders = [node for node in graph.nodes if node.op.name == "zero_pad" and node.path[-1] == "padded"]
    assert len(borders) == 4
    for node in borders:
        size = graph.nodes[node.inputs[0]].shape[2]
        before = 1 if size % 2 else 0  # an odd map gets a row on top too
        assert vars(node.op)["pad"] == (before, 1, before, 1)
        readers = [reader.op.name for reader in graph.nodes if node.index in reader.inputs]
        assert readers == ["maxpool", "avgpool", "maxpool"]
