"""torchvision's tensors load into our nets by order and shape, and give the same output."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torchvision_shim
from torch import nn

import cnncost
from cnncost.graph import Graph
from cnncost.measure.twin import Twin

models = torchvision_shim.models()
segmentation = models.segmentation

WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.4)
MOBILENETS = ("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small")
SHUFFLENETS = [f"shufflenet_v2_{width}" for width in ("x0_5", "x1_0", "x1_5", "x2_0")]
EFFICIENTNETS = [f"efficientnet_b{size}" for size in range(8)] + [f"efficientnet_v2_{size}" for size in "sml"]
CLASSIFIERS = [
    *(
        (name, {"width": width}, partial(getattr(models, name), width_mult=width))
        for name in MOBILENETS
        for width in WIDTHS
    ),
    *((name, {}, getattr(models, name)) for name in (*SHUFFLENETS, *EFFICIENTNETS)),
]
SEGMENTATION = ["fcn_resnet50", "fcn_resnet101", "deeplabv3_resnet50", "deeplabv3_resnet101"]
RUN = [
    ("mobilenet_v2", (96, 64)), ("mobilenet_v3_large", (96, 64)), ("mobilenet_v3_small", (96, 64)),
    ("shufflenet_v2_x0_5", (96, 64)), ("shufflenet_v2_x1_0", (96, 64)), ("efficientnet_b0", (65, 96)),
    ("efficientnet_b3", (64, 64)), ("efficientnet_v2_s", (64, 96)),
]  # fmt: skip


def shapes(graph: Graph) -> list[int]:
    """Number of values of every learnable tensor, in order."""
    return [weight.count for node in graph.nodes for weight in node.op.weights(*graph.input_shapes(node))]


@pytest.mark.parametrize(
    ("name", "set", "make"), CLASSIFIERS, ids=[f"{name}{set or ''}" for name, set, _ in CLASSIFIERS]
)
def test_tensors_come_in_torchvisions_order(
    name: str, set: dict[str, Any], make: Callable[[], nn.Module]
) -> None:
    with torch.device("meta"):
        expected = [parameter.numel() for parameter in make().parameters()]
    assert shapes(cnncost.load(name, set=set)) == expected


@pytest.mark.parametrize("name", SEGMENTATION)
@pytest.mark.parametrize("auxiliary", [False, True])
def test_segmentation_tensors_come_in_torchvisions_order(name: str, auxiliary: bool) -> None:
    with torch.device("meta"):
        net = segmentation_net(name, auxiliary)
        expected = [parameter.numel() for parameter in net.parameters()]
    graph = cnncost.load(name)
    assert shapes(graph if auxiliary else graph.without_heads()) == expected


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), RUN)
def test_same_output(name: str, size: tuple[int, int]) -> None:
    graph = cnncost.load(name, input=size)
    ours, theirs = with_same_tensors(Twin.of(graph), getattr(models, name)())
    x = torch.randn(2, *graph.input_shape)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fcn_resnet50", "deeplabv3_resnet50"])
def test_same_maps_with_the_auxiliary_head(name: str) -> None:
    graph = cnncost.load(name, input=(65, 96))
    ours, theirs = with_same_tensors(Twin.of(graph, "train"), segmentation_net(name, True))
    x = torch.randn(1, *graph.input_shape)
    with torch.no_grad():
        (out, auxiliary), expected = ours(x), theirs(x)
    torch.testing.assert_close(out, expected["out"])
    torch.testing.assert_close(auxiliary, expected["aux"])


def segmentation_net(name: str, auxiliary: bool) -> nn.Module:
    """torchvision's net without weights."""
    net: nn.Module = getattr(segmentation, name)(weights=None, weights_backbone=None, aux_loss=auxiliary)
    return net


def with_same_tensors(ours: Twin, theirs: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Both in eval mode, ours with theirs' tensors, whose norms are made to matter."""
    torch.manual_seed(0)
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-5  # a spec has no epsilon
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    tensors = [
        value for name, value in theirs.state_dict().items() if not name.endswith("num_batches_tracked")
    ]
    names = [name for name in ours.state_dict() if not name.endswith("num_batches_tracked")]
    ours.load_state_dict(dict(zip(names, tensors, strict=True)), strict=False)
    return ours.eval(), theirs.eval()
