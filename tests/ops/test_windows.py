"""Windows of convolutions and poolings against their definitions, over random arguments."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch.nn import functional as fn

from cnncost.errors import OperatorError
from cnncost.ops import REGISTRY, Operator, window

CONV, UP, MAX, AVG = (REGISTRY[name] for name in ("conv", "conv_transpose", "maxpool", "avgpool"))

sizes = st.integers(1, 14)
pairs = st.tuples(st.integers(1, 4), st.integers(1, 4)).map(list)
sides = st.lists(st.integers(0, 3), min_size=4, max_size=4)
paddings = sides | st.just("same") | st.integers(0, 3)
roundings = st.sampled_from(["floor", "ceil", "exact"])


def taps(position: int, stride: int, before: int, kernel: int, dilation: int) -> list[int]:
    """Where a window looks on an axis, by definition: outside the input it sees padding."""
    return [position * stride - before + dilation * tap for tap in range(kernel)]


def tensorflow_same(size: int, kernel: int, stride: int) -> tuple[int, int, int]:
    """(output size, padding before, padding after) of TensorFlow's "same"."""
    output = math.ceil(size / stride)
    total = max((output - 1) * stride + kernel - size, 0)
    return output, total // 2, total - total // 2


def layout(operator: Any, x: torch.Tensor, axis: int, ceil: bool, drop: bool) -> tuple[int, int, int]:
    """(positions, padding before, padding after) on an axis, written down once more."""
    size, slide = x.shape[2 + axis], operator.windows(tuple(x.shape))[axis]
    kernel, stride = operator.kernel[axis], operator.stride[axis]
    dilation = operator.dilation[axis] if operator.given("dilation") else 1
    reach = dilation * (kernel - 1) + 1
    if operator.pad == "same":
        return tensorflow_same(size, reach, stride)
    sides = [operator.pad] * 4 if isinstance(operator.pad, int) else operator.pad
    before, after = sides[2 * axis : 2 * axis + 2]
    assert (slide.kernel, slide.stride, slide.before, slide.after) == (kernel, stride, before, after)
    exact = (size + before + after - reach) / stride + 1
    positions = math.ceil(exact) if ceil else math.floor(exact)
    if ceil and drop and (positions - 1) * stride >= size + before:
        positions -= 1
    return positions, before, after


def built(kind: type[Operator], x: torch.Tensor, **arguments: Any) -> Operator:
    """The operator, if it takes these arguments and this input."""
    try:
        operator = kind(**arguments)
        operator.output_shape(tuple(x.shape))
    except OperatorError:
        assume(False)
    return operator


@given(sizes, sizes, pairs, pairs, paddings, pairs, roundings, st.sampled_from([1, 2]), st.booleans())
@example(1, 1, [1, 1], [3, 1], [2, 0, 0, 0], [1, 1], "floor", 1, False)  # its window sees padding only
@settings(max_examples=80, deadline=None)
def test_convolution(
    height: int, width: int, kernel: Any, stride: Any, pad: Any, dilation: Any, rounding: str, groups: int,
    bias: bool,
) -> None:  # fmt: skip
    """Equal to a convolution of a generously padded map, its first windows taken."""
    x = torch.randn(2, 4, height, width)
    conv: Any = built(
        CONV, x, out=6, kernel=kernel, stride=stride, pad=pad, dilation=dilation, rounding=rounding,
        groups=groups, bias=bias,
    )  # fmt: skip
    rows, top, _ = layout(conv, x, 0, rounding == "ceil", drop=False)
    columns, left, _ = layout(conv, x, 1, rounding == "ceil", drop=False)
    module = conv.module(tuple(x.shape))
    weights = list(module.parameters())
    wide = fn.pad(x, (left, 40, top, 40))
    expected = fn.conv2d(wide, weights[0], weights[1] if bias else None, stride, 0, dilation, groups)
    output = module(x)
    assert tuple(output.shape) == conv.output_shape(tuple(x.shape)) == (2, 6, rows, columns)
    torch.testing.assert_close(output, expected[:, :, :rows, :columns], rtol=1e-4, atol=1e-4)


