"""Fits: numbers that made the times are found again; what nothing measured stays where it was believed."""

from __future__ import annotations

from math import isclose, log

import numpy as np
from predict.profiles import ROUND

import cnncost
from cnncost.predict.fit import Sample, case, fit, fitted, predicted
from cnncost.predict.judge import (
    covered_by_other_families,
    figures,
    folds,
    interval,
    interval_of_families,
)
from cnncost.predict.priors import priors

NETWORKS = ("alexnet", "vgg11_bn", "resnet18", "resnet50", "densenet121", "mobilenet_v2", "squeezenet1_1")


def samples() -> list[Sample]:
    """Networks whose times follow from the round numbers."""
    plain = [
        Sample(name, name[:5], cnncost.load(name), batch, 1.0, "graph")
        for name in NETWORKS
        for batch in (1, 32)
    ]
    times = predicted([case(sample, "float32") for sample in plain], ROUND)
    return [sample._replace(seconds=float(time)) for sample, time in zip(plain, times, strict=True)]


def test_times_that_numbers_made_are_found_again() -> None:
    cases = [case(sample, "float32") for sample in samples()]
    numbers = fitted(cases, priors(10e12, 100e9))
    ratios = predicted(cases, numbers) / [each.seconds for each in cases]
    assert np.abs(ratios - 1).max() < 0.08
    assert isclose(numbers["traffic.norm"], 0.8, rel_tol=0.1)


def test_a_class_that_nothing_measured_stays_where_it_was_believed() -> None:
    known = priors(10e12, 100e9)
    numbers = fitted([case(sample, "float32") for sample in samples()], known)
    for kind in ("attention", "transposed", "recurrent"):
        assert numbers[f"traffic.{kind}"] == known[f"traffic.{kind}"].value


def test_a_fit_is_a_profile_that_says_what_it_saw() -> None:
    found = fit(
        samples()[2:],
        device="round",
        dtype="float32",
        layout="nchw",
        peak=10e12,
        bandwidth=100e9,
        held_out=samples()[:2],
    )
    assert found.seen.batch == (1, 32)
    assert found.seen.pixels == (224, 224)
    assert found.seen.networks == 6
    assert set(found.seen.kinds) >= {"stem", "1x1", "kxk", "depthwise", "norm", "join", "linear"}
    assert found.held_out["count"] == 2
    assert found.interval[0] < 1 < found.interval[1]


def test_families_stay_together_and_folds_are_even() -> None:
    families = ["a"] * 7 + ["b"] * 3 + ["c"] * 2 + ["d"] * 2 + ["e"]
    assert folds(families, 3) == {"a": 0, "b": 1, "c": 2, "d": 2, "e": 1}


def test_the_interval_is_that_of_the_conformal_quantiles() -> None:
    """Of 39 residuals the 38th from either side: ceil(40 * 0.95) = 38."""
    errors = np.linspace(-0.19, 0.19, 39)
    low, high = interval(np.exp(-errors))
    assert isclose(log(low), -0.18, abs_tol=1e-3)
    assert isclose(log(high), 0.18, abs_tol=1e-3)


def test_figures_of_errors_by_hand() -> None:
    assert figures([1.0, 1.2, 0.95]) == {
        "count": 3, "median_error": 0.05, "mape": 0.08333, "within_10_percent": 0.6667, "bias": 0.0,
    }  # fmt: skip


def test_families_weigh_alike_in_their_interval() -> None:
    """One family of a thousand good networks, nine of one: the ends are those of families, not of networks."""
    ratios = np.exp(-np.concatenate([np.zeros(1000), np.linspace(-0.4, 0.4, 9)]))
    families = ["large"] * 1000 + [f"small{number}" for number in range(9)]
    low, high = interval_of_families(ratios, families, 0.8)
    assert isclose(log(low), -0.3, rel_tol=1e-3) and isclose(log(high), 0.3, rel_tol=1e-3)
    inside, width = covered_by_other_families(ratios, families)
    assert inside[:1000].all() and 0 < width < 0.5
    assert not inside[1000] and not inside[-1]  # the farthest lie beyond all others


def test_an_interval_by_families_holds_what_it_says_of_families_that_it_did_not_see() -> None:
    """Families with an error in common, networks with one of their own: 9 in 10, give or take."""
    random = np.random.default_rng(5)
    families = [f"family{number}" for number in range(40) for _ in range(12)]
    common = np.repeat(random.normal(0, 0.1, 40), 12)
    inside, _ = covered_by_other_families(np.exp(common + random.normal(0, 0.03, 480)), families)
    assert 0.86 < inside.mean() < 0.95
