"""Every way in which an operator refuses its arguments, the whole message."""

from __future__ import annotations

import pytest
from ops.refusal import Refusal

from cnncost.errors import OperatorError
from cnncost.ops import REGISTRY

REFUSALS = [
    Refusal("conv", {}, (), "conv needs the argument 'out'", "out"),
    Refusal("conv", {"out": "x"}, (), "conv: out must be a whole number, not 'x'", "out"),
    Refusal("conv", {"out": 2.5}, (), "conv: out must be a whole number, not 2.5", "out"),
    Refusal("conv", {"out": True}, (), "conv: out must be a whole number, not true", "out"),
    Refusal("conv", {"out": 0}, (), "conv: out must be positive, not 0", "out"),
    Refusal("conv", {"out": None}, (), "conv: out must be a whole number, not nothing", "out"),
    Refusal("conv", {"out": 8, "strid": 2}, (), "conv has no argument 'strid'"),
    Refusal(
        "conv",
        {"out": 8, "kernel": [1, 2, 3, 4]},
        (),
        "conv: kernel must be a whole number, or one per axis such as [height, width], not [1, 2, 3, 4]",
        "kernel",
    ),
    Refusal(
        "conv",
        {"out": 8, "kernel": 2.5},
        (),
        "conv: kernel must be a whole number, or one per axis such as [height, width], not 2.5",
        "kernel",
    ),
    Refusal("conv", {"out": 8, "kernel": [3, -1]}, (), "conv: kernel must be positive, not -1", "kernel"),
    Refusal(
        "conv",
        {"out": 8, "pad": [1, 2, 3, 4, 5]},
        (),
        "conv: pad must be a whole number, one per axis, before and after of each"
        " ([top, bottom, left, right]) or same, not [1, 2, 3, 4, 5]",
        "pad",
    ),
    Refusal(
        "reshape",
        {"shape": [16, 100], "axes": "XC"},
        (),
        "reshape: axes must name 2 sizes by a letter each, C for the channels and some of L, W, H, D, not 'XC'",
        "axes",
        "for example CW",
    ),
    Refusal(
        "conv",
        {"out": 8, "pad": "valid"},
        (),
        "conv: pad must be a whole number, one per axis, before and after of each"
        " ([top, bottom, left, right]) or same, not 'valid'",
        "pad",
    ),
    Refusal("conv", {"out": 8, "pad": -1}, (), "conv: pad must be at least 0, not -1", "pad"),
    Refusal("conv", {"out": 8, "bias": 1}, (), "conv: bias must be true or false, not 1", "bias"),
    Refusal(
        "conv",
        {"out": 8, "rounding": "cell"},
        (),
        "conv: rounding must be one of floor, ceil, exact, not 'cell'",
        "rounding",
        "did you mean 'ceil'?",
    ),
    Refusal("conv", {"out": 8, "rounding": 3}, (), "conv: rounding must be a word, not 3", "rounding"),
    Refusal(
        "conv",
        {"out": 8, "groups": 3},
        (),
        "conv: 8 output channels cannot be divided into 3 groups",
        "groups",
    ),
    Refusal(
        "conv",
        {"out": 2, "connections": [[0]]},
        (),
        "conv: connections lists 1 output maps, out is 2",
        "connections",
    ),
    Refusal(
        "conv",
        {"out": 2, "connections": [[0], []]},
        (),
        "conv: output map 1 must see one or more input maps, each once, counted from 0",
        "connections",
    ),
    Refusal(
        "conv",
        {"out": 2, "connections": [[0], [0, -1]]},
        (),
        "conv: output map 1 must see one or more input maps, each once, counted from 0",
        "connections",
    ),
    Refusal(
        "conv",
        {"out": 2, "connections": [[0], [1]], "groups": 2},
        (),
        "conv: connections and groups exclude each other",
        "connections",
    ),
    Refusal(
        "conv",
        {"out": 2, "connections": 7},
        (),
        "conv: connections must be a list of lists: for every output map the input maps it sees, not 7",
        "connections",
    ),
    Refusal(
        "conv_transpose",
        {"out": 4, "pad": "same", "stride": 2, "output_pad": 1},
        (),
        "conv_transpose: output_pad and pad: same exclude each other",
        "output_pad",
    ),
    Refusal(
        "conv_transpose",
        {"out": 4, "groups": 3},
        (),
        "conv_transpose: 4 output channels cannot be divided into 3 groups",
        "groups",
    ),
    Refusal("maxpool", {}, (), "maxpool needs the argument 'kernel'", "kernel"),
    Refusal(
        "avgpool",
        {"kernel": 2, "ceil": True, "rounding": "exact"},
        (),
        "avgpool: ceil and rounding: exact exclude each other",
        "ceil",
    ),
    Refusal("adaptive_avgpool", {"size": 0}, (), "adaptive_avgpool: size must be positive, not 0", "size"),
    Refusal("roi_pool", {"size": 7, "scale": 0}, (), "roi_pool: scale must be positive, not 0", "scale"),
    Refusal("dropout", {"p": 1}, (), "dropout: p must be at least 0 and less than 1, not 1", "p"),
    Refusal("drop_path", {"p": -0.1}, (), "drop_path: p must be at least 0 and less than 1, not -0.1", "p"),
    Refusal("dropout", {"p": "x"}, (), "dropout: p must be a number, not 'x'", "p"),
    Refusal(
        "reshape",
        {"shape": [0, 4]},
        (),
        "reshape: shape must be one to four positive sizes, one of which may be -1",
        "shape",
    ),
    Refusal(
        "reshape",
        {"shape": [-1, -1]},
        (),
        "reshape: shape must be one to four positive sizes, one of which may be -1",
        "shape",
    ),
    Refusal(
        "channel_split", {"take": 2}, (), "channel_split: take must be less than the 2 parts, not 2", "take"
    ),
    Refusal(
        "zero_pad", {"pad": "same"}, (), "zero_pad: there is no window that pad: same could follow", "pad"
    ),
    Refusal(
        "zero_pad",
        {"channels": [1, 2, 3]},
        (),
        "zero_pad: channels must be a whole number or a pair [before, after]",
        "channels",
    ),
    Refusal("crop", {}, (), "crop needs either size or like", "size"),
    Refusal("crop", {"size": 3, "like": "x"}, (), "crop needs either size or like", "size"),
    Refusal("interpolate", {}, (), "interpolate needs one of size, scale and like", "size"),
    Refusal(
        "interpolate", {"size": 3, "scale": 2}, (), "interpolate needs one of size, scale and like", "size"
    ),
    Refusal("interpolate", {"scale": 0}, (), "interpolate: scale must be positive, not 0", "scale"),
    Refusal(
        "interpolate",
        {"scale": 2, "mode": "bilinar"},
        (),
        "interpolate: mode must be one of nearest, nearest-exact, linear, bilinear, trilinear, bicubic, not 'bilinar'",
        "mode",
        "did you mean 'bilinear'?",
    ),
    Refusal(
        "interpolate",
        {"scale": 2, "antialias": True},
        (),
        "interpolate: nearest cannot be antialiased",
        "antialias",
    ),
    Refusal(
        "pad",
        {"before": [0], "after": [0, 1]},
        (),
        "pad: before and after need a size for every axis",
        "after",
    ),
    Refusal(
        "pad",
        {"before": [0, 1, 0], "after": [0, 0, 0], "mode": "reflect"},
        (),
        "pad: images and channels cannot be padded with reflect",
        "mode",
    ),
    Refusal("conv_given", {"pad": "same"}, (), "conv_given: pad must be numbers", "pad"),
    Refusal("elementwise", {"function": "pow"}, (), "elementwise: pow needs a number", "function"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_refusals(refusal: Refusal) -> None:
    assert refusal.answer() == refusal[3:]


def test_an_unpooling_refuses_what_is_no_pooling() -> None:
    unpool = REGISTRY["max_unpool"](pool="conv1")
    with pytest.raises(OperatorError) as caught:
        unpool.refer(REGISTRY["conv"](out=3))
    assert caught.value.message == "max_unpool: the label names a conv, not a maxpool"
    assert caught.value.argument == "pool"
    with pytest.raises(OperatorError, match=r"^max_unpool: the label names a avgpool, not a maxpool$"):
        unpool.refer(REGISTRY["avgpool"](kernel=2))
