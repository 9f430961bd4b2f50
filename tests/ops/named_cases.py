"""Cases of recurrent layers, step by step, and of other operators that PyTorch names: value by value."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from ops.case import EVEN, MAP, TOKENS, VECTOR, Expected, case
from torch import Tensor
from torch.nn import functional as fn


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
