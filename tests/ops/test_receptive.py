"""Receptive fields against PyTorch: a value that is not a number spreads to all that see it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch

from cnncost.ops import REGISTRY, Operator
from cnncost.ops.sizes import shaped

SIZE = 24


def sees(operator: Operator, axis: int, channels: int = 2) -> list[list[int]]:
    """For every output position of an axis the input positions that it sees."""
    shape = shaped("NCHW", (1, channels, SIZE, SIZE))
    module = operator.module(shape).eval()
    seen: dict[int, list[int]] = {}
    for position in range(SIZE):
        x = torch.ones(shape)
        x.select(2 + axis, position).fill_(float("nan"))
        with torch.no_grad():
            hit = module(x).isnan().any(1)[0].any(1 - axis)
        for output in hit.nonzero().flatten().tolist():
            seen.setdefault(output, []).append(position)
    return [seen.get(output, []) for output in range(operator.output_shape(shape)[2 + axis])]


WINDOWS: list[tuple[str, dict[str, Any]]] = [
    ("conv", {"out": 2}),
    ("conv", {"out": 2, "kernel": [3, 5], "stride": [2, 3], "pad": 1}),
    ("conv", {"out": 2, "kernel": 3, "dilation": [2, 4]}),
    ("conv_transpose", {"out": 2, "kernel": 2, "stride": 2}),
    ("conv_transpose", {"out": 2, "kernel": [4, 3], "stride": [2, 1], "pad": 1}),
    ("conv_transpose", {"out": 2, "kernel": [5, 7], "stride": [2, 3]}),
    ("maxpool", {"kernel": [3, 2], "stride": 2}),
    ("maxpool", {"kernel": 3, "stride": 1, "dilation": 2}),
    ("avgpool", {"kernel": [2, 4], "stride": [3, 1]}),
    ("adaptive_avgpool", {"size": [6, 12]}),
    ("adaptive_avgpool", {"size": [5, 7]}),
    ("adaptive_maxpool", {"size": [5, 7]}),
    ("subsample", {}),
    ("interpolate", {"scale": 2}),
    ("interpolate", {"size": [8, 36]}),
    ("interpolate", {"scale": 2, "mode": "bilinear"}),
    ("interpolate", {"scale": 3, "mode": "bicubic"}),
    ("interpolate", {"scale": 1, "mode": "bilinear"}),
    ("relu", {"inplace": False}),
    ("bn", {}),
    ("layer_scale", {}),
    ("channel_shuffle", {"groups": 2}),
    ("identity", {}),
    ("crop", {"size": 12}),
    ("zero_pad", {"pad": 2}),
]


@pytest.mark.parametrize(("name", "arguments"), WINDOWS, ids=lambda value: str(value).replace(" ", ""))
def test_windows(name: str, arguments: dict[str, Any]) -> None:
    """The kernel is the widest view, the stride what lies between the views of two outputs."""
    operator = REGISTRY[name](**arguments)
    declared = operator.receptive(shaped("NCHW", (1, 2, SIZE, SIZE)))
    assert declared is not None
    declared = declared or ((1, 1), (1, 1))
    for axis, (kernel, stride) in enumerate(declared):
        seen = sees(operator, axis)
        views = [positions for positions in seen if positions]
        assert max(view[-1] - view[0] + 1 for view in views) == kernel
        first, last = len(seen) // 4, 3 * len(seen) // 4
        moved = (seen[last][0] + seen[last][-1] - seen[first][0] - seen[first][-1]) / 2
        assert abs(moved - (last - first) * stride) <= 1


@pytest.mark.parametrize("name", ["global_avgpool", "global_maxpool"])
def test_global_pooling_sees_everything(name: str) -> None:
    operator = REGISTRY[name]()
    assert operator.receptive((1, 2, SIZE, SIZE)) is None
    assert sees(operator, 0) == [list(range(SIZE))]


def test_what_sees_everything() -> None:
    assert REGISTRY["linear"](out=3).receptive((1, 12)) is None
    assert REGISTRY["linear"](out=3).receptive((1, 5, 12)) == ()  # token by token
    assert REGISTRY["rbf"](out=3).receptive((1, 12)) is None
    assert REGISTRY["roi_pool"](size=7).receptive((1, 2, 8, 8)) is None
    assert REGISTRY["adaptive_avgpool"](size=1).receptive((1, 2, 8, 8)) is None


def test_unpooling_undoes_the_stride_of_its_pooling() -> None:
    pool = REGISTRY["maxpool"](kernel=3, stride=2)
    unpool = REGISTRY["max_unpool"](pool="pool1").refer(pool)
    assert unpool.receptive((1, 2, 8, 8)) == ((2, Fraction(1, 2)), (2, Fraction(1, 2)))
