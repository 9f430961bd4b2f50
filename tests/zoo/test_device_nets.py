"""ShuffleNet, MobileNet and EfficientNet: what their parameters mean."""

from __future__ import annotations

import pytest

import cnncost
from cnncost.graph import Graph, Node


def ends(graph: Graph, stages: tuple[str, ...]) -> list[int]:
    """Maps at the end of each stage."""
    return [[node for node in graph.nodes if node.path[0] == stage][-1].shape[1] for stage in stages]


@pytest.mark.parametrize(
    ("groups", "widths"),
    [
        (1, [144, 288, 576]),
        (2, [200, 400, 800]),
        (3, [240, 480, 960]),
        (4, [272, 544, 1088]),
        (8, [384, 768, 1536]),
    ],
)
def test_shufflenet_v1_has_the_papers_widths(groups: int, widths: list[int]) -> None:
    graph = cnncost.load("shufflenet_v1", set={"groups": groups})
    assert ends(graph, ("stage1", "stage2", "stage3")) == widths
    reducing = [node for node in graph.nodes if ".reduce." in node.name and node.op.name == "conv"]
    assert [conv_groups(node) for node in reducing] == [1] + [groups] * 15
    assert len(reducing) == 4 + 8 + 4


def conv_groups(node: Node) -> int:
    """Groups of a convolution."""
    groups: int = vars(node.op)["groups"]
    return groups


@pytest.mark.parametrize(
    ("width", "widths"),
    [(0.5, [48, 96, 192]), (1.0, [116, 232, 464]), (1.5, [176, 352, 704]), (2.0, [244, 488, 976])],
)
def test_shufflenet_v2_has_the_papers_widths(width: float, widths: list[int]) -> None:
    assert ends(cnncost.load("shufflenet_v2", set={"width": width}), ("stage1", "stage2", "stage3")) == widths


@pytest.mark.parametrize(
    ("model", "parameter", "value"), [("shufflenet_v1", "groups", 5), ("shufflenet_v2", "width", 3)]
)
def test_a_shufflenet_that_no_paper_has_is_refused(model: str, parameter: str, value: int) -> None:
    with pytest.raises(cnncost.SpecError, match=r"conv: out must be positive, not 0\n"):
        cnncost.load(model, set={parameter: value})


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"])
@pytest.mark.parametrize("width", [0.25, 0.35, 0.5, 0.75, 1.3, 1.4, 2.0])
def test_mobilenet_maps_are_multiples_of_eight(name: str, width: float) -> None:
    graph = cnncost.load(name, set={"width": width})
    assert all(node.shape[1] % 8 == 0 for node in graph.nodes[1:] if node.op.name == "conv")


@pytest.mark.parametrize(
    ("name", "units"),
    [("b0", 16), ("b1", 23), ("b2", 23), ("b3", 26), ("b4", 32), ("b5", 39), ("b6", 45), ("b7", 55)],
)
def test_efficientnet_rounds_its_depth_up(name: str, units: int) -> None:
    graph = cnncost.load(f"efficientnet_{name}")
    gates = [node for node in graph.nodes if node.op.name == "mul"]
    assert len(gates) == units


def test_efficientnet_squeezes_to_a_quarter_of_the_units_input() -> None:
    graph = cnncost.load("efficientnet_b0")
    squeezed = [node.shape[1] for node in graph.nodes if node.name.endswith("gate.conv1")]
    assert squeezed == [8, 4, 6, 6, 10, 10, 20, 20, 20, 28, 28, 28, 48, 48, 48, 48]
