"""Numbers as people write them, in every option: 10k, 4.5G, 320KiB, 10ms, 74.5%.

`spread` gives every option of a command that is an int or a float the parser of its kind from here; those
that stand for bytes, seconds or percent name theirs: `typer.Option("--round", parser=size("--round"))`. What
a parser is given that is a number already, a default, it gives back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, get_args

import typer

from cnncost import units
from cnncost.errors import UsageError

Parser = Callable[[Any], Any]
LARGE = ("--max", "--samples", "--images")
"""Counts that are usually large."""
_WHOLE = re.compile(r"-?\d{1,30}\Z")


def count(option: str, least: float | None = None) -> Parser:
    """`32`, `10k`, `4.5G`, `10e6` as a whole number, from `least` on."""

    def parsed(text: Any) -> int:
        found = int(text) if _WHOLE.match(str(text)) else units.written_count(str(text))
        if found is None:
            shown = "10M, 4.5G or 10e6" if option.startswith(LARGE) else "8, 32 or 1k"
            cure = f"for example: {option} {shown}"
            if unit := re.match(
                r"\s*([\d.]+\s*[kKMGT])(?:B|FLOPs?|MACs?|OPs?|params?)\Z", str(text), re.IGNORECASE
            ):
                cure = f"write {option} {''.join(unit[1].split())}"
            raise UsageError(f"{option} {text!r} is not a count\n  {cure}")
        if least is not None and found < least:
            raise UsageError(f"{option} {text} is not a count from {least:g} on\n  for example: {option} 10")
        return found

    return parsed


def values(option: str) -> Parser:
    """A count of values; bytes are answered with how many of float32 that is."""
    counted = count(option)

    def parsed(text: Any) -> Any:
        size = units.written_bytes(str(text))
        if size is None or units.written_count(str(text)) is not None:
            return counted(text)
        known = {"G": 10**9, "M": 10**6, "k": 10**3, "": 1}
        symbol = next(symbol for symbol, each in known.items() if size >= 4 * each or not symbol)
        raise UsageError(
            f"{option} {text!r} is a size, not a count\n"
            f"  of float32 that is {option} {size / 4 / known[symbol]:.6g}{symbol}"
        )

    return parsed


def number(option: str, least: float | None = None) -> Parser:
    """`350`, `2.5`, `1.2k` as a number."""

    def parsed(text: Any) -> float:
        found = _float(str(text))
        if found is None or (least is not None and found < least):
            raise UsageError(f"{option} {text!r} is not a number\n  for example: {option} 350, 2.5 or 1.2k")
        return found

    return parsed


def size(option: str, bare: bool = False) -> Parser:
    """`320KiB`, `24 GiB`, `512B` as bytes; where `bare`, a number without a unit is bytes, too."""

    def parsed(text: Any) -> int:
        without = int(text) if _WHOLE.match(str(text)) else units.written_count(str(text))
        found = without if bare and without is not None else units.written_bytes(str(text))
        if found is None:
            missing = ": it has no unit" if without is not None else ""
            cure = f"for example: {option} 320KiB, 24GiB or 500MB"
            if (either := units.either_bytes(str(text))) is not None:
                missing, cure = ": K, M and G are no units of bytes", f"write {option} {' or '.join(either)}"
            raise UsageError(f"{option} {text!r} is not a size{missing}\n  {cure}")
        return found

    return parsed


def seconds(option: str, bare: bool = False) -> Parser:
    """`10ms`, `0.5 s`, `2min` as seconds; where `bare`, a number without a unit is seconds, too."""

    def parsed(text: Any) -> float:
        found = units.written_seconds(str(text))
        if found is None and bare:
            found = _float(str(text))
        if found is None:
            raise UsageError(f"{option} {text!r} is not a time\n  for example: {option} 10ms, 300us or 0.5s")
        return found

    return parsed


def minutes(option: str) -> Parser:
    """`4`, `4min`, `90s` as minutes."""

    def parsed(text: Any) -> float:
        within = units.written_seconds(str(text))
        found = _float(str(text)) if within is None else within / 60
        if found is None:
            raise UsageError(f"{option} {text!r} is not a time\n  for example: {option} 4, 2.5 or 90s")
        return found

    return parsed


def percent(option: str) -> Parser:
    """`70`, `74.5%` as percent."""

    def parsed(text: Any) -> float:
        found = units.written_number(str(text).strip().removesuffix("%"))
        if found is None or found > 100:
            raise UsageError(f"{option} {text!r} is not a percentage\n  for example: {option} 70 or 74.5%")
        if 0 < found <= 1 and not str(text).strip().endswith("%"):
            raise UsageError(
                f"{option} {text!r}: an accuracy is in percent\n"
                f"  write {option} {100 * found:g}, or {text}% if it is that small"
            )
        return found

    return parsed


def _float(text: str) -> float | None:
    """A number that may have a sign, or be out of every range: who asks says so."""
    whole = units.written_count(text)
    if whole is not None:
        return float(whole)
    try:
        return float(text) if len(text) <= units.LONGEST else None
    except ValueError:
        return None


LIMITS: dict[str, Callable[[str], Parser]] = {
    "params": values,
    "activations": values,
    "peak": size,
    "ram": size,
    "flash": size,
    "latency": seconds,
    "top1": percent,
}
"""How a limit on a quantity is written, where that is not as a count."""


def of(kind: Any, option: str, least: float | None = None) -> Parser | None:
    """The parser of an option of this type; None if it takes no number."""
    plain = {each for each in (*get_args(kind), kind) if each in (int, float)}
    return None if not plain else count(option, least) if plain == {int} else number(option, least)


def metavar(kind: Any) -> str | None:
    """What stands for the value of an option in the help: WORD for one of those that are known."""
    within = [kind, *get_args(kind)]
    return "WORD" if str in [*within, *(each for one in within for each in get_args(one))] else None


def parse(declared: Any, kind: Any, name: str) -> None:
    """Let a command's own option, if it takes a number, read it as people write it."""
    if not isinstance(declared, typer.models.OptionInfo) or declared.parser is not None:
        return
    declared.metavar = declared.metavar or metavar(kind)
    found = of(kind, f"--{name.replace('_', '-')}", declared.min)
    if found is not None:
        declared.parser, declared.min = found, None
        declared.metavar = declared.metavar or "N"
