"""MACs of the backward pass against PyTorch's own counter, to the integer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest
import torch
from measure.alone import twin_of, untrained
from ops.cases import CASES, Case
from torch.utils.flop_counter import FlopCounterMode

import cnncost
from cnncost.analysis.backward import backward_macs
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


UNKNOWN = {"bilinear", "lstm", "rbf"}
"""Operators whose kernels PyTorch's counter does not know, in some of their cases."""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_operator_to_the_integer(case: Case) -> None:
    """Whichever of its inputs have gradients; the counter takes a grouped weight's gradient times the groups."""
    op = case.operator()
    macs = op.macs(op.output_shape(*case.shapes), *case.shapes)
    if not macs or case.target is not None:
        return
    for count in range(len(case.shapes) + 1):
        for places in combinations(range(len(case.shapes)), count):
            graph = untrained(case, places, followed=True)
            twin = twin_of(graph)
            if not any(parameter.requires_grad for parameter in twin.parameters()):
                continue
            if case.name == "deform_conv" and 0 in places:
                continue  # the counter leaves out the product that the gradient of offsets needs as well
            with FlopCounterMode(display=False) as counter:
                twin(torch.zeros(1, 1))
            if not counter.get_total_flops():
                assert case.name in UNKNOWN
                continue
            with FlopCounterMode(display=False) as counter:
                twin(torch.zeros(1, 1)).sum().backward()
            assert counter.get_total_flops() // 2 == macs + sum(backward_macs(graph, 1)) + beyond(
                case, places
            )


def beyond(case: Case, places: Sequence[int]) -> int:
    """What the counter says too much of the gradient of a grouped convolution's weights."""
    op = case.operator()
    learned = not case.arguments.get("frozen") if case.name != "conv_given" else 1 not in places
    if case.name not in ("conv", "conv_transpose", "conv_given") or not learned:
        return 0
    groups = op.given("groups") if case.name != "conv_given" else case.shapes[0][1] // case.shapes[1][1]
    return op.macs(op.output_shape(*case.shapes), *case.shapes) * (groups - 1)


def test_a_column_of_training() -> None:
    with pytest.raises(UsageError) as error:
        layer_grid(cnncost.analyze("lenet5"), ("name", "backward_macs"))
    assert str(error.value) == "column 'backward_macs' is of training\n  pass --mode train"
    assert "backward_macs" not in cnncost.analyze("lenet5").to_dict()["totals"]
    report = cnncost.analyze("lenet5", mode="train")
    assert report.to_dict()["totals"]["backward_macs"] == report.totals.backward_macs > 0
    assert cnncost.Report.from_dict(report.to_dict()).totals == report.totals
