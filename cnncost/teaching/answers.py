"""What a student wrote -> the numbers that it may stand for.

    802,816      802816 bytes      784 KB      784 KiB      0.77 MB      34.9 k      55x55x96      yes

A number with a unit is right if the right number, in that unit and to as many digits, reads the same, and if
it is within 1 %. KB, MB and GB stand for powers of 1000 and of 1024 alike, as in lectures; KiB only for 1024.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

ROUGHEST = Fraction(1, 100)
"""How far a rounded number may be off."""
LONGEST = 200
"""Characters of an answer."""

_NUMBER = r"\d{1,3}(?:[,' ]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?"
_QUANTITY = re.compile(
    rf"({_NUMBER})(?:\s*(?:e|E|\*\s*10\^|x\s*10\^)\s*(\d{{1,2}}))?\s*([A-Za-z]*(?:\s[A-Za-z]+)?)\.?\Z"
)
_SIZES = re.compile(r"\d{1,9}(?:\s*[x×X*,; ]\s*\d{1,9})*\Z")
_BINARY = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_DECIMAL = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_WORDS = {"thousand": 10**3, "million": 10**6, "mio": 10**6, "billion": 10**9, "b": 10**9}


class Amount(NamedTuple):
    """A number as it was written: in one unit or another, to a digit."""

    number: Fraction
    units: tuple[int, ...]  #: what it may be a number of
    digit: Fraction  #: the size of its last digit

    def matches(self, right: int) -> bool:
        """Whether it is the right number, as far as its digits go."""
        return any(self._reads(Fraction(right), unit) for unit in self.units)

    def rough(self, right: int) -> bool:
        """Whether it is the right number, to too few digits."""
        return not self.matches(right) and any(
            abs(Fraction(right) / unit - self.number) <= self.digit / 2 for unit in self.units if unit > 1
        )

    def _reads(self, right: Fraction, unit: int) -> bool:
        off = abs(right / unit - self.number)
        if unit == 1 and self.digit <= 1:
            return off == 0
        return off <= self.digit / 2 and off <= ROUGHEST * right / unit

    @property
    def value(self) -> int:
        """The number in its first unit."""
        return int(self.number * self.units[0])


def amount(text: str, of_bytes: bool, column: int = 1) -> Amount | None:
    """A number with or without a unit; None for anything else. `column` is the unit of the table's column."""
    match = _QUANTITY.match(text.strip()) if len(text) <= LONGEST else None
    if match is None:
        return None
    digits = _plain(match[1])
    exponent = int(match[2] or 0)
    number = Fraction(digits) * 10**exponent
    digit = Fraction(10) ** (exponent - len(digits.partition(".")[2]))
    units = _units(match[3], of_bytes, column)
    return None if units is None else Amount(number, units, digit)


def _plain(text: str) -> str:
    """The digits with a point: 1,234,567 has none, 0,77 has one."""
    if re.fullmatch(r"\d+,\d{1,2}|\d+,\d{4,}", text):
        return text.replace(",", ".")
    return re.sub("[,' ]", "", text)


def _units(word: str, of_bytes: bool, column: int) -> tuple[int, ...] | None:
    """What a unit may stand for; None for a word that is none."""
    low = re.sub(r"\s", "", word.lower())
    if not low:
        return (1,) if column == 1 else (1, column)
    if of_bytes:
        if low in ("b", "byte", "bytes"):
            return (1,)
        if low in ("kilobyte", "kilobytes", "megabyte", "megabytes", "gigabyte", "gigabytes"):
            low = low[0]
        if re.fullmatch("[kmgt]ib", low):
            return (_BINARY[low[0]],)
        if re.fullmatch("[kmgt]b?", low):
            return (_BINARY[low[0]], _DECIMAL[low[0]])
        return None
    low = re.sub(r"(params?|parameters|macs?|flops?|ops|madds?|pixels?|px)\Z", "", low)
    if not low:
        return (1,)
    found = _WORDS.get(low) or _DECIMAL.get(low)
    return (found,) if found else None


def sizes(text: str) -> tuple[int, ...] | None:
    """A shape as it was written; None for anything else."""
    text = text.strip().strip("()[]").strip()
    if len(text) > LONGEST or not _SIZES.match(text):
        return None
    return tuple(map(int, re.findall(r"\d+", text)))


def same_shape(given: Sequence[int], right: Sequence[int]) -> bool:
    """Whether a shape is meant: channels first, or last, as many write it."""
    return tuple(given) in (tuple(right), (*right[1:], right[0]))


def word(text: str) -> str:
    """A word as it is compared: case, blanks and a closing full stop do not matter."""
    plain = re.sub(r"\s+", "", text[:LONGEST]).lower().rstrip(".!")
    return {"y": "yes", "true": "yes", "n": "no", "false": "no"}.get(plain, plain)
