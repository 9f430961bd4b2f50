"""Cases of operators that move values, and of those that only imports have."""

from __future__ import annotations

import torch
from ops.case import EVEN, MAP, TOKENS, VECTOR, case, normalised
from torch import Tensor
from torch.nn import functional as fn


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
