"""Devices as data: what their vendors say they reach, and what was calibrated on them.

A device is one of ours, by its name, or a user's YAML file, by its path; whoever needs one (roofline,
prediction, the batch that fits) asks `device`.

    device.py    `Device`: peaks, bandwidth, memory, profiles
    reading.py   YAML text -> Device; what is wrong with a file is said by its place
    *.yaml       the data sheets, one per device
    profiles/    what was calibrated on ours, in a file of the device's name

A peak is dense (no structured sparsity), one FLOP is half a multiply-add, bandwidths and rates are decimal. A
file also says what its peaks follow from (`units`: how many, at which clock, FLOP of each per clock;
`memory_bus`), which a test holds them to.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from cnncost.devices.device import Device
from cnncost.devices.reading import described, document
from cnncost.errors import UsageError

DIRECTORY = Path(__file__).parent
SUFFIXES = (".yaml", ".yml")

__all__ = ["DIRECTORY", "Device", "device", "is_one", "is_path", "names"]


def names() -> list[str]:
    """The devices that we know by name."""
    return sorted(path.stem for path in DIRECTORY.glob("*.yaml"))


def is_one(text: str) -> bool:
    """Whether a text is the name of one of ours, or the path of a user's."""
    return is_path(text) or _plain(text) in map(_plain, names())


THIS = {"cpu": "cpu", "cuda": "cuda", "gpu": "cuda"}
"""What torch and people call the machine that they sit at."""


def is_path(key: str) -> bool:
    """Whether a text names a user's file, not one of ours."""
    return "/" in key or key.lower().endswith(SUFFIXES)


def _plain(key: str) -> str:
    """A name's letters and digits: RTX 4090 is rtx-4090."""
    return "".join(filter(str.isalnum, key.lower()))


def device(key: str) -> Device:
    """One of ours by its name ("rtx-4090", in any case), or a user's by the path of its YAML file.

    Raises UsageError for an unknown name, a file that cannot be read, and one that describes no device.
    """
    if is_path(key):
        path = Path(key)
        return described(path.stem, document(path, key), key)
    known = names()
    name = next((each for each in known if _plain(each) == _plain(key)), None)
    if name is None:
        if this := THIS.get(_plain(key)):
            raise UsageError(
                f"unknown device {key!r}: this machine is not known before it is calibrated",
                cure=f"write cnncost calibrate --device {this} -o mine.yaml, then --on mine.yaml",
            )
        within = [each for each in known if _plain(key) and _plain(key) in _plain(each)]
        within = within or [each for each in known if _plain(each) in map(_plain, key.split())]  # Tesla T4
        near = within or difflib.get_close_matches(key.lower(), known, n=3, cutoff=0.5)
        raise UsageError(
            f"unknown device {key!r}"
            + (f"\n  near: {', '.join(near)}" if near else "")
            + "\n  cnncost help devices lists ours; a file of yours is named by its path: ./mine.yaml"
        )
    path = DIRECTORY / f"{name}.yaml"
    found = described(name, document(path, path.name), path.name)
    calibrated = DIRECTORY / "profiles" / path.name
    if not calibrated.exists():
        return found
    more = document(calibrated, f"profiles/{path.name}")
    return found._replace(profiles=(*found.profiles, *more.get("profiles", ())))
