"""The lectures' building blocks against the products that their slides print."""

from __future__ import annotations

import pytest

import cnncost


def macs(model: str, **overrides: int) -> dict[str, int]:
    """MACs of every convolution of a model."""
    report = cnncost.analyze(cnncost.load(model, set=overrides), by="op")
    return {row.name: row.macs for row in report.rows if row.macs}


def totals(model: str, **overrides: int) -> tuple[int, int]:
    """Parameters and MACs of a model."""
    total = cnncost.analyze(cnncost.load(model, set=overrides)).totals
    return total.params, total.macs


def test_naive_inception_module() -> None:
    assert list(macs("inception_module_naive").values()) == [
        28 * 28 * 128 * 1 * 1 * 256,
        28 * 28 * 192 * 3 * 3 * 256,
        28 * 28 * 96 * 5 * 5 * 256,
    ]
    assert totals("inception_module_naive")[1] == 854_196_224
    report = cnncost.analyze(cnncost.load("inception_module_naive"))
    assert report.rows[-1].output_shape == (672, 28, 28)


def test_reduced_inception_module() -> None:
    # The slides' total of 358 million counts the 3x3 term twice.
    assert sorted(macs("inception_module_reduced").values()) == sorted(
        [
            28 * 28 * 64 * 1 * 1 * 256,
            28 * 28 * 64 * 1 * 1 * 256,
            28 * 28 * 128 * 1 * 1 * 256,
            28 * 28 * 192 * 3 * 3 * 64,
            28 * 28 * 96 * 5 * 5 * 64,
            28 * 28 * 64 * 1 * 1 * 256,
        ]
    )
    assert totals("inception_module_reduced")[1] == 271_351_808
    report = cnncost.analyze(cnncost.load("inception_module_reduced"))
    assert report.rows[-1].output_shape == (480, 28, 28)


def test_reduction_before_a_5x5() -> None:
    assert list(macs("inception_layer_tum_direct").values()) == [5 * 5 * 200 * 32 * 32 * 92]
    assert list(macs("inception_layer_tum").values()) == [
        1 * 1 * 200 * 32 * 32 * 16,
        5 * 5 * 16 * 32 * 32 * 92,
    ]


def test_depthwise_separable_pair() -> None:
    assert list(macs("standard_conv").values()) == [1_228_800]
    assert list(macs("depthwise_separable").values()) == [4_800, 49_152]


@pytest.mark.parametrize("maps", [64, 256])
def test_stacked_small_kernels_against_one_large(maps: int) -> None:
    area = 56 * 56
    assert totals("three_3x3", maps=maps) == (27 * maps**2, 27 * maps**2 * area)
    assert totals("one_7x7", maps=maps) == (49 * maps**2, 49 * maps**2 * area)
    assert totals("two_3x3", maps=maps) == (18 * maps**2, 18 * maps**2 * area)
    assert totals("one_5x5", maps=maps) == (25 * maps**2, 25 * maps**2 * area)


@pytest.mark.parametrize(
    ("stack", "single", "field"), [("three_3x3", "one_7x7", (7, 7)), ("two_3x3", "one_5x5", (5, 5))]
)
def test_stacked_small_kernels_see_as_much(stack: str, single: str, field: tuple[int, int]) -> None:
    for model in (stack, single):
        assert cnncost.analyze(cnncost.load(model)).rows[-1].receptive_field == field


@pytest.mark.parametrize("model", ["plain_block", "basic_block", "preact_block"])
def test_basic_unit(model: str) -> None:
    assert totals(model)[1] == 18 * 56 * 56 * 64**2


def test_bottleneck_unit() -> None:
    size = 56 * 56 * 64**2
    assert list(macs("bottleneck_block").values()) == [4 * size, 9 * size, 4 * size]


def test_identity_shortcuts_cost_no_parameters() -> None:
    assert totals("basic_block") == totals("plain_block")


def test_dense_block_adds_its_growth_to_every_layer() -> None:
    rows = cnncost.analyze(cnncost.load("dense_block")).rows
    joined = [row.output_shape for row in rows if row.op == "concat"]
    assert joined == [(64 + 32 * layer, 56, 56) for layer in range(1, 7)]


def test_mlpconv_is_one_window_and_two_pointwise_layers() -> None:
    assert list(macs("mlpconv").values()) == [32 * 32 * 192 * 25 * 3, 32 * 32 * 160 * 192, 32 * 32 * 96 * 160]
