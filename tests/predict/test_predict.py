"""Predictions: what must hold whatever the numbers are."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import isclose
from typing import Any

import pytest
from predict.profiles import device, profile

import cnncost
from cnncost.calibrate.pieces import Trial
from cnncost.devices import device as known_device
from cnncost.errors import UsageError
from cnncost.ops.learned import Unknown
from cnncost.predict import predict, setting_of
from cnncost.predict.predict import by_rows

NETWORKS = ("lenet5_1998", "se_resnet50", "mobilenet_v2")


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("launch", ["eager", "compile"])
def test_rows_sum_to_the_whole_and_lie_in_the_interval(name: str, launch: str) -> None:
    graph = cnncost.load(name)
    found = predict(graph, device(profile(launch=launch)), batch=4, launch=launch)
    assert isclose(sum(row.latency_ms for row in found.rows), found.latency_ms)
    assert isclose(sum(row.share for row in found.rows), 1)
    assert found.high_ms is not None
    assert found.low_ms < found.latency_ms < found.high_ms
    assert isclose(found.images_per_second, 4000 / found.latency_ms)
    for by in ("op", "layer", "block", "stage"):
        rows = by_rows(found, graph, by)
        assert [row.name for row in rows] == [row.name for row in cnncost.analyze(graph, by=by).rows]
        assert isclose(sum(row.latency_ms for row in rows), found.latency_ms)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_larger_batch_takes_longer_and_without_a_cache_no_longer_per_image(name: str) -> None:
    graph, times = cnncost.load(name), []
    no_cache = {"cache.mb": 1e-9}
    for batch in (1, 2, 3, 8, 64, 500):
        times.append((batch, predict(graph, device(profile(**no_cache)), batch=batch).latency_ms))
    for (small, shorter), (large, longer) in pairwise(times):
        assert shorter <= longer <= 1.001 * shorter * large / small


def test_what_a_profile_lacks_is_refused_with_what_it_has() -> None:
    graph = cnncost.load("lenet5_1998")
    with pytest.raises(UsageError) as caught:
        predict(graph, device(profile(), profile(dtype="float16", autocast=True)), dtype="bfloat16")
    assert str(caught.value) == (
        "round has no profile for bfloat16, eval\n"
        "  it has: float32, nchw, eager, eval; float16 (autocast), nchw, eager, eval\n"
        "  for example: --dtype float32"
    )


def test_a_setting_says_where_its_batch_is_outside_of_what_the_profile_saw() -> None:
    words: dict[str, Any] = {
        "dtype": None, "layout": None, "launch": None, "mode": "eval", "tf32": True, "stack": None,
    }  # fmt: skip
    there = device(profile(seen=replace(profile().seen, batch=(8, 64))))
    assert setting_of(there, batch=8, **words) == "batch 8, float32, nchw, eager, eval"
    assert setting_of(there, batch=1, **words) == (
        "batch 1 (outside of what the profile saw, 8 to 64), float32, nchw, eager, eval"
    )


@pytest.mark.parametrize(
    ("count", "warning"),
    [
        (1, "1 operator is unknown: its time is missing"),
        (2, "2 operators are unknown: their time is missing"),
    ],
)
def test_the_time_of_unknown_operators_is_missing(count: int, warning: str) -> None:
    graph = cnncost.load("lenet5")
    nodes = list(graph.nodes)
    for _ in range(count):
        last = nodes[-1]
        odd = Unknown(what="odd", shape=(-1, *last.shape[1:]))
        nodes.append(last._replace(index=len(nodes), name=f"odd{len(nodes)}", op=odd, inputs=(last.index,)))
    changed = replace(graph, nodes=tuple(nodes), outputs=(len(nodes) - 1,))
    for name in ("rtx-4090", "a100-80gb"):  # with a profile, and by its data sheet
        assert warning in predict(changed, known_device(name)).warnings


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_what_needs_more_memory_than_there_is_is_said_to(mode: str) -> None:
    """Against what `cnncost memory` says of the same pass, to the byte."""
    graph = cnncost.load("squeezenet1_1")
    found = cnncost.memory(graph, batch=8, train=mode == "train", optimizer="momentum").to_dict()
    need = found["training"]["peak"] if mode == "train" else found["weight_bytes"] + found["peak_bytes"]
    warnings = [
        predict(graph, device(profile(mode=mode), memory_bytes=size), batch=8, mode=mode).warnings
        for size in (need, need - 1)
    ]
    assert warnings[0] == () and len(warnings[1]) == 1
    what = "step" if mode == "train" else "forward pass"
    assert warnings[1][0].startswith(f"a {what} of batch 8 needs at the least ")


def test_weights_of_a_microcontroller_have_to_fit_its_flash() -> None:
    """MCUNet's weights are 0.73 million: 2.8 MiB as floats, of 1 MiB of flash."""
    board, graph = known_device("stm32f746"), cnncost.load("mcunet_in2")
    assert "hardly fits" in predict(graph, board).warnings[-1]
    assert not any("fits" in each for each in predict(graph, board, dtype="int8").warnings)


