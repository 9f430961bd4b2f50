"""The options that limit a cost, and numbers as people write them: 5M, 4.5G, 320KiB, 10ms."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from cnncost import units
from cnncost.cli.options import parse_count
from cnncost.errors import UsageError
from cnncost.limits import QUANTITIES


def _limit(option: str, metavar: str, help: str) -> typer.models.OptionInfo:
    found: typer.models.OptionInfo = typer.Option(
        option, metavar=metavar, help=help, show_default=False, rich_help_panel="Limits"
    )
    return found


MaxParams = Annotated[Optional[str], _limit("--max-params", "COUNT", "At most so many parameters: 5M.")]
MaxMacs = Annotated[Optional[str], _limit("--max-macs", "COUNT", "At most so many MACs: 600M, 4.5G.")]
MaxFlops = Annotated[Optional[str], _limit("--max-flops", "COUNT", "At most so many FLOPs: 1.2G.")]
MaxActivations = Annotated[
    Optional[str], _limit("--max-activations", "COUNT", "At most so many values of activations: 10M.")
]
MaxPeak = Annotated[
    Optional[str], _limit("--max-peak", "SIZE", "At most so much peak memory, without weights: 320KiB.")
]
MaxLatency = Annotated[
    Optional[str], _limit("--max-latency", "TIME", "At most so much predicted time: 10ms. Needs --on.")
]
MinTop1 = Annotated[Optional[str], _limit("--min-top1", "PERCENT", "At least this published top-1: 70.")]

WorkerCount = Annotated[
    int,
    typer.Option(
        "--workers",
        metavar="N",
        help="Spread the work over so many processes of this machine.",
        show_default=False,
        min=0,
        rich_help_panel="Workers",
    ),
]
Cluster = Annotated[
    Optional[str],
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Spread the work over a Dask cluster: tcp://host:8786.",
        show_default=False,
        rich_help_panel="Workers",
    ),
]


def parse_bytes(option: str, text: str | None) -> int | None:
    """`320KiB`, `24 GiB` as bytes; UsageError for anything else."""
    if text is None:
        return None
    found = units.written_bytes(text)
    if found is None:
        bare = units.written_count(text) is not None
        raise UsageError(
            f"{option} {text!r} is not a size"
            + (": it has no unit" if bare else "")
            + f"\n  for example: {option} 320KiB, 24GiB or 500MB"
        )
    return found


def parse_seconds(option: str, text: str | None) -> float | None:
    """`10ms`, `0.5 s`, `300us` as seconds; UsageError for anything else."""
    if text is None:
        return None
    found = units.written_seconds(text)
    if found is None:
        raise UsageError(f"{option} {text!r} is not a time\n  for example: {option} 10ms, 300us or 0.5s")
    return found


def parse_percent(option: str, text: str | None) -> float | None:
    """`70`, `74.5%` as percent; UsageError for anything else."""
    if text is None:
        return None
    found = units.written_number(text.strip().removesuffix("%"))
    if found is None or found > 100:
        raise UsageError(f"{option} {text!r} is not a percentage\n  for example: {option} 70 or 74.5%")
    if 0 < found <= 1 and not text.strip().endswith("%"):
        raise UsageError(
            f"{option} {text!r}: an accuracy is in percent\n"
            f"  write {option} {100 * found:g}, or {text}% if it is that small"
        )
    return found


PARSERS = {"peak": parse_bytes, "latency": parse_seconds, "top1": parse_percent}
"""How the limit on a quantity is written, where that is not as a count."""


def option(quantity: str) -> str:
    """The option that limits a quantity."""
    return f"--{'max' if QUANTITIES[quantity].cost else 'min'}-{quantity}"


def parsed(**texts: str | None) -> dict[str, float | None]:
    """Limits as numbers, by the quantity. Raises UsageError for the first that is none."""
    found: dict[str, float | None] = {}
    for quantity, text in texts.items():
        found[quantity] = PARSERS.get(quantity, parse_count)(option(quantity), text)
    return found
