"""What students write: units, rounding, shapes, words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncost.teaching.answers import amount, same_shape, sizes, word

KIB = 2**10


@pytest.mark.parametrize(
    "text",
    ["784 KB", "0.77 MB", "802,816 bytes", "802816", "802 816 B", "784", "784 KiB", "784.0 KiB", "803 kB",
     "0.803 MB", "0.766 MiB", "8.02816e5", "0,77 MB", "802.8 kB", "784 kilobytes"],
)  # fmt: skip
def test_memory_that_is_right(text: str) -> None:
    found = amount(text, True, KIB)
    assert found is not None and found.matches(802_816)


@pytest.mark.parametrize(
    "text", ["785 KB", "803 KiB", "0.8 MiB", "1 MB", "802,815", "803", "6.4 Mbit", "80 KB"]
)
def test_memory_that_is_not(text: str) -> None:
    found = amount(text, True, KIB)
    assert found is None or not found.matches(802_816)


def test_too_few_digits_are_told_apart() -> None:
    found = amount("0.8 MiB", True, KIB)
    assert found is not None and found.rough(802_816) and not found.rough(650_000)


@pytest.mark.parametrize(
    "text", ["34944", "34,944", "34.9k", "34.9 K", "34.944k params", "3.4944e4", "0.0349 M", "34.9"]
)
def test_counts_that_are_right(text: str) -> None:
    found = amount(text, False, 1000)
    assert found is not None and found.matches(34_944)


@pytest.mark.parametrize(
    "text", ["34,943", "35M", "34.8k", "3494.4", "349", "34.9 KiB", "", "-34944", "many", "34..9"]
)
def test_counts_that_are_not(text: str) -> None:
    found = amount(text, False, 1000)
    assert found is None or not found.matches(34_944)


@given(st.integers(1, 10**12))
def test_the_number_itself_is_right_and_its_neighbours_are_not(count: int) -> None:
    for text in (str(count), f"{count:,}"):
        found = amount(text, False)
        assert found is not None and found.matches(count)
        assert not found.matches(count + 1) and not found.matches(count - 1)


@given(st.integers(1000, 10**12))
def test_rounding_to_four_digits_is_right(count: int) -> None:
    for size, symbol in ((10**3, "k"), (10**6, "M"), (10**9, "G")):
        if count >= size:
            found = amount(f"{count / size:.4f} {symbol}", False)
            assert found is not None and found.matches(count)


def test_shapes() -> None:
    for text in ("96x55x55", "96 x 55 x 55", "96×55×55", "(96, 55, 55)", "[96,55,55]", "55x55x96"):
        given_ = sizes(text)
        assert given_ is not None and same_shape(given_, (96, 55, 55)), text
    for text in ("55x96x55", "96x55", "96x55x55x1", "a lot", "96x55x"):
        given_ = sizes(text)
        assert given_ is None or not same_shape(given_, (96, 55, 55)), text


def test_words() -> None:
    assert [word(text) for text in ("Yes", " y ", "true", "No.", "Conv1")] == [
        "yes",
        "yes",
        "yes",
        "no",
        "conv1",
    ]


def test_an_endless_answer_is_no_number() -> None:
    assert amount("9" * 10_000, False) is None and sizes("9x" * 10_000 + "9") is None
