"""Formulas as data: put in other numbers, written as JSON and read again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncost.analysis.traced import Term, leaf
from cnncost.teaching.formula import evaluate, from_json, reads, rounded_otherwise, to_json

LEAVES = st.one_of(
    st.integers(0, 500).map(Term),
    st.tuples(st.sampled_from("HWC"), st.integers(0, 500)).map(lambda pair: leaf(*pair)),
)


def _combined(parts: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    pairs = st.tuples(parts, parts)
    divided = st.tuples(parts, st.integers(1, 9).map(Term))
    return st.one_of(
        pairs.map(lambda pair: pair[0] + pair[1]),
        pairs.map(lambda pair: pair[0] - pair[1]),
        pairs.map(lambda pair: pair[0] * pair[1]),
        divided.map(lambda pair: pair[0] // pair[1]),
        divided.map(lambda pair: -((-pair[0]) // pair[1])),
    )


TERMS = st.recursive(LEAVES, _combined, max_leaves=12)


@given(TERMS)
def test_json_and_back(term: Term) -> None:
    again = from_json(to_json(term))
    assert again.value == term.value == evaluate(again, {})
    assert reads(again) == reads(term)


def test_other_numbers_are_put_in() -> None:
    width, kernel = leaf("1.0.W", 227), Term(11)
    out = (width - kernel + Term(4)) // Term(4) + Term(1)
    assert out.value == 56 and reads(out) == {"1.0.W"}
    assert evaluate(out, {"1.0.W": 224}) == 55
    assert evaluate(out, {"1.0.H": 224}) == 56


def test_rounding_turned_round() -> None:
    up = -((-leaf("W", 56)) // Term(3))
    down = leaf("W", 56) // Term(3)
    assert (up.value, down.value) == (19, 18)
    assert (rounded_otherwise(up).value, rounded_otherwise(down).value) == (18, 19)
    assert rounded_otherwise(down + Term(1)).value == 20


@pytest.mark.parametrize(
    "plain",
    [None, True, 1.5, "W", [], ["+", 1], ["^", 1, 2], [1, 2, 3], {"cell": "W"}, ["//", 1, 0], ["max"]],
)
def test_what_is_no_formula(plain: Any) -> None:
    with pytest.raises(ValueError):
        from_json(plain)


def test_a_deep_formula_is_refused() -> None:
    plain: Any = 1
    for _ in range(5000):
        plain = ["neg", plain]
    with pytest.raises(ValueError):
        from_json(plain)
