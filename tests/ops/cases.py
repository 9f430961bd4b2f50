"""Every operator with some arguments and input shapes, and what PyTorch makes of the same.

`expected(parameters, *tensors)` computes the output with PyTorch's functions, from the definition
and not from our module; `parameters` are those of the module, in its order. A new operator gets
at least one row here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from ops.axes_cases import AXES_CASES
from ops.case import Case, Expected, Shape, case, normalised, per_channel
from torch import Tensor
from torch.nn import functional as fn

from cnncost.ops.sizes import shaped

MAP = shaped("NCHW", (2, 4, 9, 7))
EVEN = shaped("NCHW", (2, 4, 8, 8))
VECTOR = shaped("NC", (3, 12))
TOKENS = shaped("NLC", (2, 5, 12))


def conv(*settings: Any, pad: tuple[int, int, int, int] = (0, 0, 0, 0)) -> Expected:
    """fn.conv2d on a map that is padded by (left, right, top, bottom)."""
    return lambda p, x: fn.conv2d(fn.pad(x, pad), p[0], p[1] if len(p) > 1 else None, *settings)


def connected(rows: list[list[int]], channels: int, **settings: Any) -> Expected:
    """A dense convolution whose weights are zero where the table has no connection."""

    def expected(p: list[Tensor], x: Tensor) -> Tensor:
        weights, biases = p[0::2], p[1::2]
        dense = torch.zeros(len(rows), channels, *weights[0].shape[2:])
        for index, row in enumerate(rows):
            dense[index, row] = weights[index][0]
        return fn.conv2d(x, dense, torch.cat(biases), **settings)

    return expected


def up(*settings: Any, cut: tuple[int, int, int, int] = (0, 0, 0, 0)) -> Expected:
    """fn.conv_transpose2d cropped by (left, right, top, bottom)."""
    return lambda p, x: fn.pad(
        fn.conv_transpose2d(x, p[0], p[1] if len(p) > 1 else None, *settings), tuple(-side for side in cut)
    )


def columns(p: list[Tensor], x: Tensor) -> Tensor:
    """The windows of a padded map, one column each: kernel 3 x 2, stride 2, padding 1."""
    padded = fn.pad(x, (1, 1, 1, 1))
    height, width = padded.shape[2:]
    cut = [
        padded[:, :, row : row + 3, column : column + 2].reshape(len(x), -1)
        for row in range(0, height - 2, 2)
        for column in range(0, width - 1, 2)
    ]
    return torch.stack(cut, 2)


def unpooled(kernel: int, stride: int, pad: int, size: Shape) -> Expected:
    def expected(p: list[Tensor], x: Tensor, indices: Tensor) -> Tensor:
        flat = torch.zeros(*x.shape[:2], size[0] * size[1])
        return flat.scatter(2, indices.flatten(2), x.flatten(2)).reshape(*x.shape[:2], *size)

    return expected


C3 = [[0, 1, 2], [1, 2, 3], [0, 2, 3], [0, 1, 2, 3], [1]]

CONVOLUTIONS = [
    case("conv", MAP, out=6, expected=conv()),
    case("conv", MAP, out=6, kernel=3, pad=1, bias=False, expected=conv(1, 1)),
    case("conv", MAP, out=6, kernel=[1, 7], pad=[0, 3], frozen=True, expected=conv(1, (0, 3))),
    case("conv", MAP, out=6, kernel=3, stride=[2, 1], pad=1, groups=2, expected=conv((2, 1), 1, 1, 2)),
    case("conv", MAP, out=8, kernel=3, pad=2, dilation=2, groups=4, expected=conv(1, 2, 2, 4)),
    case("conv", MAP, out=6, kernel=3, stride=2, pad=[0, 1, 0, 1], expected=conv(2, pad=(0, 1, 0, 1))),
    case("conv", EVEN, out=6, kernel=3, stride=2, pad=[0, 1, 0, 1], expected=conv(2, pad=(0, 1, 0, 1))),
    case("conv", EVEN, out=6, kernel=3, stride=2, pad=[1, 0, 1, 0], expected=conv(2, pad=(1, 0, 1, 0))),
    case("conv", EVEN, out=6, kernel=3, stride=2, pad="same", expected=conv(2, pad=(0, 1, 0, 1))),
    case("conv", MAP, out=6, kernel=3, stride=2, pad="same", expected=conv(2, 1)),
    case("conv", MAP, out=6, kernel=2, pad="same", expected=conv(pad=(0, 1, 0, 1))),
    case("conv", MAP, out=6, stride=3, pad="same", expected=conv(3)),
    case("conv", MAP, out=6, kernel=2, stride=3, expected=conv(3)),
    case("conv", MAP, out=6, kernel=2, stride=3, rounding="ceil", expected=conv(3, pad=(0, 1, 0, 2))),
    case(
        "conv",
        (1, 3, 224, 224),
        out=2,
        kernel=11,
        stride=4,
        rounding="ceil",
        expected=conv(4, pad=(0, 3, 0, 3)),
    ),
    case("conv", MAP, out=6, kernel=3, stride=2, rounding="exact", expected=conv(2)),
    case("conv", MAP, out=5, kernel=3, connections=C3, expected=connected(C3, 4)),
    case(
        "conv",
        EVEN,
        out=5,
        kernel=3,
        stride=2,
        pad="same",
        connections=C3,
        expected=lambda p, x: connected(C3, 4, stride=2)(p, fn.pad(x, (0, 1, 0, 1))),
    ),
    case("conv_transpose", MAP, out=6, kernel=2, stride=2, expected=up(2)),
    case(
        "conv_transpose",
        MAP,
        out=6,
        kernel=3,
        stride=2,
        pad=1,
        output_pad=1,
        bias=False,
        expected=up(2, 1, 1),
    ),
    case("conv_transpose", MAP, out=6, kernel=[3, 4], stride=[2, 3], groups=2, expected=up((2, 3), 0, 0, 2)),
    case(
        "conv_transpose",
        MAP,
        out=6,
        kernel=3,
        dilation=2,
        pad=[0, 1, 2, 0],
        frozen=True,
        expected=up(1, 0, 0, 1, 2, cut=(2, 0, 0, 1)),
    ),
    case("conv_transpose", MAP, out=6, kernel=4, stride=2, pad="same", expected=up(2, 1)),
    case("conv_transpose", MAP, out=6, kernel=5, stride=2, pad="same", expected=up(2, cut=(1, 2, 1, 2))),
    case("conv_transpose", MAP, out=6, kernel=2, stride=3, pad="same", expected=up(3, 0, 1)),
    case("linear", VECTOR, out=7, expected=lambda p, x: x @ p[0].T + p[1]),
    case("linear", TOKENS, out=7, bias=False, frozen=True, expected=lambda p, x: x @ p[0].T),
]

INF = float("inf")
POOLINGS = [
    case("maxpool", EVEN, kernel=2, expected=lambda p, x: fn.max_pool2d(x, 2)),
    case("maxpool", MAP, kernel=3, stride=2, pad=1, expected=lambda p, x: fn.max_pool2d(x, 3, 2, 1)),
    case(
        "maxpool",
        EVEN,
        kernel=3,
        stride=2,
        ceil=True,
        expected=lambda p, x: fn.max_pool2d(x, 3, 2, ceil_mode=True),
    ),
    case(
        "maxpool",
        EVEN,
        kernel=3,
        stride=2,
        pad=1,
        rounding="ceil",
        expected=lambda p, x: fn.max_pool2d(x, 3, 2, 1, ceil_mode=True),
    ),
    case(
        "maxpool",
        MAP,
        kernel=2,
        pad=1,
        ceil=True,
        expected=lambda p, x: fn.max_pool2d(x, 2, 2, 1, ceil_mode=True),
    ),
    case(
        "maxpool",
        MAP,
        kernel=1,
        stride=5,
        ceil=True,
        expected=lambda p, x: fn.max_pool2d(x, 1, 5, ceil_mode=True),
    ),
    case("maxpool", MAP, kernel=3, dilation=2, pad=1, expected=lambda p, x: fn.max_pool2d(x, 3, 3, 1, 2)),
    case(
        "maxpool",
        EVEN,
        kernel=3,
        stride=2,
        pad="same",
        expected=lambda p, x: fn.max_pool2d(fn.pad(x, (0, 1, 0, 1), value=-INF), 3, 2),
    ),
    case(
        "maxpool",
        MAP,
        kernel=2,
        stride=1,
        pad="same",
        expected=lambda p, x: fn.max_pool2d(fn.pad(x, (0, 1, 0, 1), value=-INF), 2, 1),
    ),
    case(
        "maxpool",
        MAP,
        kernel=[3, 2],
        stride=1,
        pad=[2, 0, 0, 1],
        expected=lambda p, x: fn.max_pool2d(fn.pad(x, (0, 1, 2, 0), value=-INF), (3, 2), 1),
    ),
    case("maxpool", EVEN, kernel=2, rounding="exact", expected=lambda p, x: fn.max_pool2d(x, 2)),
    case("avgpool", EVEN, kernel=2, expected=lambda p, x: fn.avg_pool2d(x, 2)),
    case("avgpool", MAP, kernel=3, stride=2, pad=1, expected=lambda p, x: fn.avg_pool2d(x, 3, 2, 1)),
    case(
        "avgpool",
        EVEN,
        kernel=3,
        stride=2,
        pad=1,
        ceil=True,
        expected=lambda p, x: fn.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
    ),
    case(
        "avgpool",
        EVEN,
        kernel=3,
        stride=2,
        pad=1,
        count_pad=False,
        expected=lambda p, x: fn.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    ),
    case(
        "avgpool",
        EVEN,
        kernel=3,
        stride=2,
        pad=[0, 1, 0, 1],
        expected=lambda p, x: fn.avg_pool2d(fn.pad(x, (0, 1, 0, 1)), 3, 2),
    ),
    case(
        "avgpool",
        EVEN,
        kernel=3,
        stride=2,
        pad="same",
        expected=lambda p, x: fn.avg_pool2d(x, 3, 2, ceil_mode=True, count_include_pad=False),
    ),
    case(
        "avgpool",
        MAP,
        kernel=2,
        stride=1,
        pad="same",
        expected=lambda p, x: (
            fn.pad(x, (0, 1, 0, 1)).unfold(2, 2, 1).unfold(3, 2, 1).sum((4, 5))
            / fn.pad(torch.ones_like(x), (0, 1, 0, 1)).unfold(2, 2, 1).unfold(3, 2, 1).sum((4, 5))
        ),
    ),
    case("global_avgpool", MAP, expected=lambda p, x: x.mean((2, 3), keepdim=True)),
    case("global_maxpool", MAP, expected=lambda p, x: x.amax((2, 3), keepdim=True)),
    case("adaptive_avgpool", MAP, size=[4, 7], expected=lambda p, x: fn.adaptive_avg_pool2d(x, (4, 7))),
    case("adaptive_maxpool", MAP, size=[4, 7], expected=lambda p, x: fn.adaptive_max_pool2d(x, (4, 7))),
    case("adaptive_avgpool", EVEN, size=1, expected=lambda p, x: x.mean((2, 3), keepdim=True)),
    Case(
        "max_unpool",
        {"pool": "p"},
        ((2, 4, 4, 4), (2, 4, 4, 4), EVEN),
        unpooled(2, 2, 0, (8, 8)),
        {"kernel": 2},
    ),
    Case(
        "max_unpool",
        {"pool": "p"},
        ((2, 4, 5, 4), (2, 4, 5, 4), MAP),
        unpooled(2, 2, 0, (9, 7)),
        {"kernel": 2, "ceil": True},
    ),
    Case(
        "max_unpool",
        {"pool": "p", "size": [9, 7]},
        ((2, 4, 5, 4), (2, 4, 5, 4), MAP),
        unpooled(3, 2, 1, (9, 7)),
        {"kernel": 3, "stride": 2, "pad": 1},
    ),
    case(
        "roi_pool",
        MAP,
        size=3,
        rois=2,
        expected=lambda p, x: fn.adaptive_max_pool2d(x, 3)[:, None].expand(-1, 2, -1, -1, -1).flatten(0, 1),
    ),
    case("roi_pool", MAP, size=2, expected=lambda p, x: fn.adaptive_max_pool2d(x, 2)),
    case("subsample", EVEN, expected=lambda p, x: 4 * fn.avg_pool2d(x, 2) * p[0] + p[1]),
    case("subsample", MAP, kernel=[3, 2], expected=lambda p, x: 6 * fn.avg_pool2d(x, (3, 2)) * p[0] + p[1]),
]

NORMALISATIONS = [
    case(
        "bn", MAP, expected=lambda p, x: x / (1 + 1e-5) ** 0.5 * per_channel(p[0], x) + per_channel(p[1], x)
    ),
    case(
        "bn",
        MAP,
        shift=False,
        frozen=True,
        expected=lambda p, x: x / (1 + 1e-5) ** 0.5 * per_channel(p[0], x),
    ),
    case("bn", MAP, shared=True, expected=lambda p, x: x / (1 + 1e-5) ** 0.5),
    case("bn", VECTOR, scale=False, expected=lambda p, x: x / (1 + 1e-5) ** 0.5 + p[0]),
    case(
        "bn",
        MAP,
        shift=False,
        statistics=False,
        expected=lambda p, x: normalised(x, [0, 2, 3]) * per_channel(p[0], x),
    ),
    case(
        "layer_norm",
        MAP,
        expected=lambda p, x: normalised(x, [1]) * per_channel(p[0], x) + per_channel(p[1], x),
    ),
    case("layer_norm", TOKENS, expected=lambda p, x: normalised(x, [2]) * p[0] + p[1]),
    case("layer_norm", VECTOR, scale=False, shift=False, expected=lambda p, x: normalised(x, [1])),
    case(
        "instance_norm",
        MAP,
        expected=lambda p, x: normalised(x, [2, 3]) * per_channel(p[0], x) + per_channel(p[1], x),
    ),
    case(
        "instance_norm", MAP, scale=False, expected=lambda p, x: normalised(x, [2, 3]) + per_channel(p[0], x)
    ),
    case(
        "group_norm",
        MAP,
        groups=2,
        expected=lambda p, x: (
            normalised(x.reshape(2, 2, -1), [2]).reshape(x.shape) * per_channel(p[0], x)
            + per_channel(p[1], x)
        ),
    ),
    case(
        "group_norm",
        VECTOR,
        groups=4,
        shift=False,
        expected=lambda p, x: normalised(x.reshape(3, 4, 3), [2]).reshape(x.shape) * p[0],
    ),
    case(
        "lrn",
        MAP,
        k=2,
        alpha=0.5,
        expected=lambda p, x: (
            x / (2 + 0.5 * fn.pad(x**2, (0, 0, 0, 0, 2, 2)).unfold(1, 5, 1).mean(4)) ** 0.75
        ),
    ),
    case(  # a window wider than there are channels
        "lrn",
        MAP,
        size=21,
        expected=lambda p, x: x / (1 + 1e-4 / 21 * (x**2).sum(1, keepdim=True)) ** 0.75,
    ),
    case("layer_scale", MAP, expected=lambda p, x: x * per_channel(p[0].flatten(), x)),
    case("layer_scale", TOKENS, frozen=True, expected=lambda p, x: x * p[0]),
    case("scale", MAP, by=0.1, expected=lambda p, x: 0.1 * x),
]

ACTIVATIONS = [
    case("relu", MAP, expected=lambda p, x: x.clamp(min=0)),
    case("relu", VECTOR, inplace=False, expected=lambda p, x: x.clamp(min=0)),
    case("relu6", MAP, expected=lambda p, x: x.clamp(0, 6)),
    case("prelu", MAP, expected=lambda p, x: x.clamp(min=0) + per_channel(p[0], x) * x.clamp(max=0)),
    case("prelu", VECTOR, expected=lambda p, x: x.clamp(min=0) + p[0] * x.clamp(max=0)),
    case("prelu", (1, 12), frozen=True, expected=lambda p, x: x.clamp(min=0) + p[0] * x.clamp(max=0)),
    case("elu", MAP, inplace=True, expected=lambda p, x: torch.where(x > 0, x, x.exp() - 1)),
    case("sigmoid", MAP, expected=lambda p, x: 1 / (1 + (-x).exp())),
    case("tanh", MAP, expected=lambda p, x: ((2 * x).exp() - 1) / ((2 * x).exp() + 1)),
    case("scaled_tanh", MAP, expected=lambda p, x: 1.7159 * torch.tanh(2 * x / 3)),
    case("silu", MAP, expected=lambda p, x: x / (1 + (-x).exp())),
    case("gelu", MAP, expected=lambda p, x: x / 2 * (1 + torch.erf(x / 2**0.5))),
    case("hardsigmoid", MAP, expected=lambda p, x: (x + 3).clamp(0, 6) / 6),
    case("hardswish", MAP, expected=lambda p, x: x * (x + 3).clamp(0, 6) / 6),
    case("softmax", VECTOR, expected=lambda p, x: x.exp() / x.exp().sum(1, keepdim=True)),
    case("softmax", MAP, expected=lambda p, x: x.exp() / x.exp().sum(1, keepdim=True)),
    case("softmax", TOKENS, expected=lambda p, x: x.exp() / x.exp().sum(2, keepdim=True)),
]

GATE = (2, 4, 1, 1)
JOINS = [
    case("add", MAP, MAP, MAP, expected=lambda p, x, y, z: x + y + z),
    case("add", VECTOR, VECTOR, expected=lambda p, x, y: x + y),
    case("mean", MAP, MAP, MAP, expected=lambda p, *branches: torch.stack(branches).mean(0)),
    case("mul", MAP, GATE, expected=lambda p, x, y: x * y),
    case("mul", (2, 4), MAP, expected=lambda p, x, y: x[:, :, None, None] * y),
    case("mul", MAP, (2, 1, 9, 7), GATE, expected=lambda p, x, y, z: x * y * z),
    case("mul", TOKENS, TOKENS, expected=lambda p, x, y: x * y),
    case("concat", MAP, (2, 1, 9, 7), MAP, expected=lambda p, *branches: torch.cat(branches, 1)),
    case("concat", VECTOR, (3, 2), expected=lambda p, *branches: torch.cat(branches, 1)),
    case("concat", TOKENS, TOKENS, expected=lambda p, *branches: torch.cat(branches, 2)),
]

MOVES = [
    case("dropout", MAP, expected=lambda p, x: x),
    case("drop_path", MAP, p=0.3, expected=lambda p, x: x),
    case("flatten", MAP, expected=lambda p, x: x.reshape(2, -1)),
    case("flatten", TOKENS, expected=lambda p, x: x.reshape(2, -1)),
    case("reshape", VECTOR, shape=[3, 2, 2], expected=lambda p, x: x.reshape(3, 3, 2, 2)),
    case("reshape", MAP, shape=[4, -1], expected=lambda p, x: x.reshape(2, 4, 63)),
    case("identity", MAP, expected=lambda p, x: x),
    case("channel_shuffle", MAP, groups=2, expected=lambda p, x: x[:, [0, 2, 1, 3]]),
    case("channel_shuffle", MAP, groups=4, expected=lambda p, x: x),
    case("channel_split", MAP, expected=lambda p, x: x[:, :2]),
    case("channel_split", MAP, parts=4, take=3, expected=lambda p, x: x[:, 3:]),
    case("channel_split", TOKENS, parts=3, take=1, expected=lambda p, x: x[:, :, 4:8]),
    case("zero_pad", MAP, pad=[1, 2, 3, 4], expected=lambda p, x: fn.pad(x, (3, 4, 1, 2))),
    case("zero_pad", MAP, channels=3, expected=lambda p, x: torch.cat([x, torch.zeros(2, 3, 9, 7)], 1)),
    case(
        "zero_pad",
        MAP,
        channels=[1, 2],
        expected=lambda p, x: torch.cat([torch.zeros(2, 1, 9, 7), x, torch.zeros(2, 2, 9, 7)], 1),
    ),
    case("crop", MAP, size=[4, 5], expected=lambda p, x: x[:, :, 2:6, 1:6]),
    case("crop", MAP, size=5, offset=[4, 0], expected=lambda p, x: x[:, :, 4:9, 0:5]),
    case("crop", MAP, (2, 1, 5, 5), like="other", expected=lambda p, x: x[:, :, 2:7, 1:6]),
    case("interpolate", MAP, scale=2, expected=lambda p, x: fn.interpolate(x, scale_factor=2)),
    case("interpolate", MAP, scale=1.5, expected=lambda p, x: fn.interpolate(x, (13, 10))),
    case(
        "interpolate",
        EVEN,
        scale=0.5,
        mode="bilinear",
        expected=lambda p, x: fn.interpolate(x, scale_factor=0.5, mode="bilinear"),
    ),
    case(
        "interpolate",
        MAP,
        size=[5, 20],
        mode="bicubic",
        expected=lambda p, x: fn.interpolate(x, (5, 20), mode="bicubic"),
    ),
    case(
        "interpolate",
        (2, 4, 12, 8),
        size=[4, 16],
        mode="bilinear",
        antialias=True,
        expected=lambda p, x: fn.interpolate(x, (4, 16), mode="bilinear", antialias=True),
    ),
    case(
        "interpolate",
        MAP,
        (2, 1, 12, 12),
        like="other",
        mode="bilinear",
        expected=lambda p, x: fn.interpolate(x, (12, 12), mode="bilinear", align_corners=False),
    ),
    case("rbf", VECTOR, out=3, expected=None),  # its centres are not parameters: a test of its own
]

WINDOWS = (8, 49, 12)
QUERY, KEY, VALUE = (2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6)


def attended(p: list[Tensor], q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    weights = q @ k.mT / q.shape[-1] ** 0.5 + (0 if mask is None else mask)
    exponentials = weights.exp()
    return exponentials / exponentials.sum(-1, keepdim=True) @ v


IMPORTED = [
    case(
        "rms_norm", TOKENS, expected=lambda p, x: x / (x.square().mean(2, keepdim=True) + 1e-5).sqrt() * p[0]
    ),
    case(
        "rms_norm",
        MAP,
        scale=False,
        expected=lambda p, x: x / (x.square().mean(3, keepdim=True) + 1e-5).sqrt(),
    ),
    case("linear", MAP, out=5, channels_last=True, expected=lambda p, x: x @ p[0].T + p[1]),
    case("layer_norm", MAP, channels_last=True, expected=lambda p, x: normalised(x, [3]) * p[0] + p[1]),
    case("softmax", MAP, axis=3, expected=lambda p, x: x.exp() / x.exp().sum(3, keepdim=True)),
    case("concat", TOKENS, (2, 1, 12), axis=1, expected=lambda p, *branches: torch.cat(branches, 1)),
    case("leaky_relu", MAP, slope=0.1, expected=lambda p, x: torch.where(x > 0, x, 0.1 * x)),
    case("leaky_relu", MAP, inplace=True, expected=lambda p, x: torch.where(x > 0, x, 0.01 * x)),
    case("mish", MAP, expected=lambda p, x: x * torch.tanh(torch.log(1 + x.exp()))),
    case("matmul", QUERY, (2, 3, 4, 7), expected=lambda p, a, b: (a[..., None] * b[..., None, :, :]).sum(-2)),
    case("matmul", (2, 5, 4), (4, 3), expected=lambda p, a, b: (a[..., None] * b).sum(-2)),
    case(
        "einsum",
        (2, 5, 4),
        (2, 4, 3),
        equation="bij_bjk_bik",
        expected=lambda p, a, b: (a[..., None] * b[:, None]).sum(2),
    ),
    case("attention", QUERY, KEY, VALUE, expected=attended),
    case("attention", QUERY, KEY, VALUE, (2, 3, 5, 7), expected=attended),
    case(
        "conv_given", MAP, (6, 4, 3, 3), pad=1, stride=2, expected=lambda p, x, w: fn.conv2d(x, w, None, 2, 1)
    ),
    case(
        "conv_given",
        MAP,
        (6, 2, 3, 3),
        (6,),
        pad=[0, 1, 0, 1],
        expected=lambda p, x, w, b: fn.conv2d(fn.pad(x, (0, 1, 0, 1)), w, b, groups=2),
    ),
    case("linear_given", TOKENS, (7, 12), expected=lambda p, x, w: x @ w.T),
    case("linear_given", TOKENS, (7, 12), (7,), expected=lambda p, x, w, b: x @ w.T + b),
    *(
        case("elementwise", MAP, function=name, expected=lambda p, x, f=function: f(x))
        for name, function in {
            "neg": lambda x: -x,
            "reciprocal": lambda x: 1 / x,
            "exp": lambda x: torch.e**x,
            "abs": lambda x: torch.where(x > 0, x, -x),
            "sin": torch.sin,
            "cos": torch.cos,
            "erf": torch.erf,
            "square": lambda x: x * x,
            "softplus": lambda x: torch.log(1 + x.exp()),
            "atan": torch.atan,
        }.items()
    ),
    case("elementwise", MAP, function="add", number=2, expected=lambda p, x: x + 2),
    case("elementwise", MAP, function="rsub", number=2, expected=lambda p, x: 2 - x),
    case("elementwise", MAP, function="pow", number=3, expected=lambda p, x: x * x * x),
    case("elementwise", MAP, function="minimum", number=0.5, expected=lambda p, x: x.clamp(max=0.5)),
    case("elementwise", MAP, function="maximum", number=0.5, expected=lambda p, x: x.clamp(min=0.5)),
    case("elementwise", MAP, function="threshold", number=1, expected=lambda p, x: x * (x > 1)),
    case("combine", MAP, (4, 1, 1), function="add", expected=lambda p, a, b: a + b),
    case("combine", TOKENS, TOKENS, function="sub", expected=lambda p, a, b: a - b),
    case("combine", (3, 1, 12), (1, 5, 12), function="mul", expected=lambda p, a, b: a * b),
    case("combine", MAP, MAP, function="div", expected=lambda p, a, b: a / b),
    case("combine", MAP, MAP, function="maximum", expected=lambda p, a, b: torch.where(a > b, a, b)),
    case("combine", MAP, MAP, function="minimum", expected=lambda p, a, b: torch.where(a < b, a, b)),
    case("combine", MAP, (4, 1, 1), function="where", expected=lambda p, a, b: torch.where(a > 0, a, b)),
    case("reduce", TOKENS, function="mean", axes=1, expected=lambda p, x: x.sum(1) / 5),
    case("reduce", MAP, function="sum", axes=[1, 3], expected=lambda p, x: x.sum(1).sum(2)),
    case("reduce", MAP, function="max", axes=1, keep=True, expected=lambda p, x: x.max(1, keepdim=True)[0]),
    case("reduce", MAP, function="min", axes=1, expected=lambda p, x: x.min(1)[0]),
    case("reduce", MAP, function="norm", axes=1, expected=lambda p, x: x.square().sum(1).sqrt()),
    case("reduce", MAP, function="var", axes=1, expected=lambda p, x: torch.var_mean(x, 1)[0]),
    case("reduce", MAP, function="std", axes=1, expected=lambda p, x: torch.var_mean(x, 1)[0].sqrt()),
    case("learned", MAP, shape=[1, 1, 12], expected=lambda p, x: p[0]),
    case("learned", MAP, shape=[3], frozen=True, expected=lambda p, x: p[0]),
    case("unused", MAP, trained=6, frozen=2, kept=3, expected=lambda p, x: torch.zeros(())),
    case("constant", MAP, shape=[-1, 5], made=True, expected=lambda p, x: torch.zeros(len(x), 5)),
    case("constant", MAP, shape=[5, 5], value=0.5, expected=lambda p, x: torch.full((5, 5), 0.5)),
    case("view", MAP, shape=[-1, 63], expected=lambda p, x: x.reshape(8, 63)),
    case("view", WINDOWS, shape=[-1, 4, 49, 12], expected=lambda p, x: x.reshape(2, 4, 49, 12)),
    case("view", MAP, shape=[-1, 63], copy=True, expected=lambda p, x: x.reshape(8, 63)),
    case("copy", MAP, expected=lambda p, x: x),
    case("permute", MAP, axes=[0, 2, 3, 1], expected=lambda p, x: x.movedim(1, 3)),
    case("slice", MAP, axis=2, start=1, step=2, expected=lambda p, x: x[:, :, 1::2]),
    case("slice", TOKENS, axis=1, stop=2, expected=lambda p, x: x[:, :2]),
    case("select", TOKENS, axis=1, expected=lambda p, x: x[:, 0]),
    case(
        "expand", (1, 1, 12), MAP, shape=[-1, 1, 12], like="x", expected=lambda p, x, like: torch.cat([x, x])
    ),
    case(
        "roll",
        MAP,
        shifts=[1, -2],
        axes=[2, 3],
        expected=lambda p, x: x[:, :, [8, *range(8)]][..., [2, 3, 4, 5, 6, 0, 1]],
    ),
    case(
        "pad",
        TOKENS,
        before=[0, 1, 0],
        after=[0, 2, -1],
        value=2,
        expected=lambda p, x: fn.pad(x, (0, -1, 1, 2), value=2),
    ),
    case(
        "pad",
        MAP,
        before=[0, 0, 1, 2],
        after=[0, 0, 0, 3],
        mode="reflect",
        expected=lambda p, x: x[:, :, [1, *range(9)]][..., [2, 1, *range(7), 5, 4, 3]],
    ),
    case(
        "pad",
        MAP,
        before=[0, 0, 1, 2],
        after=[0, 0, 0, 3],
        mode="replicate",
        expected=lambda p, x: x[:, :, [0, *range(9)]][..., [0, 0, *range(7), 6, 6, 6]],
    ),
    case(
        "overwrite",
        MAP,
        (2, 4, 2, 3),
        start=[0, 0, 7, 1],
        expected=lambda p, x, part: torch.cat(
            [x[:, :, :7], torch.cat([x[:, :, 7:, :1], part, x[:, :, 7:, 4:]], 3)], 2
        ),
    ),
    case(
        "windows",
        MAP,
        axis=2,
        size=4,
        stride=2,
        expected=lambda p, x: torch.stack([x[:, :, at : at + 4].movedim(2, 3) for at in (0, 2, 4)], 2),
    ),
    case("unfold", MAP, kernel=[3, 2], stride=2, pad=1, expected=columns),
    case(
        "fold",
        (2, 12, 15),
        size=[5, 6],
        kernel=[3, 2],
        stride=[1, 1],
        expected=lambda p, x: sum(
            fn.pad(x.reshape(2, 2, 3, 2, 3, 5)[:, :, i, j], (j, 1 - j, i, 2 - i))
            for i in range(3)
            for j in range(2)
        ),
    ),
    case("softmax", (7, 12), axis=0, expected=lambda p, x: x.exp() / x.exp().sum(0)),
    case("gather", (9, 3), count=20, expected=lambda p, x: x[torch.arange(20) % 9]),
]


def stepped(step: Callable[..., Any], states: int, time: int = 1) -> Expected:
    """A recurrent layer, step by step: `step(weights, x, *states)` gives the new states, the output first."""

    def expected(p: list[Tensor], x: Tensor) -> Tensor:
        hidden = p[1].shape[1]
        state = [torch.zeros(x.shape[1 - time], hidden) for _ in range(states)]
        outputs = []
        for part in x.unbind(time):
            state = list(step(p, part, *state))
            outputs.append(state[0])
        return torch.stack(outputs, time)

    return expected


def elman(p: list[Tensor], x: Tensor, h: Tensor) -> tuple[Tensor]:
    return (torch.tanh(x @ p[0].T + p[2] + h @ p[1].T + p[3]),)


def memory(p: list[Tensor], x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    i, f, g, o = (x @ p[0].T + p[2] + h @ p[1].T + p[3]).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gated(p: list[Tensor], x: Tensor, h: Tensor) -> tuple[Tensor]:
    ours, theirs = (x @ p[0].T + p[2]).chunk(3, 1), (h @ p[1].T + p[3]).chunk(3, 1)
    reset, update = (ours[0] + theirs[0]).sigmoid(), (ours[1] + theirs[1]).sigmoid()
    candidate = (ours[2] + reset * theirs[2]).tanh()
    return ((1 - update) * candidate + update * h,)


def both_ways(p: list[Tensor], x: Tensor) -> Tensor:
    """Two layers of LSTMs in both directions, without biases, their outputs projected."""
    for layer in (p[:6], p[6:]):
        sides = []
        for weights, sequence in ((layer[:3], x), (layer[3:], x.flip(1))):
            h, c, outputs = torch.zeros(len(x), 3), torch.zeros(len(x), 6), []
            for part in sequence.unbind(1):
                i, f, g, o = (part @ weights[0].T + h @ weights[1].T).chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh() @ weights[2].T
                outputs.append(h)
            sides.append(torch.stack(outputs, 1))
        x = torch.cat([sides[0], sides[1].flip(1)], 2)
    return x


def shuffled(p: list[Tensor], x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.reshape(n, c // 4, 2, 2, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, c // 4, 2 * h, 2 * w)


def read_at(p: list[Tensor], x: Tensor, grid: Tensor) -> Tensor:
    """A map at positions between -1 and 1, value by value."""
    output = torch.zeros(*x.shape[:2], *grid.shape[1:3])
    height, width = x.shape[2:]
    for n, row, column in itertools.product(range(len(x)), *map(range, grid.shape[1:3])):
        u, v = ((grid[n, row, column] + 1) * torch.tensor([width, height]) - 1) / 2
        for j, i in itertools.product((0, 1), (0, 1)):
            at, to = int(v.floor()) + j, int(u.floor()) + i
            share = (1 - (v - at).abs()) * (1 - (u - to).abs())
            if 0 <= at < height and 0 <= to < width:
                output[n, :, row, column] += share * x[n, :, at, to]
    return output


NAMED = [
    case("rnn", TOKENS, hidden=6, expected=stepped(elman, 1)),
    case("rnn", (5, 2, 12), hidden=6, time_first=True, frozen=True, expected=stepped(elman, 1, time=0)),
    case("lstm", TOKENS, hidden=6, expected=stepped(memory, 2)),
    case(
        "lstm",
        TOKENS,
        hidden=6,
        layers=2,
        bidirectional=True,
        bias=False,
        projection=3,
        expected=both_ways,
    ),
    case("gru", TOKENS, hidden=6, expected=stepped(gated, 1)),
    case("embedding", (2, 5), vocabulary=7, size=3, expected=lambda p, x: p[0][x.abs().long() % 7]),
    case(
        "bilinear",
        (3, 4),
        (3, 5),
        out=2,
        expected=lambda p, x, y: torch.stack([(x @ a * y).sum(1) for a in p[0]], 1) + p[1],
    ),
    case(
        "deform_conv",
        EVEN,
        (2, 18, 4, 4),
        out=6,
        stride=2,
        pad=1,
        expected=lambda p, x, offsets: fn.conv2d(x, p[0], p[1], 2, 1),
    ),
    case("grid_sample", MAP, (2, 5, 3, 2), expected=read_at),
    case("pixel_shuffle", MAP, factor=2, expected=shuffled),
    case(
        "pixel_unshuffle",
        EVEN,
        factor=2,
        expected=lambda p, x: torch.stack([x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)], 2).flatten(
            1, 2
        ),
    ),
    case("flip", MAP, axes=[1, 3], expected=lambda p, x: x[:, [3, 2, 1, 0]][..., [6, 5, 4, 3, 2, 1, 0]]),
    case(
        "selu",
        MAP,
        expected=lambda p, x: 1.0507009873554805 * torch.where(x > 0, x, 1.6732632423543772 * x.expm1()),
    ),
    case("celu", MAP, alpha=2.0, expected=lambda p, x: torch.where(x > 0, x, 2 * (x / 2).expm1())),
    case("glu", MAP, expected=lambda p, x: x[:, :2] / (1 + (-x[:, 2:]).exp())),
    case("log_softmax", VECTOR, expected=lambda p, x: (x.exp() / x.exp().sum(1, keepdim=True)).log()),
    case("prelu", MAP, shared=True, expected=lambda p, x: torch.where(x > 0, x, p[0] * x)),
    case(
        "custom",
        (2, 3),
        what="aten.lgamma",
        takes=[[-1, 3]],
        shape=[-1, 3],
        operations=[0, 3],
        pointwise=True,
        expected=lambda p, x: x,
    ),
]

CASES = CONVOLUTIONS + POOLINGS + NORMALISATIONS + ACTIVATIONS + JOINS + MOVES + IMPORTED + NAMED
CASES += AXES_CASES
