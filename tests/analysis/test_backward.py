"""MACs of the backward pass against PyTorch's own counter, to the integer."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import cnncost
from cnncost.errors import UsageError
from cnncost.graph import Graph
from cnncost.importers.sources import library
from cnncost.measure.trace import backward
from cnncost.measure.twin import Twin
from cnncost.tables.layers import layer_grid

UNGROUPED = [
    "alexnet", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "squeezenet1_0",
    "squeezenet1_1", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2", "wide_resnet101_2",
    "densenet121", "densenet161", "densenet169", "densenet201", "googlenet", "inception_v3",
]  # fmt: skip
"""torchvision's classifiers without grouped convolutions; transformers left out."""
GROUPED = [
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mnasnet0_5",
    "shufflenet_v2_x0_5",
    "resnext50_32x4d",
    "regnet_y_400mf",
]
OURS = {"alexnet": "alexnet_torchvision", "googlenet": "googlenet_torchvision"}
"""Names of ours for the same network."""


def counted(name: str) -> int:
    """Multiply-accumulates of forward and backward of torchvision's own module, by PyTorch's counter."""
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("cpu" if name.startswith("regnet") else "meta"):  # RegNet reads values of tensors
        module = getattr(library("torchvision"), name)(weights=None, **options).train().to("meta")
    side = 299 if name == "inception_v3" else 224
    x = torch.zeros(2, 3, side, side, device="meta")
    with FlopCounterMode(display=False) as counter:
        found = module(x)
        outputs = found if isinstance(found, tuple) else (found,)
        sum(output.sum() for output in outputs).backward()
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return int(flops // 2)


def ours(name: str) -> cnncost.Report:
    side = 299 if name == "inception_v3" else 224
    graph = cnncost.load(OURS.get(name, name), input=(3, side, side), mode="train")
    return cnncost.analyze(graph, batch=2, mode="train")


@pytest.mark.parametrize(
    "name", [name if len(name) < 9 else pytest.param(name, marks=pytest.mark.slow) for name in UNGROUPED]
)
def test_torchvisions_classifiers_to_the_integer(name: str) -> None:
    totals = ours(name).totals
    assert totals.macs + totals.backward_macs == counted(name)


@pytest.mark.parametrize(
    "name", GROUPED[:1] + [pytest.param(name, marks=pytest.mark.slow) for name in GROUPED[1:]]
)
def test_the_counter_takes_a_grouped_weights_gradient_times_the_groups(name: str) -> None:
    """A convolution in g groups multiplies as much for its weights' gradient as forwards; the counter says g times."""
    graph = cnncost.load(name, mode="train")
    report = cnncost.analyze(graph, batch=2, mode="train", by="op")
    macs = {row.name: row.macs for row in report.rows}
    beyond = sum(
        macs[node.name] * (node.op.given("groups") - 1) for node in graph.nodes if node.op.name == "conv"
    )
    assert beyond > 0
    assert report.totals.macs + report.totals.backward_macs + beyond == counted(name)


def by_hand(graph: Graph) -> int:
    twin = Twin.of(graph, "train").to("meta")
    x = torch.zeros(2, *graph.input_shape, device="meta")
    with FlopCounterMode(display=False) as counter:
        backward(twin, x)
    return int(counter.get_total_flops() // 2)


@pytest.mark.parametrize("name", ["unet", "fcn32s_vgg16", "lenet5"])
def test_other_networks(name: str) -> None:
    graph = cnncost.load(name)
    totals = cnncost.analyze(graph, batch=2, mode="train").totals
    assert totals.macs + totals.backward_macs == by_hand(graph)


def test_what_has_no_gradient_costs_nothing() -> None:
    """The first layer has no gradient of its input; frozen ones have none of their weights, nor what is before."""
    from cnncost.language.zoo import graph_of, parse_text

    body = """family: net
input: [3, 8, 8]
body:
  - {conv: {out: 4, frozen: true}}
  - {conv: {out: 5}}
  - {conv: {out: 6, frozen: true}}
  - {conv: {out: 7}}
"""
    graph = graph_of(parse_text(body, "net.yaml", "net"), None)
    rows = cnncost.analyze(graph, mode="train", by="op").rows
    assert [row.backward_macs // row.macs for row in rows] == [0, 1, 1, 2]


def test_a_column_of_training() -> None:
    with pytest.raises(UsageError) as error:
        layer_grid(cnncost.analyze("lenet5"), ("name", "backward_macs"))
    assert str(error.value) == "column 'backward_macs' is of training\n  pass --mode train"
    assert "backward_macs" not in cnncost.analyze("lenet5").to_dict()["totals"]
    report = cnncost.analyze("lenet5", mode="train")
    assert report.to_dict()["totals"]["backward_macs"] == report.totals.backward_macs > 0
    assert cnncost.Report.from_dict(report.to_dict()).totals == report.totals
