"""Profiles: written and read, and every way in which one can be wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from predict.profiles import profile

from cnncost.errors import UsageError
from cnncost.execution.kinds import KINDS
from cnncost.predict import as_document, parse
from cnncost.predict.profile import NEUTRAL, NUMBERS


def test_a_profile_reads_back_as_the_same() -> None:
    found = profile(held_out={"median": 0.05}, measured={"machine": "a laptop"}, attended=(0.5, 3.0))
    assert parse(yaml.safe_load(yaml.safe_dump(as_document(found))), "p") == found


@pytest.mark.parametrize("kind", [*KINDS, "reduction", "group_norm"])
def test_every_class_that_launches_something_has_its_numbers(kind: str) -> None:
    assert (f"traffic.{kind}" in NUMBERS) == (kind not in ("view", "unknown"))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("version", 1, "p is a profile of version 1; this cnncost reads version 2\n  make it again: cnncost calibrate"),
        ("numbers.overlap", -1, "p.numbers.overlap must be a finite number from 0.01 on, not -1: exponent that joins a kernel's"
         " arithmetic and traffic: 1 their sum, large the longer of both"),
        ("numbers.overlap", float("nan"), "p.numbers.overlap must be a finite number from 0.01 on, not nan: exponent that joins"
         " a kernel's arithmetic and traffic: 1 their sum, large the longer of both"),
        ("numbers.traffic", {}, "p.numbers.traffic.stem is missing: share of the bandwidth that a kernel of class stem moves"
         " its bytes with"),
        ("numbers.colour", 3, "p.numbers.colour is no number of a profile"),
        ("numbers", 3, "p.numbers must be an object, not 3"),
        ("dtype", "float8", "p.dtype must be one of float32, float16, bfloat16, not 'float8'"),
        ("interval", [1.2, 1.1], "p.interval must be two numbers, the smaller first, not [1.2, 1.1]"),
        ("interval", [1.1, 1.2], "p.interval must be factors around 1, the lower first, not [1.1, 1.2]"),
        ("interval_with_attention", [1.1, 1.2], "p.interval_with_attention must be factors around 1, the lower first, not"
         " [1.1, 1.2]"),
        ("seen.batch", [1, 2.5], "p.seen.batch must be a list of whole numbers, not [1, 2.5]"),
        ("seen.kinds", {"rope": 1}, None),
        ("autocast", "yes", "p.autocast must be true or false, not 'yes'"),
        ("stack", None, "p.stack must be a text, not None"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_profile_is_said_with_its_place(
    place: str, value: Any, message: str | None
) -> None:
    document = as_document(profile())
    *path, last = place.split(".")
    inside = document
    for part in path:
        inside = inside[part]
    inside[last] = value
    with pytest.raises(UsageError) as caught:
        parse(document, "p")
    if message:
        assert str(caught.value) == message
    else:
        assert str(caught.value).startswith("p.seen.kinds.rope is no class of kernel\n  classes: stem, ")


@pytest.mark.parametrize("value", [0.0, 1e-300])
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_is_nothing_is_refused_or_predicts(name: str, value: float) -> None:
    """No profile that is read ends a prediction in a division by zero."""
    import math

    import cnncost
    from cnncost.predict.predict import under

    found = profile()
    document = as_document(replace(found, numbers={**found.numbers, name: value}))
    try:
        read = parse(document, "p")
    except UsageError as error:
        assert str(error).startswith(f"p.numbers.{name} must be a finite number from ")
        return
    assert math.isfinite(under(cnncost.load("lenet5"), read, batch=2).latency_ms)


@pytest.mark.parametrize("key", ["median_error", "mape", "count"])
def test_an_error_below_nothing_is_no_figure(key: str) -> None:
    document = as_document(profile()) | {"held_out": {key: -1.0}}
    with pytest.raises(UsageError) as error:
        parse(document, "p")
    assert str(error.value) == f"p.held_out.{key} must be a finite number from 0 on, not -1.0"


def test_a_profile_from_before_some_numbers_predicts_as_it_did() -> None:
    """Numbers that came later change nothing; classes that were part of another have that one's."""
    document = as_document(profile(**{"traffic.move": 0.4, "traffic.reduction": 0.3}))
    numbers = document["numbers"]
    for name in ("launches", "block"):
        del numbers[name]
    del numbers["half"]["outputs"], numbers["unaligned"]
    for kind in ("concat", "lrn"):
        del numbers["traffic"][kind], document["seen"]["kinds"][kind]
    found = parse(document, "p")
    assert {name: found.numbers[name] for name in NEUTRAL} == NEUTRAL
    assert (found.numbers["traffic.concat"], found.numbers["traffic.lrn"]) == (0.4, 0.3)
    assert {"concat", "lrn"} <= set(found.seen.kinds)
