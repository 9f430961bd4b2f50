"""Nets that label pixels or regions: frozen weights, heads of training, sizes, regions."""

from __future__ import annotations

import pytest

import cnncost
from cnncost.graph import Graph


def trainable(graph: Graph) -> int:
    """Learnable values that the definition does not freeze."""
    weights = [weight for node in graph.nodes for weight in node.op.weights(*graph.input_shapes(node))]
    return sum(weight.count for weight in weights if not weight.frozen)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("fcn32s_vgg16", 134_346_581),
        ("fcn16s_vgg16", 134_357_354),
        ("fcn8s_vgg16", 134_362_751),
        ("fast_rcnn_vgg16", 134_430_569),
        ("fast_rcnn_vgg16_svd", 46_874_473),
        ("fast_rcnn_caffenet", 57_263_465),
    ],
)
def test_frozen_weights_are_counted_but_not_trained(model: str, expected: int) -> None:
    assert trainable(cnncost.load(model)) == expected


@pytest.mark.parametrize("model", ["fcn32s_vgg16", "fcn16s_vgg16", "fcn8s_vgg16"])
@pytest.mark.parametrize("size", [(224, 224), (333, 500), (500, 375), (64, 80)])
def test_fcn_labels_every_pixel_of_any_image(model: str, size: tuple[int, int]) -> None:
    graph = cnncost.load(model, input=size)
    assert graph.nodes[graph.outputs[0]].shape == (1, 21, *size)


@pytest.mark.parametrize(
    ("model", "size", "params", "buffers", "macs"),
    [
        ("fcn_resnet50", 520, 35_322_218, 54_656, 152_716_512_000),
        ("fcn_resnet50", 224, 35_322_218, 54_656, 28_338_401_280),
        ("fcn_resnet101", 520, 54_314_346, 106_880, 232_737_606_400),
        ("fcn_resnet101", 224, 54_314_346, 106_880, 43_187_286_016),
        ("deeplabv3_resnet50", 520, 42_004_074, 57_216, 178_721_945_088),
        ("deeplabv3_resnet50", 224, 42_004_074, 57_216, 33_164_451_840),
        ("deeplabv3_resnet101", 520, 60_996_202, 109_440, 258_743_039_488),
        ("deeplabv3_resnet101", 224, 60_996_202, 109_440, 48_013_336_576),
    ],
)
def test_auxiliary_head_counts_in_training(
    model: str, size: int, params: int, buffers: int, macs: int
) -> None:
    graph = cnncost.load(model, input=(size, size))
    totals = cnncost.analyze(graph, mode="train").totals
    assert (totals.params, totals.buffers, totals.macs) == (params, buffers, macs)
    assert [graph.nodes[index].shape for index in graph.outputs] == [(1, 21, size, size)] * 2


def test_unet_spends_this_much_on_up_convolutions() -> None:
    rows = cnncost.analyze(cnncost.load("unet")).rows
    assert sum(row.macs for row in rows if row.name.endswith("upconv")) == 5_631_377_408


def test_unet_refuses_a_map_that_cannot_be_halved() -> None:
    with pytest.raises(cnncost.SpecError) as error:
        cnncost.load("unet", input=(570, 570))
    assert str(error.value) == (
        "specs/unet.yaml:26:7: maxpool: (279 - 2) / 2 is not a whole number (height)\n"
        "    - maxpool: {kernel: 2, rounding: exact}   # an odd map would lose a row that the skip still has\n"
        "      ^~~~~~~  another stride or padding, or rounding: floor"
    )


@pytest.mark.parametrize("size", [(256, 256), (64, 512)])
def test_padded_unet_keeps_the_size(size: tuple[int, int]) -> None:
    graph = cnncost.load("unet", input=size, set={"pad": 1})
    assert graph.nodes[graph.outputs[0]].shape == (1, 2, *size)


@pytest.mark.parametrize("model", ["segnet", "segnet_basic"])
@pytest.mark.parametrize("size", [(360, 480), (90, 75), (45, 23), (33, 64)])
def test_unpooling_returns_to_odd_sizes(model: str, size: tuple[int, int]) -> None:
    graph = cnncost.load(model, input=size)
    assert graph.nodes[graph.outputs[0]].shape == (1, 11, *size)
    pools = {
        node.name.removeprefix("pool"): graph.nodes[node.inputs[0]].shape
        for node in graph.nodes
        if node.op.name == "maxpool"
    }
    unpools = {
        node.name.removeprefix("unpool"): node.shape for node in graph.nodes if node.op.name == "max_unpool"
    }
    assert {number: shape[2:] for number, shape in pools.items()} == {
        n: shape[2:] for n, shape in unpools.items()
    }


@pytest.mark.parametrize("rois", [1, 300, 2000])
def test_fast_rcnn_runs_its_head_once_per_region(rois: int) -> None:
    graph = cnncost.load("fast_rcnn_vgg16", set={"rois": rois})
    assert cnncost.analyze(graph).totals.macs == 183_869_263_872 + rois * 119_967_744
    assert [graph.nodes[index].shape for index in graph.outputs] == [(rois, 21), (rois, 84)]
    head = cnncost.analyze(cnncost.load("fast_rcnn_vgg16_head"), batch=rois).totals
    assert head.macs == rois * 119_967_744


def test_truncated_svd_makes_the_head_cheaper() -> None:
    whole, trunk = (
        cnncost.analyze(cnncost.load("fast_rcnn_vgg16_svd", set={"rois": n})).totals.macs for n in (2, 1)
    )
    assert whole - trunk == 32_411_648
