"""Conventions: the data are well formed, and give the figures that their authors print."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnncost
from cnncost.analysis.conventions import CONVENTIONS, ROLES, Convention, convention
from cnncost.analysis.features import FEATURES
from cnncost.analysis.rivals import rule
from cnncost.errors import UsageError
from cnncost.ops import REGISTRY

ALL = list(CONVENTIONS.values())


@pytest.mark.parametrize("rules", ALL, ids=lambda rules: rules.name)
def test_the_data_name_what_there_is(rules: Convention) -> None:
    assert set(rules.rules) <= set(REGISTRY)
    for found in rules.rules.values():
        assert all(set(each.times) <= set(FEATURES) for each in found), found
    assert (rules.memory_of or frozenset()) <= set(REGISTRY)
    assert rules.roles <= ROLES
    assert rules.statement.endswith(".")


def test_every_feature_is_used() -> None:
    assert {
        name for rules in ALL for found in rules.rules.values() for each in found for name in each.times
    } == set(FEATURES)


def test_the_presets() -> None:
    assert " ".join(CONVENTIONS) == (
        "cnncost deeprob cs231n bops uniq keras torchvision torch fvcore torchinfo ptflops ptflops_aten thop"
        " calflops calflops_flops torchprofile"
    )


def test_an_unknown_convention_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError) as error:
        convention("fcore")
    assert str(error.value) == (
        "unknown convention 'fcore': did you mean 'fvcore'?\n"
        "  known: cnncost, deeprob, cs231n, bops, uniq, keras, torchvision, torch, fvcore, torchinfo, ptflops,"
        " ptflops_aten, thop, calflops, calflops_flops, torchprofile"
    )


# Printed figures ----------------------------------------------------------------------------------

DEEPROB = {
    "conv1": (784, 23, 73),
    "pool1": (182, 0, 0),
    "conv2": (547, 307, 224),
    "pool2": (127, 0, 0),
    "conv3": (254, 664, 112),
    "conv4": (169, 885, 145),
    "conv5": (169, 590, 100),
    "pool5": (36, 0, 0),
    "flatten": (36, 0, 0),
    "fc6": (16, 37_749, 38),
    "fc7": (16, 16_777, 17),
    "fc8": (4, 4_096, 4),
}
"""Memory (KB), params (k), flop (M) of DeepRob's AlexNet, lecture 8, lines 928 to 939."""
WITHOUT_BIAS = ("fc6", "fc7", "fc8")
"""Rows that the lecture prints without biases, unlike its convolutions (its own derivation has them)."""


def test_deeprob_prints_alexnet() -> None:
    rules = convention("deeprob")
    rows = {row.name: row for row in cnncost.analyze(cnncost.load("alexnet"), convention=rules).rows}
    assert list(rows) == list(DEEPROB)
    for name, (memory, params, ops) in DEEPROB.items():
        counted = rows[name].counted
        printed = (
            rules.memory_unit.format(counted.memory_bytes, rules.decimals),
            rules.params_unit.format(counted.params, rules.decimals),
            rules.ops_unit.format(counted.ops, rules.decimals),
        )
        if name in WITHOUT_BIAS:
            params += round(rows[name].output_shape[0] / 1000)
        if name == "conv4":
            ops += 5  # the lecture's 145 is a slip: 13 * 13 * 256 * 3 * 3 * 384 is 149.5 million
        assert printed == tuple(f"{value:,}" for value in (memory, params, ops)), name


def test_cs231n_counts_the_input_and_no_bias() -> None:
    """AlexNet: 227*227*3 values come in; 61,090,496 weights without biases (deck_figures)."""
    report = cnncost.analyze(cnncost.load("alexnet"), convention="cs231n")
    outputs = [row for row in report.rows if row.op in ("conv", "maxpool", "linear")]
    values = 227 * 227 * 3 + sum(row.output_shape[0] * _area(row.output_shape) for row in outputs)
    assert report.totals.counted.memory_bytes == 4 * values
    assert report.totals.counted.params == 61_090_496
    assert (
        cnncost.analyze(cnncost.load("resnet50_v1"), convention="cs231n").totals.counted.params == 25_502_912
    )


def _area(shape: tuple[int, ...]) -> int:
    return shape[1] * shape[2] if len(shape) == 3 else 1


@pytest.mark.parametrize(
    ("model", "params"),
    [("resnet50_keras", 25_636_712), ("inception_v3_keras", 23_851_784), ("vgg16", 138_357_544)],
)
def test_keras_counts_the_moving_statistics(model: str, params: int) -> None:
    """The totals of Model.summary in keras.applications."""
    assert cnncost.analyze(cnncost.load(model), convention="keras").totals.counted.params == params


# Properties ---------------------------------------------------------------------------------------


@given(
    rules=st.sampled_from(ALL),
    model=st.sampled_from(("alexnet", "resnet18", "squeezenet1_0", "mobilenet_v2", "unet")),
    batch=st.integers(1, 8),
)
def test_a_batch_multiplies_operations_and_memory_and_no_params(
    rules: Convention, model: str, batch: int
) -> None:
    """No rule here counts a weight once per batch."""
    graph = cnncost.load(model)
    one = cnncost.analyze(graph, convention=rules).totals.counted
    many = cnncost.analyze(graph, convention=rules, batch=batch).totals.counted
    assert (many.params, many.ops, many.memory_bytes) == (
        one.params,
        batch * one.ops,
        batch * one.memory_bytes,
    )


@given(st.sampled_from(("alexnet", "resnet18", "googlenet", "mobilenet_v2")), st.integers(1, 4))
def test_ours_is_what_the_report_says_anyway(model: str, batch: int) -> None:
    totals = cnncost.analyze(cnncost.load(model), batch=batch).totals
    assert totals.counted == (totals.params, totals.macs, totals.activation_bytes)


def test_a_convention_of_ones_own() -> None:
    """Roles, frozen values, factors and rules are data that anybody can combine."""
    mine = replace(
        convention("cnncost"),
        name="mine",
        roles=frozenset({"bias"}),
        frozen=False,
        per_mac=2,
        rules={"relu": (rule("relu", output=3),)},
        memory_times=2,
    )
    graph = cnncost.load("alexnet")
    ours, counted = (cnncost.analyze(graph, convention=each).totals.counted for each in ("cnncost", mine))
    relus = sum(_elements(node.shape) for node in graph.nodes if node.op.name == "relu")
    assert counted.params == 10_344  # 64 + 192 + 384 + 256 + 256 + 4096 + 4096 + 1000
    assert counted.ops == 2 * ours.ops + 3 * relus
    assert counted.memory_bytes == 2 * ours.memory_bytes


def _elements(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
