"""The operators of maps over one axis (a sound) and three (a video), as in `cases`."""

from __future__ import annotations

from typing import Any

import torch
from ops.case import Case, case, normalised, per_channel
from torch import Tensor
from torch.nn import functional as fn

from cnncost.ops.sizes import Shape, shaped

SOUND = shaped("NCW", (2, 4, 21))
VIDEO = shaped("NCDHW", (2, 4, 6, 7, 5))
MAPS = (SOUND, VIDEO)


def by_axes(name: str, x: Shape) -> Any:
    """torch.nn.functional's function for the axes of a map: conv1d, conv3d."""
    return getattr(fn, f"{name}{len(x) - 2}d")


def space(x: Tensor) -> list[int]:
    return list(range(2, x.dim()))


def uneven(x: Shape) -> list[int]:
    """A padding of 1 before and 2 after every axis, of 0 and 1 on the last, as `pad` lists it."""
    return [*[1, 2] * (len(x) - 3), 0, 1]


def torch_sides(sides: list[int]) -> list[int]:
    """The same as fn.pad takes it: the last axis first."""
    pairs = list(zip(sides[::2], sides[1::2], strict=True))
    return [side for pair in reversed(pairs) for side in pair]


def conv_cases(shape: Shape) -> list[Case]:
    conv, up = by_axes("conv", shape), by_axes("conv_transpose", shape)
    axes = len(shape) - 2
    mixed, sides = [3, 2, 1][:axes], uneven(shape)
    return [
        case("conv", shape, out=6, kernel=3, pad=1, expected=lambda p, x: conv(x, *p, padding=1)),
        case("conv", shape, out=6, kernel=mixed, stride=2, groups=2, bias=False,
             expected=lambda p, x: conv(x, *p, stride=2, groups=2)),
        case("conv", shape, out=6, kernel=3, dilation=2, stride=[1, 2, 1][:axes], pad=[2] * axes,
             expected=lambda p, x: conv(x, *p, stride=[1, 2, 1][:axes], padding=2, dilation=2)),
        case("conv", shape, out=6, kernel=3, stride=2, pad=sides,
             expected=lambda p, x: conv(fn.pad(x, torch_sides(sides)), *p, stride=2)),
        case("conv", shape, out=6, kernel=2, pad="same",
             expected=lambda p, x: conv(fn.pad(x, [0, 1] * axes), *p)),
        case("conv_transpose", shape, out=6, kernel=3, stride=2, pad=1, output_pad=1,
             expected=lambda p, x: up(x, *p, 2, 1, 1)),
        case("conv_transpose", shape, out=6, kernel=4, stride=2, groups=2, pad="same", bias=False,
             expected=lambda p, x: up(x, *p, None, 2, 1, 0, 2)),
        case("conv_transpose", shape, out=6, kernel=3, pad=sides,
             expected=lambda p, x: fn.pad(up(x, *p), [-side for side in torch_sides(sides)])),
    ]  # fmt: skip


def pool_cases(shape: Shape) -> list[Case]:
    largest, average = by_axes("max_pool", shape), by_axes("avg_pool", shape)
    axes = len(shape) - 2
    low = float("-inf")
    return [
        case("maxpool", shape, kernel=2, expected=lambda p, x: largest(x, 2)),
        case("maxpool", shape, kernel=3, stride=2, pad=1, ceil=True,
             expected=lambda p, x: largest(x, 3, 2, 1, ceil_mode=True)),
        case("maxpool", shape, kernel=2, stride=1, dilation=2, expected=lambda p, x: largest(x, 2, 1, 0, 2)),
        case("maxpool", shape, kernel=2, stride=1, pad="same",
             expected=lambda p, x: largest(fn.pad(x, [0, 1] * axes, value=low), 2, 1)),
        case("avgpool", shape, kernel=2, expected=lambda p, x: average(x, 2)),
        case("avgpool", shape, kernel=3, stride=2, pad=1, count_pad=False,
             expected=lambda p, x: average(x, 3, 2, 1, count_include_pad=False)),
        case("avgpool", shape, kernel=3, stride=2, pad=uneven(shape),
             expected=lambda p, x: average(fn.pad(x, torch_sides(uneven(shape))), 3, 2)),
        case("avgpool", shape, kernel=2, stride=1, pad="same",
             expected=lambda p, x: average(fn.pad(x, [0, 1] * axes), 2, 1)
             / average(fn.pad(torch.ones_like(x), [0, 1] * axes), 2, 1)),
        case("global_avgpool", shape, expected=lambda p, x: x.mean(space(x), keepdim=True)),
        case("global_maxpool", shape, expected=lambda p, x: x.amax(space(x), keepdim=True)),
        case("adaptive_avgpool", shape, size=[3, 4, 2][:axes],
             expected=lambda p, x: by_axes("adaptive_avg_pool", shape)(x, [3, 4, 2][:axes])),
        case("adaptive_maxpool", shape, size=3,
             expected=lambda p, x: by_axes("adaptive_max_pool", shape)(x, [3] * axes)),
    ]  # fmt: skip


