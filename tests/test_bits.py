"""Bits as they are written, and the bytes that values of so many bits take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncost.bits import SCALES, WIDTHS, Bits, packed, parse, spoken
from cnncost.errors import UsageError

widths = st.one_of(st.none(), st.sampled_from(WIDTHS))


@given(widths, widths, st.sampled_from(list(SCALES)))
def test_what_is_written_reads_back(weights: int | None, activations: int | None, scales: str) -> None:
    if (weights, activations) != (None, None):
        bits = Bits(weights, activations, "channel" if weights is None else scales)
        assert parse(bits.text()) == bits


@given(st.sampled_from(WIDTHS), st.integers(0, 10**6))
def test_values_lie_side_by_side(bits: int, count: int) -> None:
    """As written out bit by bit and cut into bytes, the last one filled up."""
    assert packed(bits, count) == len(range(0, bits * count, 8))


def test_what_the_words_say() -> None:
    assert (packed(4, 9), packed(1, 9), packed(8, 9), packed(32, 9)) == (5, 2, 9, 36)
    assert [parse(text) for text in ("4", "w4a8", "w1", "a2", "w4a8:bare")] == [
        Bits(4, 4), Bits(4, 8), Bits(1), Bits(None, 2), Bits(4, 8, "bare"),
    ]  # fmt: skip
    assert [parse(text) for text in ("int8", "uint4:tensor", "binary")] == [
        Bits(8, 8), Bits(4, 4, "tensor"), Bits(1, 1),
    ]  # fmt: skip
    assert spoken((1, 4, 8)) == "1, 4 and 8" and spoken((4,)) == "4"


@pytest.mark.parametrize(
    ("scales", "beside"), [("channel", 4 * 7), ("tensor", 4 + 1), ("bare", 0)]
)  # a float32 for each of 7 channels; a float32 and half a byte for all
def test_scales_and_zero_points(scales: str, beside: int) -> None:
    assert Bits(4, None, scales).stored(63, 7) == 32 + beside
    assert Bits(32, None, scales).stored(63, 7) == 4 * 63  # not quantised: nothing beside


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9", "no rule knows values of 9 bits\n  it is 1 to 8, 16, or 32 (not quantised)"),
        ("w0a8", "no rule knows values of 0 bits\n  it is 1 to 8, 16, or 32 (not quantised)"),
        ("a64", "no rule knows values of 64 bits\n  it is 1 to 8, 16, or 32 (not quantised)"),
        (
            "float4",
            "'float4' is not a number of bits\n  write 4, w4a8, w4 or a8, and :tensor or :bare for scales",
        ),
        ("", "'' is not a number of bits\n  write 4, w4a8, w4 or a8, and :tensor or :bare for scales"),
        ("-4", "'-4' is not a number of bits\n  write 4, w4a8, w4 or a8, and :tensor or :bare for scales"),
        ("٤", "'٤' is not a number of bits\n  write 4, w4a8, w4 or a8, and :tensor or :bare for scales"),
        (
            "w4:tensr",
            "unknown rule for scales 'tensr': did you mean 'tensor'?\n  rules: channel, tensor, bare",
        ),
        ("a4:tensor", "'a4:tensor' has scales, but no weights\n  for example: w4:tensor"),
    ],
)
def test_what_is_no_number_of_bits(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(text)
    assert str(error.value) == message
