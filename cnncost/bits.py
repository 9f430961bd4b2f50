"""How many bits the values of a quantised layer have: widths, how they are written, which bytes they take.

    4                weights and activations of 4 bits; also int4, and binary for 1
    w4a8             weights of 4, activations of 8
    w1               weights of one bit; activations as they are
    w4a8:tensor      with scales by another rule of `SCALES`
    stem.*=w8a8      on a command line: of the layers with such names; without a pattern of all

Activations are the tensor that an operator makes. Weights are its tensors of the role `weight`: a bias beside
quantised weights is of 32 bits (Jacob et al. 2018, 2.4), and what is neither keeps the type of the run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from cnncost.errors import UsageError, known_word

WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 16, 32)
"""Bits of a value: whole numbers of up to 8 and of 16, and 32, which says that nothing is quantised."""
SCALES = {
    "channel": "a float32 scale for each output channel of a weight, no zero point",
    "tensor": "a float32 scale and a zero point of the weight's own width for each weight",
    "bare": "no scales and no zero points",
}
"""What is stored beside quantised weights: as TensorFlow Lite does (per axis, symmetric), as Jacob et al.
2018 do (asymmetric), and as papers count that compare bits."""
SCALE_BYTES = 4
BIAS_BYTES = 4

_BITS = re.compile(r"(?:w(\d{1,9}))?(?:a(\d{1,9}))?\Z", re.ASCII)


class Bits(NamedTuple):
    """Bits of an operator's weights and of the tensor that it makes; None: as the run has them."""

    weights: int | None = None
    activations: int | None = None
    scales: str = "channel"  #: of `SCALES`

    def over(self, other: Bits | None) -> Bits:
        """These, and `other` where they say nothing."""
        if other is None:
            return self
        mine = self.weights is not None
        return Bits(
            self.weights if mine else other.weights,
            other.activations if self.activations is None else self.activations,
            self.scales if mine else other.scales,
        )

    def text(self) -> str:
        """As it is written; `parse` reads it again."""
        parts = [f"{letter}{bits}" for letter, bits in (("w", self.weights), ("a", self.activations)) if bits]
        return "".join(parts) + ("" if self.scales == "channel" else f":{self.scales}")

    def stored(self, count: int, channels: int) -> int:
        """Bytes of one weight of `count` values with its scales; what does not fill a byte takes one."""
        assert self.weights is not None
        values = packed(self.weights, count)
        if self.scales == "bare" or self.weights == 32:
            return values
        if self.scales == "tensor":
            return values + SCALE_BYTES + packed(self.weights, 1)
        return values + SCALE_BYTES * channels


def packed(bits: int, count: int) -> int:
    """Bytes of `count` values of so many bits, side by side: 9 of 4 bits take 5, 9 of one bit 2."""
    return -(-(count * bits) // 8)


def spoken(widths: Sequence[int]) -> str:
    """Widths as a sentence has them: 2, 4 and 8."""
    *first, last = map(str, widths)
    return f"{', '.join(first)} and {last}" if first else last


def is_word(text: str) -> bool:
    """Whether a word is bits of something: w4, a8, w4a8."""
    return bool(text) and _BITS.match(text) is not None


def parse(text: str) -> Bits:
    """Bits as they are written. Raises UsageError, which does not say where."""
    widths, colon, scales = text.strip().partition(":")
    named = re.match(r"u?int(\d{1,9})\Z", widths, re.ASCII)
    widths = named[1] if named else {"binary": "1"}.get(widths, widths)
    match = _BITS.match(f"w{widths}a{widths}" if widths.isdecimal() else widths)
    if match is None or not widths:
        raise UsageError(
            f"{text!r} is not a number of bits\n  write 4, w4a8, w4 or a8, and :tensor or :bare for scales"
        )
    if colon:
        known_word("unknown rule for scales", scales, SCALES, "rules")
    if colon and match[1] is None:
        raise UsageError(f"{text!r} has scales, but no weights\n  for example: w4:{scales}")
    found = [None if bits is None else int(bits) for bits in match.groups()]
    for bits in found:
        if bits is not None and bits not in WIDTHS:
            raise UsageError(
                f"no rule knows values of {bits} bits\n  it is 1 to 8, 16, or 32 (not quantised)"
            )
    weights, activations = found
    return Bits(weights, activations, scales or "channel")
