"""Every operator against PyTorch: shapes, values, parameters, buffers, MACs."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from ops.cases import CASES, Case
from torch.utils.flop_counter import FlopCounterMode

from cnncost.ops import REGISTRY
from cnncost.ops.base import Storage
from cnncost.ops.sizes import resized


def tensors(case: Case) -> list[torch.Tensor]:
    """Random tensors for the inputs whose values are read, and an unpooling's indices."""
    torch.manual_seed(0)
    operator = case.operator()
    shapes = case.shapes if operator.inputs is None else case.shapes[: operator.inputs]
    values = [torch.randn(shape) for shape in shapes]
    if case.target is None:
        return values
    pool = REGISTRY["maxpool"](**case.target).module(case.shapes[2])
    pool.return_indices = True
    return list(pool(torch.randn(case.shapes[2])))


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def test_every_operator_has_a_case() -> None:
    assert set(REGISTRY) == {case.name for case in CASES}


def test_values_and_shape(case: Case) -> None:
    operator = case.operator()
    module = operator.module(*case.shapes).eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    inputs = tensors(case)
    with torch.no_grad():
        output = module(*[x.clone() for x in inputs])
        assert tuple(output.shape) == operator.output_shape(*case.shapes)
        if case.expected:
            expected = case.expected(list(module.parameters()), *inputs)
            torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-5)


def test_parameters_and_buffers(case: Case) -> None:
    operator = case.operator()
    module = operator.module(*case.shapes)
    parameters = list(module.parameters())
    assert operator.params(*case.shapes) == sum(parameter.numel() for parameter in parameters)
    buffers = [value for key, value in module.named_buffers() if key.startswith("running_") or key == "kept"]
    assert operator.buffers(*case.shapes) == sum(buffer.numel() for buffer in buffers)
    frozen = [weight.frozen for weight in operator.weights(*case.shapes)]
    assert all(frozen) == all(not p.requires_grad for p in parameters) or not parameters
    assert any(frozen) == any(not p.requires_grad for p in parameters)


BY_HAND = {
    "rnn": 2 * 5 * 6 * (12 + 6),
    "lstm": 2 * 5 * 4 * 6 * (12 + 6),
    "gru": 2 * 5 * 3 * 6 * (12 + 6),
    "bilinear": 3 * 2 * 5 * (4 + 1),
}
"""MACs of what PyTorch's counter does not count, of the first case of each: steps x gates x units x (F + H)."""


@pytest.mark.parametrize("name", BY_HAND)
def test_macs_by_hand(name: str) -> None:
    first = next(case for case in CASES if case.name == name)
    operator = first.operator()
    assert operator.macs(operator.output_shape(*first.shapes), *first.shapes) == BY_HAND[name]


def test_macs_of_a_projected_lstm_in_both_directions() -> None:
    """Sak et al. 2014: gates read F + P features, and P x H MACs project; the second layer reads both sides."""
    case = next(case for case in CASES if case.arguments.get("projection"))
    steps = 2 * 5 * 2  # sequences, steps, directions
    expected = steps * (4 * 6 * (12 + 3) + 3 * 6) + steps * (4 * 6 * (2 * 3 + 3) + 3 * 6)
    operator = case.operator()
    assert operator.macs(operator.output_shape(*case.shapes), *case.shapes) == expected


def test_macs_are_half_of_what_torch_counts(case: Case) -> None:
    operator = case.operator()
    module = operator.module(*case.shapes).eval()
    if case.name in BY_HAND:
        return
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*tensors(case))
    assert 2 * operator.macs(operator.output_shape(*case.shapes), *case.shapes) == counter.get_total_flops()


def test_flops_are_the_sum_of_the_operations(case: Case) -> None:
    operator = case.operator()
    output = operator.output_shape(*case.shapes)
    operations = operator.arithmetic(output, *case.shapes)
    assert all(count >= 0 for count in operations.values())
    total = 2 * operator.macs(output, *case.shapes) + sum(operations.values())
    assert operator.flops(output, *case.shapes) == total


MOVES = {"flatten", "reshape", "identity", "channel_shuffle", "channel_split", "zero_pad", "crop"}
MOVES |= {"view", "copy", "permute", "slice", "select", "expand", "roll", "pad", "gather"}
MOVES |= {"overwrite", "windows", "unfold"}
MOVES |= {"learned", "constant", "unused", "pixel_shuffle", "pixel_unshuffle", "embedding", "flip"}
FREE = MOVES | {"concat", "dropout", "drop_path", "max_unpool"}


def test_free_operators_say_so_and_no_other_is_free() -> None:
    for case in CASES:
        operator = case.operator()
        if case.name == "maxpool" and operator.kernel == 1:
            continue  # nothing to compare
        free = not operator.flops(operator.output_shape(*case.shapes), *case.shapes)
        nearest = case.name == "interpolate" and operator.mode.startswith("nearest")
        plain = case.name in ("conv", "linear") and not operator.bias
        assert free == (case.name in FREE or nearest), case
        assert plain or case.name not in FREE or "free" in type(operator).__doc__.lower(), case


