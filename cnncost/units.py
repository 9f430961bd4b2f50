"""The only number formatter: counts, bytes and durations, for every table, plot and message.

Nothing else in the project turns a quantity into text; JSON keeps raw integers and needs none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple


class Unit(NamedTuple):
    """A unit that a column is printed in."""

    symbol: str
    size: float

    def format(self, value: float, decimals: int | None = None) -> str:
        """The value in this unit; without `decimals`, as many as three significant digits need."""
        scaled = value / self.size
        if decimals is None:
            decimals = (
                0
                if value == 0 or self.size == 1 or abs(scaled) >= 99.95
                else 1
                if abs(scaled) >= 9.995
                else 2
            )
        return f"{scaled:,.{decimals}f}"

    def legible(self, value: float) -> str:
        """The same with a third decimal where two would show one digit or none, and `<0.001` for less."""
        scaled = abs(value) / self.size
        if value == 0 or self.size == 1 or scaled >= 0.0995:
            return self.format(value)
        return self.format(value, 3) if scaled >= 0.0005 else "<0.001"

    def heading(self, name: str) -> str:
        """`MACs (G)`; without a symbol the name alone."""
        return f"{name} ({self.symbol})" if self.symbol else name


ONE = Unit("", 1)
THOUSAND = Unit("k", 10**3)
MILLION = Unit("M", 10**6)
BILLION = Unit("G", 10**9)
KIB = Unit("KiB", 2**10)
MIB = Unit("MiB", 2**20)
GIB = Unit("GiB", 2**30)
KB = Unit("kB", 10**3)
MB = Unit("MB", 10**6)
GB = Unit("GB", 10**9)
BYTE = Unit("B", 1)

SECOND = Unit("s", 1)
MILLISECOND = Unit("ms", 1e-3)
MICROSECOND = Unit("µs", 1e-6)
NANOSECOND = Unit("ns", 1e-9)

COUNTS = (BILLION, MILLION, THOUSAND, ONE)
BINARY = (GIB, MIB, KIB, BYTE)
DECIMAL = (GB, MB, KB, BYTE)
SECONDS = (SECOND, MILLISECOND, MICROSECOND, NANOSECOND)


def fitting(value: float, units: tuple[Unit, ...]) -> Unit:
    """The largest unit in which the value is at least 1."""
    return next((unit for unit in units if abs(value) >= unit.size), units[-1])


def of_column(values: Iterable[float], unit: Unit) -> Unit:
    """The unit, of the same kind, for a column of values: the smallest in which none reaches 10,000."""
    kind = next(kind for kind in (COUNTS, BINARY, DECIMAL) if unit in kind)
    largest = max(map(abs, values), default=0)
    return next((each for each in reversed(kind) if largest < 10_000 * each.size), kind[0])


def count(value: float) -> str:
    """A count with its prefix: 61.1 M."""
    unit = fitting(value, COUNTS)
    return f"{unit.format(value)} {unit.symbol}".rstrip()


def things(number: int, what: str) -> str:
    """So many of something, in English: 1 model, 3 models, 1,200 steps."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def size(value: float, *, binary: bool = True) -> str:
    """A number of bytes with its unit: 18.2 MiB, or 19.1 MB."""
    unit = fitting(value, BINARY if binary else DECIMAL)
    return f"{unit.format(value)} {unit.symbol}"


def share(part: float, whole: float) -> str:
    """A share in percent; a dash if there is nothing to share."""
    return f"{100 * part / whole:.1f}%" if whole else "-"


def duration(seconds: float) -> str:
    """A duration with its unit: 12.3 ms."""
    unit = fitting(seconds, SECONDS)
    return f"{seconds / unit.size:.3g} {unit.symbol}"


def shape(sizes: tuple[int, ...]) -> str:
    """A shape as the tables print it: 64x56x56."""
    return "x".join(str(size) for size in sizes)


def sides(sizes: Sequence[float]) -> str:
    """Sizes along the axes of a map, once if they agree: 3, or 3x7."""
    return "x".join(f"{size:g}" for size in (sizes[:1] if len(set(sizes)) == 1 else sizes))


def printed(text: str) -> str:
    """A number of a source, its digits kept: 3.80e9 is 3.80 G, 25557032 is 25,557,032."""
    mantissa, _, exponent = text.partition("e")
    symbol = {"9": "G", "6": "M", "3": "k"}.get(exponent)
    if symbol:
        return f"{mantissa} {symbol}"
    return f"{int(text):,}" if text.isdecimal() else text


LONGEST = 60
"""Characters of a number as people write it."""
_WRITTEN = re.compile(
    r"((?:\d{1,3}(?:,\d{3})+|\d[\d_]*)(?:\.\d+)?(?:[eE][+-]?\d{1,2})?)\s*([A-Za-z]*)\Z", re.ASCII
)
"""A comma stands between thousands alone: 1,5M is no number, since it may be 1.5M or 15M."""


def written_count(text: str) -> int | None:
    """A count as people write it: 10M, 4.5G, 25_557_032, 10e6; b is a billion. None if it is none, or not
    whole.
    """
    known = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}
    found = _written(text, known)
    return int(found) if found is not None and found.denominator == 1 else None


def written_bytes(text: str) -> int | None:
    """A number of bytes as people write it, with its unit: 320KiB, 24 GiB, 512B. None if it is none."""
    known = {unit.symbol.lower(): int(unit.size) for unit in (*BINARY, *DECIMAL)}
    found = _written(text, {**known, "tib": 2**40, "tb": 10**12})
    return None if found is None else int(found)


def either_bytes(text: str) -> tuple[str, str] | None:
    """Of `256K` what it may mean, 256KiB or 256kB; None of any other text."""
    found = re.fullmatch(r"\s*([\d.]+)\s*([kKMGT])\s*", text)
    if found is None:
        return None
    number, letter = found.groups()
    return f"{number}{letter.upper()}iB", f"{number}{'k' if letter in 'kK' else letter}B"


def written_seconds(text: str) -> float | None:
    """A time as people write it, with its unit: 10ms, 0.5 s, 300us, 2min. None if it is none."""
    known: dict[str, int | Fraction] = {
        "h": 3600,
        "min": 60,
        "s": 1,
        "ms": Fraction(1, 10**3),
        "us": Fraction(1, 10**6),
    }
    known["ns"] = Fraction(1, 10**9)
    found = _written(text.replace("µ", "u").replace("μ", "u"), known)
    return None if found is None else float(found)


def written_number(text: str) -> float | None:
    """A plain number from 0 on as people write it: 70, 74.5. None if it is none."""
    match = _WRITTEN.match(text.strip()) if len(text) <= LONGEST else None
    return None if match is None or match[2] else float(_value(match))


def _value(match: re.Match[str]) -> Fraction:
    return Fraction(match[1].replace("_", "").replace(",", ""))


def _written(text: str, known: Mapping[str, int | Fraction]) -> Fraction | None:
    match = _WRITTEN.match(text.strip()) if len(text) <= LONGEST else None
    if match is None or match[2].lower() not in known:
        return None
    return _value(match) * known[match[2].lower()]