@given(sizes, sizes, pairs, pairs, paddings, pairs, roundings, st.booleans())
@settings(max_examples=80, deadline=None)
def test_max_pooling(
    height: int, width: int, kernel: Any, stride: Any, pad: Any, dilation: Any, rounding: str, ceil: bool
) -> None:
    """The maximum of what every window sees of the input."""
    x = torch.randn(1, 2, height, width)
    pool: Any = built(
        MAX, x, kernel=kernel, stride=stride, pad=pad, dilation=dilation, rounding=rounding, ceil=ceil
    )
    up = ceil or rounding == "ceil"
    (rows, top, _), (columns, left, _) = (layout(pool, x, axis, up, drop=True) for axis in (0, 1))
    expected = torch.empty(1, 2, rows, columns)
    for row in range(rows):
        seen = [r for r in taps(row, stride[0], top, kernel[0], dilation[0]) if 0 <= r < height]
        for column in range(columns):
            across = [c for c in taps(column, stride[1], left, kernel[1], dilation[1]) if 0 <= c < width]
            assume(seen and across)  # a dilated window may see padding only
            expected[:, :, row, column] = x[:, :, seen][:, :, :, across].amax((2, 3))
    output = pool.module(tuple(x.shape))(x)
    assert tuple(output.shape) == pool.output_shape(tuple(x.shape))
    torch.testing.assert_close(output, expected)


