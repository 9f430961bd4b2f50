"""torchvision's detectors, whose sizes depend on values: as they run once, held to FlopCounterMode."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import cnncost
from cnncost.importers import from_module
from cnncost.importers.sources import library
from cnncost.ops.sizes import Shape

MODELS = library("torchvision")
QUICK = {"fasterrcnn_mobilenet_v3_large_320_fpn", "ssdlite320_mobilenet_v3_large"}
SMALL = {"min_size": 64, "max_size": 64}


def settings(name: str) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Arguments and input: small images, and boxes even if no weight was ever trained to find one."""
    if name.startswith("ssd"):
        return {"topk_candidates": 20, "detections_per_img": 20}, (3, 96, 96)
    if "rcnn" in name:
        few = {"rpn_post_nms_top_n_test": 20, "box_score_thresh": 0.0, "box_detections_per_img": 5}
        return {**SMALL, **few}, (3, 64, 64)
    return {**SMALL, "score_thresh": 0.0, "topk_candidates": 20}, (3, 64, 64)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in MODELS.list_models(module=MODELS.detection)
    ],
)
def test_a_detector_costs_what_it_did_in_the_run(name: str) -> None:
    arguments, shape = settings(name)
    torch.manual_seed(1)
    network = MODELS.get_model(name, weights=None, weights_backbone=None, **arguments).eval()
    graph = from_module(network, shape)
    totals = cnncost.analyze(graph).totals
    torch.manual_seed(0)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        found = network(torch.randn(1, *shape))
    given: list[Shape] = [tuple(tensor.shape) for each in found for tensor in each.values()]
    assert totals.params == sum(parameter.numel() for parameter in network.parameters())
    assert totals.macs == counter.get_total_flops() // 2
    assert [graph.nodes[index].shape for index in graph.outputs] == given
    assert given[0][0] > 0
    assert graph.facts["road"] == "one run"
    kept = "torch.ops.torchvision.nms(boxes, scores, iou_threshold) -> "
    assert any(kept in place for place in graph.facts["as_run"])


def test_two_imports_agree() -> None:
    arguments, shape = settings("ssdlite320_mobilenet_v3_large")
    torch.manual_seed(1)
    network = MODELS.get_model(
        "ssdlite320_mobilenet_v3_large", weights=None, weights_backbone=None, **arguments
    )
    one, two = (from_module(network, shape) for _ in range(2))
    assert one.nodes == two.nodes and one.facts["as_run"] == two.facts["as_run"]


def test_what_does_not_depend_on_the_input_is_no_place_where_values_decide() -> None:
    class Scaled(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            scale = float(torch.tensor(4.0).sqrt())
            return x[x > 0] * scale

    graph = from_module(Scaled(), (3, 4, 4), road="run")
    torch.manual_seed(0)
    positive = int((torch.randn(1, 3, 4, 4) > 0).sum())
    assert graph.facts["as_run"] == [f"return x[x > 0] * scale -> {positive}"]


def test_boxes_are_suppressed_as_torchvision_says() -> None:
    """Against the definition, box by box: kept where no kept box of a higher score overlaps it too much."""
    from cnncost.importers.beside import suppressed

    torch.manual_seed(0)
    low = torch.rand(60, 2)
    boxes = torch.cat([low, low + 0.1 + torch.rand(60, 2)], 1)
    scores = torch.rand(60)

    def overlap(a: list[float], b: list[float]) -> float:
        common = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
        sizes = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
        return common / (sizes - common)

    kept: list[int] = []
    listed = boxes.tolist()
    for place in scores.argsort(descending=True).tolist():
        if all(overlap(listed[place], listed[other]) <= 0.3 for other in kept):
            kept.append(place)
    assert suppressed(boxes, scores, 0.3).tolist() == kept
    assert suppressed(boxes[:0], scores[:0], 0.3).shape == (0,)
