"""What is published of our predictions is about the program as it is now."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import cnncost
from cnncost.devices import device
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
    from cnncost.devices import names

    known = {f"{key}, {place}" for key in names() for place in range(len(device(key).profiles))}
    assert known == set(JUDGED)