def test_a_median_error_is_of_no_network_with_attention() -> None:
    graph = Trial("attention", "NLC", (196, 64), 2, "attention", reads=3).graph()
    known = {"held_out": {"median_error": 0.03}}
    for attended, words in (
        ((0.5, 2.0), "the median error is of networks without, the interval of those that have it"),
        (None, "the profile has no interval of such networks by themselves"),
    ):
        found = predict(graph, device(profile(attended=attended, **known)))
        assert f"it has attention: {words}" in found.warnings
        assert isclose(found.high_ms or 0, (attended or (0.8, 1.25))[1] * found.latency_ms)
    assert predict(cnncost.load("alexnet"), device(profile(**known))).warnings == ()


def test_a_time_of_launching_is_little_known_where_no_kernel_was_timed_alone() -> None:
    """AlexNet waits for the host: a profile of large networks knows that less well than one of `calibrate`."""
    graph, slow = cnncost.load("alexnet"), {"launch.dispatch_us": 1e4}
    for measured, said in (({}, 1), ({"machine": "mine"}, 0)):
        found = predict(graph, device(profile(measured=measured, **slow)))
        assert found.bound == "launching"
        assert (
            len([each for each in found.warnings if each.startswith("most of the time is launching")]) == said
        )
    assert predict(graph, device(profile())).warnings == ()


def test_without_tf32_is_no_other_type() -> None:
    """--no-tf32 is of float32: no profile of 16 bits stands in for it."""
    graph = cnncost.load("lenet5_1998")
    there = device(profile(tf32=True), profile(dtype="bfloat16"))
    assert predict(graph, there).setting == "float32 (TF32), nchw, eager, eval"
    with pytest.raises(UsageError) as caught:
        predict(graph, there, tf32=False)
    assert str(caught.value) == (
        "round has no profile for float32, eval without TF32\n"
        "  it has: float32 (TF32), nchw, eager, eval; bfloat16, nchw, eager, eval"
    )
    assert predict(graph, device(profile(dtype="bfloat16")), tf32=False).dtype == "bfloat16"


def test_a_bound_says_where_launching_takes_longer() -> None:
    """ResNet-50 has 174 kernels: 0.1 ms of one image on the sheet of an A100, 5 ms of 64; a processor with flash
    launches nothing.
    """
    graph = cnncost.load("resnet50")

    def launching(name: str, batch: int) -> bool:
        found = predict(graph, known_device(name), batch=batch, dtype="float32")
        return any("less time than launching one takes" in each for each in found.warnings)

    assert launching("a100-80gb", 1) and not launching("a100-80gb", 64)
    assert not launching("stm32h743", 1)
    (tf32,) = [each for each in predict(graph, known_device("a100-80gb")).warnings if "TF32" in each]
    assert tf32.endswith("(--no-tf32)")
    for changed in ({"tf32": False}, {"dtype": "float16"}):
        assert not any(
            "TF32" in each for each in predict(graph, known_device("a100-80gb"), **changed).warnings
        )
