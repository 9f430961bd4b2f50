"""torchvision whole and a sample of timm, held to PyTorch; and torchvision against the zoo.

`import_coverage.checked` compares parameters, MACs (FlopCounterMode), and the spec read back; the
importer compares every node's shape itself, for one image and for a batch.
"""

from __future__ import annotations

import import_coverage
import pytest
import timm

import cnncost
from cnncost.graph import Graph
from cnncost.importers.sources import library
from cnncost.language import zoo
from cnncost.measure.verify import verify

MODELS = library("torchvision")
FAST = {
    "torchvision:alexnet", "torchvision:resnet18", "torchvision:mobilenet_v3_small", "torchvision:vit_b_32",
    "torchvision:shufflenet_v2_x0_5", "torchvision:squeezenet1_1",
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in FAST else pytest.mark.slow)
        for name in import_coverage.names("torchvision")
    ],
)
def test_torchvision(name: str) -> None:
    assert import_coverage.checked(name).failure == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", import_coverage.names("timm", every=50))
def test_timm(name: str) -> None:
    assert import_coverage.checked(name).failure == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "torchvision:vit_b_32",
        "torchvision:swin_t",
        "torchvision:maxvit_t",
        "timm:volo_d1_224",
        "timm:halonet26t",
    ],
)
def test_the_twin_of_an_import_is_what_the_analysis_says(name: str) -> None:
    """Shapes, parameters, MACs and new bytes of every node: learned and constant tensors, hidden copies."""
    found = verify(cnncost.load(name), fvcore=False)
    unsure = [check for check in found.checks if check.result != "ok"]
    # Whether PyTorch copies a factor of HaloNet's products depends on gradients: its memory is an estimate.
    reasons = ["the memory of matmul is an estimate"] if "halonet" in name else []
    assert [check.reason for check in unsure] == reasons


def layers(graph: Graph) -> list[tuple[object, ...]]:
    """Operator, parameters, MACs and output shape of every layer that has learned something and is read."""
    found = []
    for node in graph.nodes:
        shapes = graph.input_shapes(node)
        params = node.op.params(*shapes)
        if params and node.op.name != "unused":
            found.append((node.op.name, params, node.op.macs(node.shape, *shapes), node.shape))
    return found


def one_way(layer: tuple[object, ...]) -> tuple[object, ...]:
    """A layer in terms that do not depend on where the channels stand, nor on how a matrix is written.

    torchvision's and timm's ConvNeXt compute with channels last, their 1x1 convolutions are linear layers;
    timm's VGG has a convolution over the whole map where the paper's has a fully connected layer.
    """
    name, params, macs, shape = layer
    assert isinstance(shape, tuple)
    sizes = tuple(sorted(size for size in shape if size > 1))
    if name in ("layer_scale", "learned"):  # a factor per channel, and the tensor that is multiplied
        return ("layer_scale", params, macs, ())
    return ("conv" if name == "linear" else name, params, macs, sizes)


CALLED = {
    "torchvision:googlenet": "googlenet_torchvision",  # the zoo's googlenet is the paper's
    "timm:legacy_xception": "xception",
    "timm:mnasnet_100": "mnasnet1_0",
    "timm:mobilenetv1_100": "mobilenet_v1",
    "timm:mobilenetv2_100": "mobilenet_v2",
    "timm:mobilenetv2_140": "mobilenet_v2_x1_4",
    "timm:mobilenetv3_large_100": "mobilenet_v3_large",
    "timm:mobilenetv3_small_100": "mobilenet_v3_small",
    "timm:nasnetalarge": "nasnet_a_large",
    "timm:regnety_004": "regnet_y_400mf",
    "timm:regnety_160": "regnet_y_16gf",
    "timm:seresnet50": "se_resnet50",
    "timm:tf_efficientnetv2_b0": "efficientnet_v2_b0",
    "timm:tf_efficientnetv2_s": "efficientnet_v2_s",
}
"""What the zoo calls a network of theirs, where that is another name."""

WRITTEN_OTHERWISE = ("convnext", "timm:vgg", "timm:mobilenetv3")
IN_ANOTHER_ORDER = {"timm:nasnetalarge", "timm:regnety_004", "timm:regnety_160"}
"""Branches of a block are computed one after the other: which first is anybody's choice."""

SHARED = sorted(
    {
        f"{library}:{name}"
        for library, names in (("torchvision", MODELS.list_models()), ("timm", timm.list_models()))
        for name in set(zoo.names()) & set(names)
    }
    | set(CALLED)
)
QUICK = {"torchvision:resnet18", "torchvision:mobilenet_v2", "torchvision:vgg16", "timm:resnet18"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SHARED]
)
def test_zoo_and_library_agree_layer_by_layer(name: str) -> None:
    spec = cnncost.load(CALLED.get(name, name.partition(":")[2])).without_heads()
    imported = cnncost.load(name, input=spec.input_shape)
    ours, theirs = layers(spec), layers(imported)
    if any(part in name for part in WRITTEN_OTHERWISE):
        ours, theirs = list(map(one_way, ours)), list(map(one_way, theirs))
    if name in IN_ANOTHER_ORDER:
        ours, theirs = sorted(ours, key=str), sorted(theirs, key=str)
    assert ours == theirs


def test_the_zoo_shares_names_with_both_libraries() -> None:
    """None of the comparisons above went missing."""
    assert len([name for name in SHARED if name.startswith("torchvision:")]) >= 60
    assert len([name for name in SHARED if name.startswith("timm:")]) >= 49
