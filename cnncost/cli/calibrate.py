"""cnncost calibrate: a profile of this machine, so that networks can be predicted for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

from cnncost.cli import numbers
from cnncost.cli.spread import asks
from cnncost.errors import CnncostError, UsageError
from cnncost.request import Run
from cnncost.writing import check_place

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
    from cnncost import calibrate
    from cnncost.calibrate import making
    from cnncost.measure.device import device as of_name

    seconds = seconds_of(minutes)
    if output.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{output}: a device's file ends in .yaml\n  for example: -o my-laptop.yaml")
    old = existing(output)
    target = of_name(run.device or "cpu")
    from cnncost.calibrate.bench import TorchBench

    bench = TorchBench(target, run.dtype, layout)
    if old is not None:
        making.check_same(old, making.device_name(bench.machine()), str(output))
    campaign = calibrate.run(bench, seconds, line())
    calibrate.check(campaign)
    document = making.device_document([campaign], [making.profile_of(campaign, output.stem)])
    if old is not None:
        document = making.merged(document, old, str(output))
    making.write(output, document)
    print(said(campaign, document["profiles"][-1], output), file=sys.stderr)


def seconds_of(minutes: float) -> float:
    """--minutes in seconds. Raises UsageError for what is no time, or too little."""
    from cnncost.calibrate.campaign import LEAST_SECONDS

    least = LEAST_SECONDS / 60
    if not isfinite(minutes) or minutes <= 0:
        raise UsageError(f"--minutes {minutes:g} is not a number of minutes above 0")
    if minutes < least:
        raise UsageError(
            f"--minutes {minutes:g} is too little for a profile\n"
            f"  the least that works is --minutes {least:g}; 4 are enough for most machines"
        )
    return 60 * minutes


def existing(path: Path) -> dict[str, Any] | None:
    """The device's file that is there already. Raises UsageError for a file that is none: it is not
    overwritten.
    """
    check_place(path)
    if not path.exists():
        return None
    from cnncost.devices.reading import described, document

    try:
        found = document(path, str(path))
        described(path.stem, found, str(path))
    except CnncostError as error:
        raise UsageError(
            f"{path} is there and is no device's file, so it is not overwritten: {error.message}",
            cure="write to another file: -o other.yaml",
        ) from None
    return found


def line() -> Callable[[str], None] | None:
    """A line on a terminal's standard error that says what is being timed; else nothing."""
    if not sys.stderr.isatty():
        return None
    return lambda what: print(f"\r\033[K{what[:100]}", end="\r", file=sys.stderr, flush=True)


def said(campaign: Any, profile: dict[str, Any], output: Path) -> str:
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
