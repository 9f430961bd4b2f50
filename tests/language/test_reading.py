"""Reading YAML: scalars by the 1.2 core schema, places, overrides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncost.language.document import Document, Mapping, Scalar, Sequence


def scalar(text: str) -> object:
    root = Document("x.yaml", f"- {text}").root
    assert isinstance(root, Sequence)
    (item,) = root.items
    assert isinstance(item, Scalar)
    return item.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), ("-3", -3), ("0x1F", 31), ("0o17", 15), ("017", 17), ("1.5", 1.5), (".5", 0.5), ("4.089e9", 4.089e9),
        ("1_000", "1_000"), ("true", True), ("False", False), ("yes", "yes"), ("on", "on"), ("no", "no"), ("null", None),
        ("~", None), ("'12'", "12"), ('"true"', "true"), ("2026-11-21", "2026-11-21"), ("12:30", "12:30"), (".inf", ".inf"),
    ],
)  # fmt: skip
def test_core_schema(text: str, value: object) -> None:
    got = scalar(text)
    assert (got, type(got)) == (value, type(value))


@given(st.integers(-(10**30), 10**30))
def test_integers_come_back(number: int) -> None:
    assert scalar(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_come_back(number: float) -> None:
    assert scalar(repr(number)) == number


def test_places_count_from_one_and_anchors_share_a_value() -> None:
    document = Document("x.yaml", "a: &w [1, 2]\nb:\n  c: *w\n")
    root = document.root
    assert isinstance(root, Mapping)
    inner = root.entries["b"][1]
    assert isinstance(inner, Mapping)
    key, value = inner.entries["c"]
    assert document.place(key) == ("x.yaml", 3, 3)
    assert value is root.entries["a"][1]


def test_long_lines_are_cut_around_the_place() -> None:
    document = Document("x.yaml", "a: " + "x" * 300 + "\n")
    shown = str(document.error_at("wrong", 0, 250, 5)).splitlines()
    assert len(shown[1]) <= 104
    assert shown[2].index("^") < len(shown[1])
