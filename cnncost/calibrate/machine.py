"""A machine's file from beginning to end: what is asked is checked, measured, fitted, judged and written."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from cnncost.errors import CnncostError, UsageError
from cnncost.writing import check_place


class MadeProfile(NamedTuple):
    """What was measured, and the profile that was fitted to it, as its file has it."""

    campaign: Any
    profile: dict[str, Any]


def calibrated(
    path: Path,
    *,
    device: str,
    dtype: str,
    layout: str,
    minutes: float,
    progress: Callable[[str], None] | None = None,
) -> MadeProfile:
    """Time kernels and networks for so many minutes and write the device's file; `progress` hears what runs.

    Profiles that the file has of other settings stay. Raises UsageError for what cannot be measured or
    written, and for a machine too noisy; UnavailableError without torch or the device.
    """
    from cnncost import calibrate
    from cnncost.calibrate import making
    from cnncost.measure.device import device as of_name

    seconds = seconds_of(minutes)
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{path}: a device's file ends in .yaml\n  for example: -o my-laptop.yaml")
    old = existing(path)
    target = of_name(device)
    from cnncost.calibrate.bench import TorchBench

    bench = TorchBench(target, dtype, layout)
    if old is not None:
        making.check_same(old, making.device_name(bench.machine()), str(path))
    campaign = calibrate.run(bench, seconds, progress)
    calibrate.check(campaign)
    document = making.device_document([campaign], [making.profile_of(campaign, path.stem)])
    profile: dict[str, Any] = document["profiles"][-1]
    if old is not None:
        document = making.merged(document, old, str(path))
    making.write(path, document)
    return MadeProfile(campaign, profile)


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
