"""cnncost calibrate: a profile of this machine, so that networks can be predicted for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnncost.cli import numbers
from cnncost.cli.spread import asks
from cnncost.request import Run

if TYPE_CHECKING:
    from cnncost.calibrate.campaign import Campaign

EXAMPLES = (
    "cnncost calibrate --device cpu -o my-laptop.yaml",
    "cnncost calibrate --device cuda --dtype bfloat16 --layout nhwc --minutes 2 -o my-gpu.yaml",
    "cnncost predict resnet50 --on ./my-laptop.yaml --batch 8",
)


def command(
    run: Annotated[Run, asks("device", dtype="float32, bfloat16 or float16.")] = Run(device="cpu"),
    layout: Annotated[str, typer.Option("--layout", help="nchw or nhwc (channels last).")] = "nchw",
    minutes: Annotated[
        float,
        typer.Option(
            "--minutes",
            metavar="N",
            parser=numbers.minutes("--minutes"),
            help="How long it may take: 4, 90s.",
        ),
    ] = 4.0,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The device's file (.yaml); profiles that it has of other settings stay.",
        ),
    ] = Path("my-device.yaml"),
) -> None:
    """Time kernels and networks on this machine and write its profile, for `--on FILE`.

    Ctrl-C ends it early: what was measured by then is fitted, if it is enough for a profile.
    """
    from cnncost.calibrate.machine import calibrated

    made = calibrated(
        output, device=run.device or "cpu", dtype=run.dtype, layout=layout, minutes=minutes, progress=line()
    )
    print(said(made.campaign, made.profile, output), file=sys.stderr)


def line() -> Callable[[str], None] | None:
    """A line on a terminal's standard error that says what is being timed; else nothing."""
    if not sys.stderr.isatty():
        return None
    return lambda what: print(f"\r\033[K{what[:100]}", end="\r", file=sys.stderr, flush=True)


def said(campaign: Campaign, profile: dict[str, Any], output: Path) -> str:
    """What was made, in a few lines for standard error."""
    judged = profile["held_out"]
    early = "interrupted: " if campaign.interrupted else ""
    figures = ", ".join(f"{name} {value:.3g}" for name, value in judged.items())
    return (
        f"{output}: {early}{len(campaign.kernels)} kernels and"
        f" {len(campaign.networks(False))} runs of networks in {campaign.seconds / 60:.1f} minutes,"
        f" noise floor {campaign.noise:.1%}\n"
        f"on networks of families that it did not see: {figures}\n"
        f"use it: cnncost predict SPEC --on {output if '/' in str(output) else f'./{output}'}"
    )
