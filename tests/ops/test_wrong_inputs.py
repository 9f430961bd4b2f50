"""Every way in which an operator refuses the shapes of its inputs, the whole message."""

from __future__ import annotations

import pytest
from ops.refusal import Refusal

from cnncost.errors import OperatorError
from cnncost.ops import REGISTRY
from cnncost.ops.sizes import shaped

MAP = shaped("NCHW", (1, 64, 56, 56))
VECTOR = shaped("NC", (1, 12))
TOKENS = shaped("NLC", (1, 5, 12))
SOUND = shaped("NCW", (1, 8, 100))
VIDEO = shaped("NCDHW", (1, 8, 9, 20, 20))

REFUSALS = [
    Refusal(
        "conv",
        {"out": 8, "kernel": [1, 2, 3]},
        (MAP,),
        "conv: kernel has 3 numbers, the map has 2 axes (height, width)",
        "kernel",
        "a number, or one for each",
    ),
    Refusal(
        "conv",
        {"out": 8, "pad": [1, 2, 3]},
        (MAP,),
        "conv: pad has 3 numbers, the map has 2 axes (height, width)",
        "pad",
        "a number, one for each, or before and after each",
    ),
    Refusal(
        "conv",
        {"out": 8, "stride": [2, 2]},
        (SOUND,),
        "conv: stride has 2 numbers, the map has 1 axis (width)",
        "stride",
        "a number, or one for each",
    ),
    Refusal(
        "conv_transpose",
        {"out": 8, "output_pad": [1, 1]},
        (VIDEO,),
        "conv_transpose: output_pad has 2 numbers, the map has 3 axes (depth, height, width)",
        "output_pad",
        "a number, or one for each",
    ),
    Refusal(
        "maxpool",
        {"kernel": [2]},
        (VIDEO,),
        "maxpool: kernel has 1 number, the map has 3 axes (depth, height, width)",
        "kernel",
        "a number, or one for each",
    ),
    Refusal(
        "adaptive_avgpool",
        {"size": [2, 2]},
        (SOUND,),
        "adaptive_avgpool: size has 2 numbers, the map has 1 axis (width)",
        "size",
        "a number, or one for each",
    ),
    Refusal(
        "crop",
        {"size": [2, 2], "offset": [0, 0]},
        (VIDEO,),
        "crop: size has 2 numbers, the map has 3 axes (depth, height, width)",
        "size",
        "a number, or one for each",
    ),
    Refusal(
        "interpolate",
        {"scale": 2, "mode": "bilinear"},
        (SOUND,),
        "interpolate: bilinear has no meaning on a map of 1 axis (width)",
        None,
        "it takes height x width",
    ),
    Refusal(
        "interpolate",
        {"scale": 2, "mode": "bicubic"},
        (VIDEO,),
        "interpolate: bicubic has no meaning on a map of 3 axes (depth x height x width)",
        None,
        "it takes height x width",
    ),
    Refusal(
        "interpolate",
        {"like": "x"},
        (SOUND, MAP),
        "interpolate: 8x100 cannot take the size of 64x56x56",
        "like",
    ),
    Refusal(
        "roi_pool",
        {"size": 7},
        (VIDEO,),
        "roi_pool has no meaning on a map of 3 axes (depth x height x width)",
        None,
        "it takes height x width",
    ),
    Refusal(
        "subsample",
        {},
        (SOUND,),
        "subsample has no meaning on a map of 1 axis (width)",
        None,
        "it takes height x width",
    ),
    Refusal(
        "softmax",
        {},
        ((1, 8, 100),),
        "softmax: which axis of 8x100 are the channels is not known",
        "axis",
        "say it: axis: 1",
    ),
    Refusal(
        "add",
        {},
        (shaped("NCW", (1, 5, 12)), TOKENS),
        "add needs inputs of the same axes, not 5x12 and 5x12 (length x channels)",
        None,
        None,
        (0, 1),
    ),
    Refusal(
        "concat",
        {},
        (SOUND, VIDEO),
        "concat needs inputs of the same axes, not 8x100 and 8x9x20x20",
        None,
        None,
        (0, 1),
    ),
    Refusal(
        "conv",
        {"out": 6, "groups": 3},
        (MAP,),
        "conv: 64 input channels cannot be divided into 3 groups",
        "groups",
    ),
    Refusal(
        "conv",
        {"out": 6},
        (VECTOR,),
        "conv needs a map (channels x height x width), not 12",
        None,
        "put it before the flatten",
    ),
    Refusal(
        "conv",
        {"out": 6},
        (TOKENS,),
        "conv needs a map (channels x height x width), not 5x12 (length x channels)",
        None,
        "permute: {axes: [0, 2, 1]} puts the channels first",
    ),
    Refusal(
        "maxpool",
        {"kernel": 2},
        (shaped("NHWC", (1, 8, 8, 3)),),
        "maxpool needs a map (channels x height x width), not 8x8x3 (height x width x channels)",
        None,
        "permute: {axes: [0, 3, 1, 2]} puts the channels first",
    ),
    Refusal(
        "conv",
        {"out": 6, "kernel": 57},
        (MAP,),
        "conv: a kernel of 57 does not fit into height 56",
        "kernel",
        "a smaller kernel, more padding or a larger input",
    ),
    Refusal(
        "conv",
        {"out": 6, "kernel": [1, 61], "pad": 2},
        (MAP,),
        "conv: a kernel of 61 does not fit into width 56 padded by 2 + 2",
        "kernel",
        "a smaller kernel, more padding or a larger input",
    ),
    Refusal(
        "conv",
        {"out": 6, "kernel": 30, "dilation": 2},
        (MAP,),
        "conv: a kernel of 59 does not fit into height 56",
        "kernel",
        "a smaller kernel, more padding or a larger input",
    ),
    Refusal(
        "conv",
        {"out": 6, "kernel": 3, "stride": 2, "rounding": "exact"},
        (MAP,),
        "conv: (56 - 3) / 2 is not a whole number (height)",
        "stride",
        "another stride or padding, or rounding: floor",
    ),
    Refusal(
        "conv",
        {"out": 6, "kernel": 3, "stride": 2, "pad": [1, 1, 0, 1], "rounding": "exact"},
        (MAP,),
        "conv: (56 - 3 + 2) / 2 is not a whole number (height)",
        "stride",
        "another stride or padding, or rounding: floor",
    ),
    Refusal(
        "conv",
        {"out": 2, "connections": [[0], [64]]},
        (MAP,),
        "conv: connections names input map 64, but there are 64 (counted from 0)",
        "connections",
    ),
    Refusal(
        "conv_transpose",
        {"out": 4, "stride": 2, "output_pad": 2},
        (MAP,),
        "conv_transpose: output_pad 2 is not smaller than the stride 2 or the dilation 1",
        "output_pad",
    ),
    Refusal(
        "conv_transpose",
        {"out": 4, "kernel": 2, "pad": 40},
        (MAP,),
        "conv_transpose: a padding of 40 + 40 leaves nothing of height 57",
        "pad",
    ),
    Refusal(
        "conv_transpose",
        {"out": 6, "groups": 3},
        (MAP,),
        "conv_transpose: 64 input channels cannot be divided into 3 groups",
        "groups",
    ),
    Refusal(
        "linear", {"out": 4}, (MAP,), "linear needs a vector, not 64x56x56", None, "put flatten before it"
    ),
    Refusal("rbf", {"out": 4}, (TOKENS,), "rbf needs a vector, not 5x12", None, "put flatten before it"),
    Refusal(
        "maxpool",
        {"kernel": 3, "pad": 3},
        (MAP,),
        "maxpool: a padding of 3 is not smaller than the kernel 3 (height)",
        "pad",
        "a window may not see padding only",
    ),
    Refusal(
        "maxpool",
        {"kernel": 3, "pad": [0, 0, 1, 4]},
        (MAP,),
        "maxpool: a padding of 4 is not smaller than the kernel 3 (width)",
        "pad",
        "a window may not see padding only",
    ),
    Refusal(
        "maxpool",
        {"kernel": 57},
        (MAP,),
        "maxpool: a kernel of 57 does not fit into height 56",
        "kernel",
        "a smaller kernel, more padding or a larger input",
    ),
    Refusal(
        "maxpool",
        {"kernel": 2},
        (VECTOR,),
        "maxpool needs a map (channels x height x width), not 12",
        None,
        "put it before the flatten",
    ),
    Refusal(
        "global_avgpool",
        {},
        (VECTOR,),
        "global_avgpool needs a map (channels x height x width), not 12",
        None,
        "put it before the flatten",
    ),
    Refusal(
        "subsample",
        {"kernel": 60},
        (MAP,),
        "subsample: a kernel of 60 does not fit into height 56",
        "kernel",
        "a smaller kernel, more padding or a larger input",
    ),
    Refusal("bn", {}, (TOKENS,), "bn needs a map or a vector, not 5x12 (length x channels)"),
    Refusal(
        "group_norm",
        {"groups": 5},
        (MAP,),
        "group_norm: 64 input channels cannot be divided into 5 groups",
        "groups",
    ),
    Refusal(
        "group_norm",
        {"groups": 5},
        (TOKENS,),
        "group_norm needs a map or a vector, not 5x12 (length x channels)",
    ),
    Refusal(
        "instance_norm",
        {},
        (VECTOR,),
        "instance_norm needs a map (channels x height x width), not 12",
        None,
        "put it before the flatten",
    ),
    Refusal(
        "lrn",
        {},
        (VECTOR,),
        "lrn needs a map (channels x height x width), not 12",
        None,
        "put it before the flatten",
    ),
    Refusal("prelu", {}, (TOKENS,), "prelu needs a map or a vector, not 5x12 (length x channels)"),
    Refusal(
        "add",
        {},
        (MAP, MAP, (1, 64, 28, 28)),
        "add needs inputs of one shape, not 64x56x56 and 64x28x28",
        None,
        None,
        (0, 2),
    ),
    Refusal(
        "add", {}, (MAP, VECTOR), "add needs inputs of one shape, not 64x56x56 and 12", None, None, (0, 1)
    ),
    Refusal(
        "mean",
        {},
        (MAP, (1, 32, 56, 56)),
        "mean needs inputs of one shape, not 64x56x56 and 32x56x56",
        None,
        None,
        (0, 1),
    ),
    Refusal(
        "mul",
        {},
        ((1, 64, 1, 1), (1, 64, 28, 28), MAP),
        "mul needs inputs whose sizes agree or are 1, not 64x28x28 and 64x56x56",
        None,
        None,
        (1, 2),
    ),
    Refusal(
        "mul",
        {},
        (VECTOR, MAP),
        "mul needs inputs whose sizes agree or are 1, not 12 and 64x56x56",
        None,
        None,
        (0, 1),
    ),
    Refusal(
        "concat",
        {},
        (MAP, (1, 3, 55, 56)),
        "concat needs inputs that differ in their channels only, not 64x56x56 and 3x55x56",
        None,
        None,
        (0, 1),
    ),
    Refusal(
        "concat",
        {},
        (MAP, VECTOR),
        "concat needs inputs of the same axes, not 64x56x56 and 12",
        None,
        None,
        (0, 1),
    ),
    Refusal("reshape", {"shape": [5, 5]}, (VECTOR,), "reshape: 12 (12 values) cannot become 5x5", "shape"),
    Refusal("reshape", {"shape": [5, -1]}, (VECTOR,), "reshape: 12 (12 values) cannot become 5x-1", "shape"),
    Refusal(
        "channel_shuffle",
        {"groups": 3},
        (MAP,),
        "channel_shuffle: 64 input channels cannot be divided into 3 groups",
        "groups",
    ),
    Refusal(
        "channel_split",
        {"parts": 3},
        (MAP,),
        "channel_split: 64 input channels cannot be divided into 3 parts",
        "parts",
    ),
    Refusal("crop", {"size": 57}, (MAP,), "crop: 57x57 does not fit into 56x56"),
    Refusal(
        "crop",
        {"size": 50, "offset": [7, 0]},
        (MAP,),
        "crop: 50x50 at offset 7, 0 does not fit into 56x56",
        "offset",
    ),
    Refusal(
        "crop",
        {"like": "x"},
        (MAP, VECTOR),
        "crop needs a map (channels x height x width), not 12",
        None,
        "put it before the flatten",
    ),
    Refusal("crop", {"like": "x"}, (MAP, (1, 2, 60, 50)), "crop: 60x50 does not fit into 56x56"),
    Refusal("interpolate", {"scale": 0.01}, (MAP,), "interpolate: 56x56 times 0.01 leaves nothing", "scale"),
    Refusal(
        "pad",
        {"before": [0, 1], "after": [0, 1]},
        (MAP,),
        "pad: before needs 4 sizes, one per axis",
        "before",
    ),
    Refusal(
        "overwrite",
        {"start": [0, 0]},
        (MAP, MAP),
        "overwrite: start needs a position for every axis of both",
        "start",
    ),
    Refusal(
        "overwrite",
        {"start": [0, 0, 1, 0]},
        (MAP, MAP),
        "overwrite: 64x56x56 at [0, 0, 1, 0] does not fit into 64x56x56",
        "start",
    ),
    Refusal("windows", {"axis": 4, "size": 2}, (MAP,), "windows: 64x56x56 has no axis 4", "axis"),
    Refusal(
        "windows",
        {"axis": 2, "size": 57},
        (MAP,),
        "windows: 57 positions do not fit into an axis of 56",
        "size",
    ),
    Refusal(
        "fold",
        {"size": 8, "kernel": 2, "stride": 2},
        ((1, 12, 15),),
        "fold: 12x15 are not columns for the 16 windows of a map of 8x8",
        "size",
    ),
    Refusal(
        "fold",
        {"size": 8, "kernel": 2, "stride": 2},
        ((1, 13, 16),),
        "fold: 13 values are not windows of 2x2",
        "kernel",
    ),
    Refusal(
        "pad",
        {"before": [0, 0, 3, 0], "after": [0, 0, 0, 0], "mode": "reflect"},
        ((1, 2, 3, 3),),
        "pad: 3 positions are too few to mirror 3 of them",
    ),
    Refusal(
        "attention",
        {},
        ((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6), (4, 5, 7)),
        "attention: a mask of (4, 5, 7) does not fit weights of (2, 3, 5, 7)",
    ),
    Refusal(
        "conv_given",
        {},
        ((1, 8, 9, 9), (6, 2, 3, 3)),
        "conv_given: 6 output channels cannot be divided into 4 groups",
        "groups",
    ),
    Refusal("instance_norm", {}, ((2, 8, 1, 1),), "instance_norm: one value per map has no variance"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_refusals(refusal: Refusal) -> None:
    assert refusal.answer() == refusal[3:]


def test_an_unpooling_refuses_other_shapes_than_its_poolings() -> None:
    unpool = REGISTRY["max_unpool"](pool="pool1").refer(REGISTRY["maxpool"](kernel=2))
    with pytest.raises(OperatorError) as caught:
        unpool.output_shape((1, 8, 4, 4), (1, 8, 4, 5), (1, 8, 8, 10))
    assert caught.value.message == "max_unpool needs the shape that its pooling made, 8x4x5, not 8x4x4"
    far = unpool.replace(size=[8, 12])
    with pytest.raises(OperatorError) as caught:
        far.output_shape((1, 8, 4, 5), (1, 8, 4, 5), (1, 8, 8, 10))
    assert caught.value.message == (
        "max_unpool: width 12 is not near the 10 that its pooling took in: less than the stride 2 away"
    )
    assert caught.value.argument == "size"
    near = unpool.replace(size=[8, 11])
    assert near.output_shape((1, 8, 4, 5), (1, 8, 4, 5), (1, 8, 8, 10)) == (1, 8, 8, 11)


def test_a_sweep_is_refused_if_one_point_is() -> None:
    import numpy as np

    sizes = np.array([7, 8, 9])
    with pytest.raises(OperatorError):
        REGISTRY["conv"](out=1, kernel=8).output_shape((1, 1, sizes, sizes))
    with pytest.raises(OperatorError):
        REGISTRY["add"]().output_shape((1, 1, sizes, sizes), (1, 1, sizes, np.array([7, 8, 8])))