@given(sizes, sizes, pairs, pairs, paddings, st.booleans(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_average_pooling(
    height: int, width: int, kernel: Any, stride: Any, pad: Any, ceil: bool, count_pad: bool
) -> None:
    """The mean over the input, or over the input and the declared padding."""
    x = torch.randn(1, 2, height, width)
    pool: Any = built(AVG, x, kernel=kernel, stride=stride, pad=pad, ceil=ceil, count_pad=count_pad)
    rows, top, bottom = layout(pool, x, 0, ceil, drop=True)
    columns, left, right = layout(pool, x, 1, ceil, drop=True)
    if pad == "same" or not count_pad:
        first, last = (0, 0), (height, width)
    else:
        first, last = (-top, -left), (height + bottom, width + right)
    expected = torch.empty(1, 2, rows, columns)
    for row in range(rows):
        down = taps(row, stride[0], top, kernel[0], 1)
        for column in range(columns):
            across = taps(column, stride[1], left, kernel[1], 1)
            seen = x[:, :, [r for r in down if 0 <= r < height]]
            total = seen[:, :, :, [c for c in across if 0 <= c < width]].sum((2, 3))
            counted = sum(first[0] <= r < last[0] for r in down) * sum(
                first[1] <= c < last[1] for c in across
            )
            expected[:, :, row, column] = total / counted
    output = pool.module(tuple(x.shape))(x)
    assert tuple(output.shape) == pool.output_shape(tuple(x.shape))
    torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-5)


@given(sizes, sizes, pairs, pairs, paddings, pairs, st.tuples(st.integers(0, 2), st.integers(0, 2)).map(list))
@settings(max_examples=80, deadline=None)
def test_transposed_convolution(
    height: int, width: int, kernel: Any, stride: Any, pad: Any, dilation: Any, output_pad: Any
) -> None:
    """Equal to the full transposed convolution, cropped: the gradient of the convolution."""
    x = torch.randn(2, 4, height, width)
    up: Any = built(
        UP,
        x,
        out=6,
        kernel=kernel,
        stride=stride,
        pad=pad,
        dilation=dilation,
        output_pad=output_pad,
        groups=2,
    )
    module = up.module(tuple(x.shape))
    weight, bias = module.parameters()
    output = module(x)
    shape = up.output_shape(tuple(x.shape))
    assert tuple(output.shape) == shape
    reaches = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if pad == "same":
        assert shape[2:] == (height * stride[0], width * stride[1])
        before = [max(reach - step, 0) // 2 for reach, step in zip(reaches, stride, strict=True)]
    else:
        before = [slide.before for slide in up.windows(tuple(x.shape))]
    full = fn.conv_transpose2d(x, weight, None, stride, 0, 0, 2, dilation)
    full = fn.pad(full, (0, 20, 0, 20))[:, :, before[0] :, before[1] :][:, :, : shape[2], : shape[3]]
    torch.testing.assert_close(output, full + bias[:, None, None], rtol=1e-4, atol=1e-4)


@given(st.integers(1, 300), st.integers(1, 11), st.integers(1, 5))
def test_tensorflows_same(size: int, kernel: int, stride: int) -> None:
    """ceil(n / s) windows; the odd pixel goes to the bottom and the right (TensorFlow's guide)."""
    output, before, after = tensorflow_same(size, kernel, stride)
    assert window.same_padding(size, kernel, stride) == (before, after)
    arguments = {"kernel": kernel, "stride": stride, "pad": "same"}
    for same in (CONV(out=1, **arguments), MAX(**arguments), AVG(**arguments)):
        assert same.output_shape((1, 1, size, size)) == (1, 1, output, output)


@given(st.integers(1, 200), st.integers(1, 7), st.integers(1, 9), st.integers(0, 3), st.booleans())
def test_caffes_ceil_is_pytorchs(size: int, kernel: int, stride: int, pad: int, ceil: bool) -> None:
    """The last window that would start beyond the input and its padding is dropped."""
    assume(pad <= kernel // 2 and size + 2 * pad >= kernel)
    pool = MAX(kernel=kernel, stride=stride, pad=pad, ceil=ceil)
    expected = fn.max_pool2d(torch.empty(1, 1, size, size, device="meta"), kernel, stride, pad, 1, ceil)
    assert pool.output_shape((1, 1, size, size)) == tuple(expected.shape)


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ([{"kernel": 3, "stride": 2, "ceil": True}] * 4, [112, 56, 28, 14, 7]),  # GoogLeNet's poolings
        ([{"kernel": 3, "stride": 2}] * 4, [112, 55, 27, 13, 6]),  # the same rounded down
        ([{"kernel": 2, "ceil": True}] * 5, [698, 349, 175, 88, 44, 22]),  # FCN
    ],
    ids=["googlenet", "googlenet-floor", "fcn"],
)
def test_published_chains(chain: list[dict[str, Any]], expected: list[int]) -> None:
    found = [expected[0]]
    for arguments in chain:
        found.append(MAX(**arguments).output_shape((1, 1, found[-1], found[-1]))[2])
    assert found == expected


@st.composite
def windows(draw: st.DrawFn) -> tuple[list[int], dict[str, Any]]:
    """Sizes of a map of one to three axes, and a window over it, its arguments in any of their forms."""
    axes = draw(st.integers(1, 3))
    per_axis = st.integers(1, 3) | st.lists(st.integers(1, 3), min_size=axes, max_size=axes)
    flat = st.lists(st.integers(0, 2), min_size=2 * axes, max_size=2 * axes)
    pads = (
        st.integers(0, 2) | st.lists(st.integers(0, 2), min_size=axes, max_size=axes) | flat | st.just("same")
    )
    space = draw(st.lists(st.integers(1, 9), min_size=axes, max_size=axes))
    names = ("kernel", "stride", "dilation")
    return space, {**{name: draw(per_axis) for name in names}, "pad": draw(pads)}


def on_axis(value: Any, axis: int, axes: int) -> Any:
    """A window's argument on one axis."""
    if not isinstance(value, list):
        return value
    return value[axis] if len(value) == axes else value[2 * axis : 2 * axis + 2]


@given(windows(), st.sampled_from(["conv", "conv_transpose", "maxpool"]))
@settings(max_examples=150, deadline=None)
def test_a_window_over_several_axes_is_one_over_each(window: tuple[list[int], Any], name: str) -> None:
    """Sizes, what is seen and the kernel's product go axis by axis; PyTorch makes the same shape."""
    space, arguments = window
    out = {} if name == "maxpool" else {"out": 2}
    x = (1, 2, *space)
    operator = built(REGISTRY[name], torch.empty(x), **arguments, **out)
    singles = []
    for axis, size in enumerate(space):
        given = {key: on_axis(value, axis, len(space)) for key, value in arguments.items()}
        singles.append((REGISTRY[name](**given, **out), (1, 2, size)))
    shape = operator.output_shape(x)
    assert shape[2:] == tuple(one.output_shape(line)[2] for one, line in singles)
    seen = [reach for one, line in singles for reach in one.receptive(line) or ()]
    assert list(operator.receptive(x) or ()) == seen
    assert [slide.kernel for slide in operator.windows(x)] == [
        one.windows(line)[0].kernel for one, line in singles
    ]
    module = operator.module(x).to("meta")
    assert tuple(module(torch.empty(x, device="meta")).shape) == shape
