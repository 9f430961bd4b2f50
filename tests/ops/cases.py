"""Every operator with some arguments and input shapes, and what PyTorch makes of the same.

`expected(parameters, *tensors)` computes the output with PyTorch's functions, from the definition
and not from our module; `parameters` are those of the module, in its order. A new operator gets
at least one row here; those of moves, of recurrent layers and the like stand in the files beside.
"""

from __future__ import annotations

from typing import Any

import torch
from ops.axes_cases import AXES_CASES
from ops.case import EVEN, MAP, TOKENS, VECTOR, Case, Expected, Shape, case, normalised, per_channel
from ops.move_cases import IMPORTED, MOVES
from ops.named_cases import NAMED
from torch import Tensor
from torch.nn import functional as fn


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


CASES = CONVOLUTIONS + POOLINGS + NORMALISATIONS + ACTIVATIONS + JOINS + MOVES + IMPORTED + NAMED
CASES += AXES_CASES
