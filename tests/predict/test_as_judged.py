"""What is published of our predictions is about the program as it is now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import cnncost
from cnncost.devices import device, names
from cnncost.predict import Prediction
from cnncost.predict.predict import profiles_of, under

JUDGED = yaml.safe_load((Path(__file__).parent / "as_judged.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("one", JUDGED)
def test_our_profiles_predict_what_was_judged(one: str) -> None:
    """A fit takes half an hour and more, so the model changes more often than reports/predict/."""
    key, place = one.split(", ")
    profile = profiles_of(device(key))[int(place)]
    batch = 1 if profile.dtype == "float32" else 256
    found: dict[str, Prediction] = {
        name: under(cnncost.load(name), profile, batch=batch) for name in JUDGED[one]
    }
    assert {name: each.latency_ms for name, each in found.items()} == pytest.approx(JUDGED[one], rel=1e-4)


def test_every_profile_is_judged() -> None:
    """Those that are fitted to published times; the H100's is that of its report."""
    known = {
        f"{key}, {place}"
        for key in names()
        for place, profile in enumerate(profiles_of(device(key)))
        if not profile.measured
    }
    assert known == set(JUDGED)


def test_the_profile_of_the_h100_is_that_of_its_report() -> None:
    report = Path(__file__).parents[2] / "reports" / "h100-sxm" / "profile.yaml"
    ours, theirs = profiles_of(device("h100-sxm")), profiles_of(device(str(report)))
    same = {"device": "h100-sxm", "source": ours[0].source}
    assert ours == [replace(each, **same) for each in theirs]
