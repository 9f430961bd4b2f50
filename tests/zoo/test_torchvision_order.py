"""torchvision's tensors load into our nets by order and shape, and give the same output."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import nn

import cnncost
from cnncost.graph import Graph
from cnncost.importers.sources import library
from cnncost.measure.twin import Twin

models = library("torchvision")
segmentation = models.segmentation


def inception_v3() -> nn.Module:
    """torchvision's net without the head of training, which it places before the last modules."""
    net: nn.Module = models.inception_v3(weights=None, aux_logits=False, init_weights=False)
    return net


def regnet(name: str) -> nn.Module:
    """torchvision's net; its rule for the widths computes with tensors, which must be real ones."""
    rule = models.regnet.BlockParams.from_init_params

    def on_cpu(**arguments: Any) -> Any:
        with torch.device("cpu"):
            return rule(**arguments)

    with patch.object(models.regnet.BlockParams, "from_init_params", on_cpu):
        net: nn.Module = getattr(models, name)()
    return net


WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.4)
MOBILENETS = ("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small")
SHUFFLENETS = [f"shufflenet_v2_{width}" for width in ("x0_5", "x1_0", "x1_5", "x2_0")]
EFFICIENTNETS = [f"efficientnet_b{size}" for size in range(8)] + [f"efficientnet_v2_{size}" for size in "sml"]
DENSENETS = [f"densenet{depth}" for depth in (121, 161, 169, 201)]
MNASNETS = [f"mnasnet{width}" for width in ("0_5", "0_75", "1_0", "1_3")]
REGNETS = [
    *(f"regnet_x_{size}" for size in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")),
    *(f"regnet_y_{size}" for size in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf", "128gf")),
]
CONVNEXTS = [f"convnext_{size}" for size in ("tiny", "small", "base", "large")]
CLASSIFIERS = [
    *(
        (name, {"width": width}, partial(getattr(models, name), width_mult=width))
        for name in MOBILENETS
        for width in WIDTHS
    ),
    *((name, {}, getattr(models, name)) for name in (*SHUFFLENETS, *EFFICIENTNETS)),
    *((name, {}, getattr(models, name)) for name in (*DENSENETS, *MNASNETS)),
    *((name, {}, partial(regnet, name)) for name in REGNETS),
]
SEGMENTATION = ["fcn_resnet50", "fcn_resnet101", "deeplabv3_resnet50", "deeplabv3_resnet101"]
RUN = [
    ("mobilenet_v2", (96, 64)), ("mobilenet_v3_large", (96, 64)), ("mobilenet_v3_small", (96, 64)),
    ("shufflenet_v2_x0_5", (96, 64)), ("shufflenet_v2_x1_0", (96, 64)), ("efficientnet_b0", (65, 96)),
    ("efficientnet_b3", (64, 64)), ("efficientnet_v2_s", (64, 96)),
    ("densenet121", (64, 97)), ("mnasnet1_3", (65, 96)), ("regnet_x_800mf", (65, 96)),
    ("regnet_y_400mf", (64, 97)),
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


@pytest.mark.parametrize("name", CONVNEXTS)
def test_convnext_tensors_come_in_the_order_they_are_used(name: str) -> None:
    with torch.device("meta"):
        expected = [tensor.numel() for tensor in tensors_of(getattr(models, name)())]
    assert shapes(cnncost.load(name)) == expected


def test_inception_v3_tensors_come_in_torchvisions_order() -> None:
    with torch.device("meta"):
        expected = [parameter.numel() for parameter in inception_v3().parameters()]
    assert shapes(cnncost.load("inception_v3").without_heads()) == expected


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
@pytest.mark.parametrize(
    ("name", "make"), [("inception_v3", inception_v3), ("convnext_tiny", models.convnext_tiny)]
)
def test_same_output_of_nets_with_exceptions(name: str, make: Callable[[], nn.Module]) -> None:
    graph = cnncost.load(name, input=(139, 107))
    ours, theirs = with_same_tensors(Twin.of(graph), make())
    x = torch.randn(1, *graph.input_shape)
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


def tensors_of(net: nn.Module) -> list[torch.Tensor]:
    """Parameters and statistics, in the order of their use.

    ConvNeXt's unit declares its layer scale before the block of eight tensors that it scales.
    """
    tensors = list(without_counters(net).items())
    for index, (name, _) in enumerate(tensors):
        unit = name.removesuffix("layer_scale")
        if unit != name and not tensors[index - 1][0].startswith(unit):
            tensors.insert(index + 8, tensors.pop(index))
    return [value for _, value in tensors]


def without_counters(net: nn.Module) -> dict[str, torch.Tensor]:
    """The tensors of a net by name, without BN's counters of batches."""
    return {
        name: value for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")
    }


def with_same_tensors(ours: Twin, theirs: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Both in eval mode, ours with theirs' tensors, whose norms are made to matter."""
    torch.manual_seed(0)
    for module in theirs.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.LayerNorm)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    for name, parameter in theirs.named_parameters():
        if name.endswith("layer_scale"):
            nn.init.uniform_(parameter, 0.5, 1.5)
    own = without_counters(ours)
    for (name, value), theirs_value in zip(own.items(), tensors_of(theirs), strict=True):
        own[name] = theirs_value.reshape(value.shape)  # a 1x1 may be written as linear
    ours.load_state_dict(own, strict=False)
    return ours.eval(), theirs.eval()
