"""Limits: the most of a cost, the least of an accuracy, and by how much something misses one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

from cnncost import units
from cnncost.errors import UsageError


class Measure(NamedTuple):
    """What can be limited: how it is called, whether less is better, and how a value is written."""

    word: str
    cost: bool  #: less is better, and a limit is the most
    show: Callable[[float], str]
    example: str


QUANTITIES = {
    "params": Measure("parameters", True, units.count, "5M"),
    "macs": Measure("MACs", True, units.count, "600M"),
    "flops": Measure("FLOPs", True, units.count, "1.2G"),
    "activations": Measure("activations", True, units.count, "10M"),
    "peak": Measure("peak memory", True, units.size, "320KiB"),
    "latency": Measure("latency", True, units.duration, "10ms"),
    "top1": Measure("top-1", False, lambda value: f"{value:g} %", "70"),
}
"""Counts, `activations` in values, `peak` in bytes, `latency` in seconds, `top1` in percent."""


class Threshold(NamedTuple):
    """The most of a cost, or the least of an accuracy."""

    quantity: str  #: of `QUANTITIES`
    value: float

    @property
    def option(self) -> str:
        """How a command line writes it: --max-params."""
        return f"--{'max' if QUANTITIES[self.quantity].cost else 'min'}-{self.quantity}"

    @property
    def written(self) -> str:
        """The option with its value: --max-params 5 M."""
        return f"{self.option} {QUANTITIES[self.quantity].show(self.value)}"

    def miss(self, value: float | None) -> float:
        """By what share a value misses it: 0.1 is a tenth too much; 0 where it is kept; infinite if unknown.

        Of an accuracy that share is of the errors: 28 % of errors are a tenth too many for --min-top1 74.5.
        """
        if value is None:
            return float("inf")
        if not QUANTITIES[self.quantity].cost:
            value, most = 100 - value, 100 - self.value
        else:
            most = self.value
        if value <= most:
            return 0.0
        return value / most - 1 if most else float("inf")

    def words(self, value: float | None) -> str:
        """By how much a value misses it, in words: 12.0 % more MACs, 1.3 points less top-1."""
        known = QUANTITIES[self.quantity]
        if value is None:
            return f"{known.word} not known"
        if not known.cost:
            return f"{self.value - value:.2f} points less {known.word}"
        by = self.miss(value)
        return f"{100 * by:,.1f} % more {known.word}" if isfinite(by) else f"{known.word} above 0"


def limits(given: Mapping[str, float | None]) -> tuple[Threshold, ...]:
    """The limits that are given, by the quantity. Raises UsageError for one that is no number from 0."""
    found = []
    for quantity, value in given.items():
        if value is None:
            continue
        limit = Threshold(quantity, value)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
            example = f"for example: {limit.option} {QUANTITIES[quantity].example}"
            raise UsageError(f"{limit.option} {value} is not a number from 0\n  {example}")
        if quantity == "top1" and value > 100:
            raise UsageError(
                f"{limit.option} {value:g} is more than 100 percent\n  for example: {limit.option} 70"
            )
        found.append(limit)
    return tuple(found)


def excluded(kept: Sequence[Threshold], values: Sequence[Callable[[str], Any]]) -> dict[str, int]:
    """How many each limit excludes by itself, by the option."""
    return {limit.written: sum(limit.miss(of(limit.quantity)) > 0 for of in values) for limit in kept}


def nothing_left(what: str, total: int, by_limit: Mapping[str, int]) -> UsageError:
    """The error where limits exclude everything: which excludes how many."""
    lines = [f"{limit} excludes {count:,} by itself" for limit, count in by_limit.items()]
    return UsageError("\n  ".join([f"none of {total:,} {what} keeps every limit", *lines]))