def unpool_cases() -> list[Case]:
    def expected(size: tuple[int, ...]) -> Any:
        def unpooled(p: list[Tensor], x: Tensor, indices: Tensor) -> Tensor:
            flat = torch.zeros(*x.shape[:2], torch.Size(size).numel())
            return flat.scatter(2, indices.flatten(2), x.flatten(2)).reshape(*x.shape[:2], *size)

        return unpooled

    line, cube = shaped("NCW", (2, 4, 10)), shaped("NCDHW", (2, 4, 3, 3, 2))
    return [
        Case("max_unpool", {"pool": "p"}, (line, line, SOUND), expected(SOUND[2:]), {"kernel": 2}),
        Case("max_unpool", {"pool": "p"}, (cube, cube, VIDEO), expected(VIDEO[2:]), {"kernel": 2}),
    ]


def norm_cases(shape: Shape) -> list[Case]:
    def affine(p: list[Tensor], y: Tensor) -> Tensor:
        return y * per_channel(p[0], y) + per_channel(p[1], y)

    return [
        case("bn", shape, expected=lambda p, x: affine(p, x / (1 + 1e-5) ** 0.5)),
        case("instance_norm", shape, expected=lambda p, x: affine(p, normalised(x, space(x)))),
        case("group_norm", shape, groups=2, expected=lambda p, x: affine(
            p, normalised(x.reshape(2, 2, -1), [2]).reshape(x.shape))),
        case("layer_norm", shape, expected=lambda p, x: affine(p, normalised(x, [1]))),
        case("lrn", shape, size=3, expected=lambda p, x: x / (1 + 1e-4 * fn.pad(
            (x**2).flatten(2), (0, 0, 1, 1)).unfold(1, 3, 1).mean(3).reshape(x.shape)) ** 0.75),
        case("layer_scale", shape, expected=lambda p, x: x * per_channel(p[0].flatten(), x)),
        case("prelu", shape, expected=lambda p, x: x.clamp(min=0) + per_channel(p[0], x) * x.clamp(max=0)),
        case("softmax", shape, expected=lambda p, x: x.exp() / x.exp().sum(1, keepdim=True)),
        case("relu", shape, expected=lambda p, x: x.clamp(min=0)),
    ]  # fmt: skip


def move_cases(shape: Shape) -> list[Case]:
    axes = len(shape) - 2
    gate = shaped(shape.axes, (2, 4, *[1] * axes))
    cut = tuple(slice(1, 4) for _ in range(axes))
    return [
        case("zero_pad", shape, pad=uneven(shape), expected=lambda p, x: fn.pad(
            x, torch_sides(uneven(shape)))),
        case("zero_pad", shape, pad=1, channels=[1, 2], expected=lambda p, x: fn.pad(x, [1] * 2 * axes + [1, 2])),
        case("crop", shape, size=3, offset=1, expected=lambda p, x: x[(slice(None), slice(None), *cut)]),
        case("channel_shuffle", shape, groups=2, expected=lambda p, x: x[:, [0, 2, 1, 3]]),
        case("channel_split", shape, take=1, expected=lambda p, x: x[:, 2:]),
        case("concat", shape, shape, expected=lambda p, x, y: torch.cat([x, y], 1)),
        case("add", shape, shape, expected=lambda p, x, y: x + y),
        case("mul", shape, gate, expected=lambda p, x, y: x * y),
        case("mul", shaped("NC", (2, 4)), shape, expected=lambda p, x, y: x.reshape(gate) * y),
        case("flatten", shape, expected=lambda p, x: x.reshape(2, -1)),
        case("dropout", shape, expected=lambda p, x: x),
    ]  # fmt: skip


