"""The formulas on arrays say what they say on ints, point by point."""

from __future__ import annotations

import numpy as np
import pytest

import cnncost
from cnncost.analysis.sweep import sweep
from cnncost.errors import UsageError


@pytest.mark.parametrize(
    "name", ["resnet50", "googlenet", "mobilenet_v2", "inception_v3_keras", "squeezenet1_0"]
)
def test_points_equal_single_analyses(name: str) -> None:
    batches, sizes = np.meshgrid([1, 3], [224, 299, 300, 331])
    swept = sweep(cnncost.load(name), batch=batches, height=sizes, width=sizes + 7)
    for point in np.ndindex(batches.shape):
        size = int(sizes[point])
        totals = cnncost.analyze(cnncost.load(name, input=(size, size + 7)), batch=int(batches[point])).totals
        assert int(swept.macs[point]) == totals.macs
        assert int(swept.flops[point]) == totals.flops
        assert int(swept.activation_elements[point]) == totals.activation_elements


def test_ten_thousand_points_in_one_pass() -> None:
    batches, sizes = np.meshgrid(np.arange(1, 101), np.arange(100) * 4 + 64)
    swept = sweep(cnncost.load("resnet50"), batch=batches, height=sizes)
    assert swept.macs.shape == (100, 100)
    # He et al.'s net at its own input: 4,089,184,256 MACs, and twice that for two images.
    assert swept.macs[(224 - 64) // 4, :2].tolist() == [4_089_184_256, 2 * 4_089_184_256]


def test_a_point_that_does_not_fit_is_named() -> None:
    with pytest.raises(UsageError) as error:
        sweep(cnncost.load("alexnet"), height=[227, 20])
    assert str(error.value).startswith("alexnet cannot be swept over these sizes: ")


WRAPS = "the totals of this sweep do not fit into 64 bits"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"batch": 4_600_000_000, "height": 224}, WRAPS),  # wraps around to a positive number
        ({"batch": 2**62, "height": 224}, WRAPS),  # to 0
        ({"height": 2**33}, WRAPS),
        ({"batch": 2**63, "height": 224}, WRAPS),
        (
            {"batch": 2**64, "height": 224},
            "batch of a sweep must be whole numbers of 64 bits, not larger ones",
        ),
        ({"batch": 1.5, "height": 224}, "batch of a sweep must be whole numbers of 64 bits, not float64"),
        ({"height": [224.0]}, "height of a sweep must be whole numbers of 64 bits, not float64"),
        (
            {"height": 224, "width": float("nan")},
            "width of a sweep must be whole numbers of 64 bits, not float64",
        ),
        ({"batch": True, "height": 224}, "batch of a sweep must be whole numbers of 64 bits, not bool"),
        ({"batch": "a", "height": 224}, "batch of a sweep must be whole numbers of 64 bits, not <U1"),
        ({"batch": [], "height": 224}, "batch of a sweep must be whole numbers of 64 bits, not nothing"),
        (
            {"batch": [1, 2, 3], "height": [224, 225]},
            "the points of a sweep do not broadcast: batch (3,), height (2,), width (2,)",
        ),
    ],
)
def test_a_sweep_answers_rightly_or_not_at_all(given: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as error:
        sweep(cnncost.load("resnet50"), **given)  # type: ignore[arg-type]
    assert str(error.value) == message


@pytest.mark.parametrize("exponent", range(20, 29))
def test_up_to_64_bits_a_sweep_is_exact(exponent: int) -> None:
    """A batch n costs n times one image: Python's whole numbers are the oracle."""
    graph = cnncost.load("resnet50")
    batch = 2**exponent + 1
    swept = sweep(graph, batch=np.int64(batch), height=224)
    assert int(swept.macs) == batch * 4_089_184_256
    assert int(swept.flops) == batch * cnncost.analyze(graph).totals.flops


def test_sizes_must_be_positive() -> None:
    with pytest.raises(UsageError, match="must be positive"):
        sweep(cnncost.load("resnet18"), height=[0])
