"""A budget's limits: numbers with units, or percent over the lock.

max_params = 4_000_000    max_params = "4M"    max_params = "5%"
max_peak_bytes = "32 MiB"    max_latency = "12 ms"
max_predicted_latency = "9 ms"
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from cnncost import units


class LimitKind(NamedTuple):
    """What a key of a budget limits."""

    quantity: str
    units: dict[str, Decimal]  #: "" is there if a bare number has a meaning
    covers: tuple[str, ...]  #: locked quantities that a percent limit holds instead of the exact lock


def _units(*given: units.Unit) -> dict[str, Decimal]:
    return {unit.symbol: Decimal(str(unit.size)) for unit in given}


COUNT = _units(units.ONE, units.THOUSAND, units.MILLION, units.BILLION)
BYTES = {"": Decimal(1)} | _units(units.BYTE, units.KB, units.MB, units.GB, units.KIB, units.MIB, units.GIB)
SECONDS = _units(units.SECOND, units.MILLISECOND) | {"us": Decimal("1e-6")} | _units(units.MICROSECOND)

KINDS = {
    "max_params": LimitKind("params", COUNT, ("params", "buffers", "counted_params")),
    "max_macs": LimitKind("macs", COUNT, ("macs", "flops", "counted_ops")),
    "max_bops": LimitKind("bops", COUNT, ("bops",)),
    "max_peak_bytes": LimitKind(
        "peak_bytes", BYTES, ("peak_bytes", "activation_bytes", "counted_memory_bytes")
    ),
    "max_training_bytes": LimitKind("training_bytes", BYTES, ("training_bytes",)),
    "max_latency": LimitKind("latency", SECONDS, ()),
    "max_predicted_latency": LimitKind("predicted_latency", SECONDS, ()),
}
"""Every key of a budget that is a limit."""

MOST = Decimal(10) ** 30

_NUMBER = re.compile(r"([+-]?[\d_,.]+(?:[eE][+-]?\d+)?)\s*([^\d\s.,]*)\Z")


class Limit(NamedTuple):
    """One limit of a budget."""

    key: str  #: of `KINDS`
    value: Decimal  #: in values, operations, bytes or seconds; percent if `percent`
    percent: bool
    written: str  #: as the configuration writes it

    @property
    def kind(self) -> LimitKind:
        """What it limits, and how."""
        return KINDS[self.key]

    def over(self, locked: int) -> Decimal:
        """The largest value allowed, given what is locked."""
        return Decimal(locked) * (100 + self.value) / 100 if self.percent else self.value

    def show(self, value: Decimal) -> str:
        """A value of what is limited, for a reader: counts and bytes whole, latencies with a unit."""
        return units.duration(float(value)) if self.kind.units is SECONDS else f"{int(value):,}"


class Refused(Exception):
    """A value is not a limit; the message says why, `cure` what to write."""

    def __init__(self, message: str, cure: str):
        super().__init__(message)
        self.cure = cure


def limit(key: str, value: object) -> Limit:
    """The limit that a key and its value write. Raises Refused."""
    kind = KINDS[key]
    examples = f"for example: {key} = {_example(kind)}" + (', or "5%" over the lock' if kind.covers else "")
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Refused(f"{key} must be a number or a text with a unit", examples)
    match = _NUMBER.match(str(value).strip())
    try:
        number = Decimal(match[1].replace("_", "").replace(",", "")) if match else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if match is None or not number.is_finite():
        raise Refused(f"{key} = {value!r} is not a number", examples)
    if number > MOST:
        raise Refused(f"{key} = {value!r} is more than any network has", examples)
    if number < 0:
        raise Refused(f"{key} = {value!r} is negative", examples)
    unit = match[2]
    if unit == "%":
        if not kind.covers:
            raise Refused(f"{key} cannot be a percentage: it is not in the lock", examples)
        return Limit(key, number, True, str(value))
    if unit not in kind.units:
        known = ", ".join(symbol for symbol in kind.units if symbol)
        what = f"has the unknown unit {unit!r}" if unit else "needs a unit"
        raise Refused(f"{key} = {value!r} {what}", f"units: {known}; {examples}")
    return Limit(key, number * kind.units[unit], False, str(value))


def _example(kind: LimitKind) -> str:
    return '"12 ms"' if kind.units is SECONDS else '"32 MiB"' if kind.units is BYTES else '"4.5M"'