def pad_cases(shape: Shape) -> list[Case]:
    sides = uneven(shape)
    modes = ("reflect", "replicate", "circular")
    found = [
        case("pad", shape, sides=sides, mode=mode,
             expected=lambda p, x, mode=mode: fn.pad(x, torch_sides(sides), mode))
        for mode in modes
    ]  # fmt: skip
    power, largest = by_axes("lp_pool", shape), shape[2:]
    return [
        *found,
        case(
            "pad",
            shape,
            sides=2,
            value=1.5,
            expected=lambda p, x: fn.pad(x, [2, 2] * len(largest), value=1.5),
        ),
        case("lp_pool", shape, kernel=2, expected=lambda p, x: power(x.abs(), 2.0, 2)),
        case("lp_pool", shape, p=4, kernel=3, stride=2, expected=lambda p, x: power(x, 4, 3, 2)),
        case("dropout", shape, maps=True, expected=lambda p, x: x),
    ]


def resample_cases(shape: Shape) -> list[Case]:
    axes = len(shape) - 2
    mode = {1: "linear", 3: "trilinear"}[axes]
    return [
        case("interpolate", shape, scale=2, expected=lambda p, x: fn.interpolate(x, scale_factor=2)),
        case("interpolate", shape, size=[5, 9, 4][:axes], mode="nearest-exact",
             expected=lambda p, x: fn.interpolate(x, [5, 9, 4][:axes], mode="nearest-exact")),
        case("interpolate", shape, scale=2, mode=mode,
             expected=lambda p, x: fn.interpolate(x, scale_factor=2, mode=mode)),
    ]  # fmt: skip


def patches(x: Tensor, kernel: int, stride: int) -> Tensor:
    """The windows of a map as columns, cut out one by one."""
    starts = [range(0, size - kernel + 1, stride) for size in x.shape[2:]]
    windows = [
        x[(slice(None), slice(None), *[slice(at, at + kernel) for at in start])].reshape(len(x), -1)
        for start in torch.cartesian_prod(*[torch.tensor(list(s)) for s in starts])
        .reshape(-1, len(starts))
        .tolist()
    ]
    return torch.stack(windows, 2)


def refolded(x: Tensor, size: list[int], kernel: int, stride: int) -> Tensor:
    """Columns put back: the transpose of `patches`, by its gradient."""
    image = torch.zeros(len(x), x.shape[1] // kernel ** len(size), *size, requires_grad=True)
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(patches(image, kernel, stride), image, x)
    return gradient


def patch_cases(shape: Shape) -> list[Case]:
    axes = len(shape) - 2
    columns = (2, 4 * 2**axes, {1: 10, 3: 18}[axes])
    return [
        case("unfold", shape, kernel=2, stride=2, expected=lambda p, x: patches(x, 2, 2)),
        case("unfold", shape, kernel=3, stride=2, pad=1,
             expected=lambda p, x: patches(fn.pad(x, [1] * 2 * axes), 3, 2)),
        case("fold", shaped("NCL", columns), kernel=2, stride=2, size=list(shape[2:]),
             expected=lambda p, y: refolded(y, list(shape[2:]), 2, 2)),
    ]  # fmt: skip


NEAR = [
    case("interpolate", shaped("NCHW", (2, 4, 5, 6)), scale=2, mode="nearest-exact",
         expected=lambda p, x: fn.interpolate(x, scale_factor=2, mode="nearest-exact")),
]  # fmt: skip

AXES_CASES = [
    found
    for shape in MAPS
    for kind in (conv_cases, pool_cases, norm_cases, move_cases, pad_cases, resample_cases, patch_cases)
    for found in kind(shape)
]
IMAGE = shaped("NCHW", (2, 4, 9, 7))
AXES_CASES += [*unpool_cases(), *NEAR, *pad_cases(IMAGE)]