@pytest.mark.parametrize("case", CASES, ids=str)
def test_storage_is_what_pytorch_does(case: Case) -> None:
    """A view or an in-place result lives in the input's memory, any other does not."""
    operator = case.operator()
    inputs = tensors(case)
    module = operator.module(*case.shapes).eval()
    with torch.no_grad():
        output = module(*inputs)
    if operator.kin == "weights":
        inputs = [*module.parameters(), *module.buffers()]
    shared = any(output.untyped_storage().data_ptr() == x.untyped_storage().data_ptr() for x in inputs)
    assert shared == (operator.storage() is not Storage.NEW)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_modules_do_not_depend_on_the_batch(case: Case) -> None:
    operator = case.operator()
    if (
        case.expected is None
        or case.name == "roi_pool"
        or case.target
        or (case.name, case.shapes) == ("bn", 1)
    ):
        return
    module = operator.module(*case.shapes).eval()
    batch = case.shapes[-1 if case.name == "expand" else 0][0]
    inputs = [torch.cat([x, x, x]) if x.shape[0] == batch else x for x in tensors(case)]
    shapes = [resized(shape, x.shape) for shape, x in zip(case.shapes, inputs, strict=False)]
    with torch.no_grad():
        output = module(*inputs)
    assert tuple(output.shape) == operator.output_shape(*shapes, *case.shapes[len(shapes) :])


def test_rbf_is_the_distance_to_fixed_centres() -> None:
    module = REGISTRY["rbf"](out=3).module((2, 84))
    x = torch.randn(2, 84)
    centres = module.centres
    assert set(centres.unique().tolist()) == {-1.0, 1.0}
    torch.testing.assert_close(module(x), torch.cdist(x, centres) ** 2, rtol=1e-4, atol=1e-3)


def test_drop_path_drops_whole_images_in_training() -> None:
    module = REGISTRY["drop_path"](p=0.25).module((64, 3, 4, 4)).train()
    torch.manual_seed(0)
    output = module(torch.ones(4000, 3, 4, 4))
    per_image = output.flatten(1)
    assert (per_image == per_image[:, :1]).all()
    assert sorted(set(per_image[:, 0].tolist())) == pytest.approx([0, 4 / 3])
    assert abs(per_image.mean() - 1) < 0.05


def test_roi_pool_is_that_of_fast_rcnn() -> None:
    """Girshick 2015, section 2.1: bins of a region, cut to the map; an empty bin is 0."""
    torch.manual_seed(0)
    x = torch.randn(2, 5, 12, 16)
    corners = [[0, 0, 0, 255, 191], [1, 32, 16, 160, 120], [0, 200, 100, 210, 190], [1, 8, 8, 8, 8]]
    regions = torch.tensor([*corners, [1, -40, -20, 90, 300]])
    module = REGISTRY["roi_pool"](size=[3, 4], rois=2, scale=1 / 16).module(tuple(x.shape))
    expected = torch.zeros(5, 5, 3, 4)
    for index, (image, *box) in enumerate(regions.tolist()):
        left, top, right, bottom = (math.floor(side / 16 + 0.5) for side in box)
        height, width = bottom - top + 1, right - left + 1
        for row, column in itertools.product(range(3), range(4)):
            rows = range(top + row * height // 3, top - (-(row + 1) * height // 3))
            columns = range(left + column * width // 4, left - (-(column + 1) * width // 4))
            seen = [x[image, :, r, c] for r in rows for c in columns if 0 <= r < 12 and 0 <= c < 16]
            if seen:
                expected[index, :, row, column] = torch.stack(seen).amax(0)
    torch.testing.assert_close(module(x, regions), expected)


@pytest.mark.parametrize("pad", ["same", [1, 0, 0, 1], [2, 2, 1, 1]], ids=str)
def test_unpooling_a_pool_whose_padding_pytorch_has_no_argument_for(pad: object) -> None:
    """Every maximum comes back to where it was."""
    x = torch.rand(1, 2, 8, 8) + 1
    pool = REGISTRY["maxpool"](kernel=3, pad=pad)
    layer = pool.module(tuple(x.shape))
    next(part for part in layer.modules() if isinstance(part, torch.nn.MaxPool2d)).return_indices = True
    pooled, indices = layer(x)
    unpool = REGISTRY["max_unpool"](pool="p").refer(pool)
    output = unpool.module(tuple(pooled.shape), tuple(pooled.shape), tuple(x.shape))(pooled, indices)
    kept = output != 0
    assert output.shape == x.shape
    assert (output[kept] == x[kept]).all()
    assert kept.sum() == pooled.numel()


def test_in_place_modules_have_a_switch() -> None:
    for case in CASES:
        operator = case.operator()
        if "inplace" in operator.arguments:
            assert operator.module(*case.shapes).inplace is operator.inplace, case
