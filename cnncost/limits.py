"""Limits: the most of a cost, the least of an accuracy, and by how much something misses one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from math import isfinite
from typing import Annotated, Any, NamedTuple, Optional

from cnncost import units
from cnncost.border import MOST_REAL, real
from cnncost.errors import UsageError, known_word
from cnncost.request import Option


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
    "ram": Measure("RAM", True, units.size, "320KiB"),
    "flash": Measure("flash", True, units.size, "1MiB"),
    "latency": Measure("latency", True, units.duration, "10ms"),
    "top1": Measure("top-1", False, lambda value: f"{value:g} %", "70"),
}
"""`activations` in values, `peak`, `ram`, `flash` in bytes, `latency` in seconds, `top1` in percent."""


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


class CostLimits(NamedTuple):
    """The limits of a question, as a command's options and as arguments in Python; None: there is none.

    Counts are of batch 1; `max_peak`, `max_ram`, `max_flash` are in bytes, `max_latency` in seconds,
    `min_top1` in percent.
    """

    max_params: Annotated[Optional[float], Option("At most so many parameters: 5M.", metavar="COUNT")] = None
    max_macs: Annotated[Optional[float], Option("At most so many MACs: 600M, 4.5G.", metavar="COUNT")] = None
    max_flops: Annotated[Optional[float], Option("At most so many FLOPs: 1.2G.", metavar="COUNT")] = None
    max_activations: Annotated[
        Optional[float], Option("At most so many values of activations: 10M.", metavar="COUNT")
    ] = None
    max_peak: Annotated[
        Optional[float],
        Option("At most so much peak memory in PyTorch, without weights: 6MiB.", metavar="SIZE"),
    ] = None
    max_ram: Annotated[
        Optional[float],
        Option("At most so much memory on a device: 320KiB. Needs --runtime.", metavar="SIZE"),
    ] = None
    max_flash: Annotated[
        Optional[float],
        Option("At most so many bytes of weights there: 1MiB. Needs --runtime.", metavar="SIZE"),
    ] = None
    max_latency: Annotated[
        Optional[float], Option("At most so much predicted time: 10ms. Needs --on.", metavar="TIME")
    ] = None
    min_top1: Annotated[Optional[float], Option("At least this published top-1: 70.", metavar="PERCENT")] = (
        None
    )


ON_DEVICE = ("max_ram", "max_flash", "max_latency")
"""Limits that need a device or a runtime to be named."""


def named(given: Mapping[str, float | None], but: Collection[str] = ()) -> CostLimits:
    """The limits of keyword arguments: max_params, min_top1. Raises UsageError for an unknown one, and for
    those that a function does not take.
    """
    known = [name for name in CostLimits._fields if name not in but]
    for name in given:
        known_word("unknown limit", name, known, "limits")
    return CostLimits(**given)


def limits(given: CostLimits) -> tuple[Threshold, ...]:
    """The limits that are given. Raises UsageError for one that is no number from 0."""
    found = []
    for name, value in given._asdict().items():
        quantity = name[len("max_") :]
        if value is None:
            continue
        number = real(value)
        limit = Threshold(quantity, value if number is None else number)
        if number is None or not 0 <= number <= MOST_REAL:
            example = f"for example: {limit.option} {QUANTITIES[quantity].example}"
            raise UsageError(f"{limit.option} {value} is not a number from 0\n  {example}")
        if quantity == "top1" and number > 100:
            raise UsageError(
                f"{limit.option} {value:g} is more than 100 percent\n  for example: {limit.option} 70"
            )
        found.append(limit)
    return tuple(found)


def excluded(kept: Sequence[Threshold], values: Sequence[Callable[[str], Any]]) -> dict[str, int]:
    """How many each limit excludes by itself, by the option."""
    return {limit.written: sum(limit.miss(of(limit.quantity)) > 0 for of in values) for limit in kept}


COUNTS = ("params", "macs", "flops", "activations")
"""Quantities that are millions: a limit below a thousand was meant in another unit."""


def meant(limit: str) -> str:
    """What a limit that excludes everything was meant to be: " (was 600M meant?)" of 600 MACs, or ""."""
    found = re.match(r"--max-(\w+) (\d+(?:\.\d+)?)\Z", limit)
    return f" (was {found[2]}M meant?)" if found and found[1] in COUNTS else ""


def nothing_left(
    what: str, total: int, by_limit: Mapping[str, int], late: Sequence[str] = (), near: Sequence[str] = ()
) -> UsageError:
    """The error where limits exclude everything: which excludes how many; `late` are looked at last, `near`
    are lines of what comes nearest.
    """
    lines = [
        f"{limit} excludes {count:,} {'of those that keep the others' if limit in late else 'by itself'}"
        f"{meant(limit) if count == total else ''}"
        for limit, count in by_limit.items()
    ]
    return UsageError("\n  ".join([f"none of {total:,} {what} keeps every limit", *lines, *near]))
