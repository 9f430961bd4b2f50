"""The Inceptions: the auxiliary head, the modules per grid, inputs that do not divide evenly."""

from __future__ import annotations

import pytest

import cnncost
from cnncost.graph import Graph


def test_keras_inception_v3_has_no_auxiliary_head() -> None:
    graph = cnncost.load("inception_v3_keras")
    assert len(graph.outputs) == 1
    assert cnncost.analyze(graph, mode="train").totals.params == 23_817_352
    assert len(cnncost.load("inception_v3").outputs) == 2


@pytest.mark.parametrize("size", [75, 128, 224, 299, 331])
def test_auxiliary_head_reduces_any_map_to_one_position(size: int) -> None:
    graph = cnncost.load("inception_v3", input=(size, size))
    last = next(
        node for node in graph.nodes if node.name.startswith("aux.") and node.op.name == "global_avgpool"
    )
    before = graph.nodes[last.inputs[0]].shape
    assert before[:2] == (1, 768)
    if size <= 299:
        assert before[2:] == (1, 1)


@pytest.mark.parametrize(
    ("model", "grids"),
    [
        ("inception_v2", {28: 2, 14: 5, 7: 3}),  # a reduction belongs to the grid it makes
        ("inception_v3", {35: 3, 17: 5, 8: 3}),
        ("inception_v4", {35: 4 + 1, 17: 7 + 1, 8: 3 + 1}),  # the first with the stem's last concatenation
        ("inception_resnet_v1", {35: 5, 17: 10 + 1, 8: 5 + 1}),
        ("inception_resnet_v2", {35: 10 + 1, 17: 20 + 1, 8: 10 + 1}),  # the first is not residual
    ],
)
def test_modules_per_grid(model: str, grids: dict[int, int]) -> None:
    graph = cnncost.load(model).without_heads()
    modules: dict[str, int] = {}
    for node in graph.nodes:
        if node.op.name == "concat":
            modules[node.path[0]] = node.shape[2]
    found = {size: list(modules.values()).count(size) for size in grids}
    assert found == grids


@pytest.mark.parametrize("size", [193, 200, 224, 225, 331])
def test_reductions_of_inception_v2_fit_odd_maps(size: int) -> None:
    graph = cnncost.load("inception_v2", input=(size, size))
    for label in ("inception3c", "inception4e"):
        (end,) = (node for node in graph.nodes if node.name == f"{label}.concat")
        assert end.shape[2] == (height_before(graph, label) + 1) // 2


def height_before(graph: Graph, label: str) -> int:
    """Height of the map that enters a block."""
    first = next(node for node in graph.nodes if node.path[0] == label)
    return graph.nodes[first.inputs[0]].shape[2]


def test_residual_branches_end_linear() -> None:
    graph = cnncost.load("inception_resnet_v2")
    up = [node for node in graph.nodes if node.name.endswith(".up.conv")]
    assert len(up) == 10 + 20 + 10
    assert all(vars(node.op)["bias"] for node in up)
    readers = [graph.nodes[index].op.name for node in up for index in graph.consumers()[node.index]]
    assert readers == ["scale"] * 39 + ["add"]  # the last module is not scaled
