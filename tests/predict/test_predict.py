"""Predictions: what must hold whatever the numbers are."""

from __future__ import annotations

from itertools import pairwise
from math import isclose

import pytest
from predict.profiles import device, profile

import cnncost
from cnncost.errors import UsageError
from cnncost.predict import predict
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
