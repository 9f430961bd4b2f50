"""Devices as data: peak arithmetic and memory bandwidth, with the source of every number.

One YAML file per device, named as users call it; a new device is a new file, of any vendor. Peaks are dense
(no structured sparsity), one FLOP is half a multiply-add, bandwidths and rates are decimal. A file also says
what its peaks follow from (`units`: how many, at which clock, FLOP of each per clock; `memory_bus`), which a
test holds them to.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cnncost.errors import UsageError, known_word

DIRECTORY = Path(__file__).parent


class Device(NamedTuple):
    """What a roofline needs of a device."""

    key: str
    name: str
    memory_bytes: int
    bandwidth: float  #: bytes per second
    peaks: Mapping[str, float]  #: FLOP per second by dtype
    source: str

    def peak(self, dtype: str) -> float:
        """The peak rate for a dtype. Raises UsageError if its data sheet gives none."""
        if dtype not in self.peaks:
            raise UsageError(f"no peak of {self.name} is known for {dtype}\n  known: {', '.join(self.peaks)}")
        return self.peaks[dtype]


def names() -> list[str]:
    """The devices that there are."""
    return sorted(path.stem for path in DIRECTORY.glob("*.yaml"))


def device(key: str) -> Device:
    """The device of a name. Raises UsageError for an unknown one."""
    known_word("unknown device", key, names(), "devices")
    import yaml

    read = yaml.safe_load((DIRECTORY / f"{key}.yaml").read_text(encoding="utf-8"))
    peaks = {dtype: 1e12 * rate for dtype, rate in read["tflops"].items()}
    return Device(
        key, read["name"], read["memory_gb"] * 10**9, 1e9 * read["bandwidth_gb_s"], peaks, read["source"]
    )
