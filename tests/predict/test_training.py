"""Kernels of a training step, held to what is counted elsewhere and to sums by hand."""

from __future__ import annotations

import pytest
from predict.profiles import device, profile

import cnncost
from cnncost.analysis.backward import backward_macs
from cnncost.devices import device as ours
from cnncost.execution.plan import plan
from cnncost.graph import Graph
from cnncost.predict import predict
from cnncost.predict.kernels import KernelRules, Work, works
from cnncost.predict.predict import by_rows

NAMES = ("alexnet", "resnet50", "mobilenet_v2", "densenet121", "unet", "googlenet", "convnext_tiny")


def of(
    graph: Graph, rules: KernelRules = KernelRules(), *, training: bool = True, batch: int = 2
) -> list[Work]:
    """The kernels of a step, or of its forward pass alone."""
    return works(plan(graph, batch=batch, dtype="float16", training=training), rules)


@pytest.mark.parametrize("name", NAMES)
def test_the_products_are_those_of_forward_and_backward_pass(name: str) -> None:
    """`backward_macs` is held to PyTorch's FlopCounterMode; forward to the counts of the zoo."""
    graph = cnncost.load(name).without_heads()
    made = sum(each.products * each.m * each.n * each.k for each in of(graph))
    forward = sum(each.products * each.m * each.n * each.k for each in of(graph, training=False))
    assert made == forward + sum(backward_macs(graph, 2))


@pytest.mark.parametrize("name", ["resnet18", "alexnet"])
def test_the_update_moves_five_values_a_weight(name: str) -> None:
    """Momentum reads value, gradient and velocity, and writes value and velocity (float32 under autocast)."""
    graph = cnncost.load(name)
    params = cnncost.analyze(graph).totals.params
    for rules, size in ((KernelRules(), 2), (KernelRules(autocast=True), 4)):
        update = [each for each in of(graph, rules) if each.kind == "arithmetic"]
        assert sum(each.read for each in update) == 3 * size * params
        assert sum(each.written for each in update) == 2 * size * params


def test_a_residual_unit_backwards_by_hand() -> None:
    """ResNet-18 at batch 2: eight joins; the gradients of what the units read meet and are added.

    Units read 64 x 56 x 56 (three times, the last with a projection), 128 x 28 x 28 and 256 x 14 x 14 (twice)
    and 512 x 7 x 7 (once).
    """
    joins = [each for each in of(cnncost.load("resnet18")) if each.kind == "join"]
    assert len(joins) == 16
    positions = 3 * 64 * 56**2 + 2 * 128 * 28**2 + 2 * 256 * 14**2 + 512 * 7**2
    assert sum(each.written for each in joins[8:]) == 2 * 2 * positions
    assert all(each.read == 2 * each.written for each in joins[8:])
    norms = [each for each in of(cnncost.load("resnet18")) if each.kind == "norm"]
    assert len(norms) == 40
    first = norms[0]
    assert first.read == 2 * first.written  # for the statistics, and to normalise
    assert norms[-1].read == 2 * 2 * first.written and norms[-1].written == first.written


def test_nothing_before_the_first_weight_and_no_frozen_weight_has_a_gradient() -> None:
    """AlexNet's first convolution has no gradient of its input: two products instead of three."""
    stem = [each for each in of(cnncost.load("alexnet")) if each.kind == "stem"]
    second = [each for each in of(cnncost.load("alexnet")) if each.name == "conv2" and each.products]
    assert (len(stem), len(second)) == (2, 3)


def test_a_step_under_a_profile_of_inference_is_wider_and_says_so() -> None:
    graph = cnncost.load("resnet18")
    inference = predict(graph, device(profile()), batch=4)
    borrowed = predict(graph, device(profile()), batch=4, mode="train")
    own = predict(graph, device(profile(), profile(mode="train")), batch=4, mode="train")
    assert borrowed.latency_ms == own.latency_ms > 2 * inference.latency_ms
    assert own.high_ms is not None and borrowed.high_ms is not None
    assert borrowed.low_ms < own.low_ms < own.high_ms < borrowed.high_ms
    assert own.warnings == ()
    assert borrowed.warnings == (
        "the profile saw no training: backward pass and update are predicted with the numbers of"
        " inference, and the interval is wider",
    )
    assert borrowed.setting == "float32, nchw, eager, train"
    rows = by_rows(own, graph)
    assert sum(row.latency_ms for row in rows) == pytest.approx(own.latency_ms)


def test_a_data_sheet_bounds_forward_and_backward_pass() -> None:
    """A T4 at batch 64: three times the arithmetic of VGG-16's convolutions, but for the first, twice."""
    graph, t4 = cnncost.load("vgg16"), ours("t4")
    forward = {row.name: row for row in predict(graph, t4, batch=64).rows}
    step = predict(graph, t4, batch=64, mode="train")
    for row in step.rows:
        before = forward[row.name]
        if row.kind == "kxk" and row.bound == before.bound == "arithmetic":
            assert row.latency_ms == pytest.approx(3 * before.latency_ms)
        assert row.latency_ms >= before.latency_ms
    assert forward["conv1_1"].bound == "traffic" or step.rows[0].latency_ms > 0
    assert "the bound is of forward and backward pass; the optimizer's update comes on top" in step.warnings
