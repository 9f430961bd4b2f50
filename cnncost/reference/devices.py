"""The devices: a table of all, and a sheet of each with what follows from it."""

from __future__ import annotations

from cnncost import devices, units
from cnncost.devices import Device

INTRODUCTION = """# Devices

A device is named wherever time or memory depends on one: `--on rtx-4090` predicts for it, `--fits rtx-4090` \
asks what its memory holds, `plot roofline --on rtx-4090` draws its roof. A file of your own is named by its \
path (`--on ./mine.yaml`): `cnncost calibrate` writes one.

Of all of these the vendor's figures are known. They give bounds: the time that nothing goes below. \
A calibrated one gives predictions too. Peaks are dense, in 10^12 operations a second; those of 16 bits are \
with sums of 32 bits.
"""


def overview() -> str:
    """All devices as a table."""
    rows = [_row(each) for each in map(devices.device, devices.names())]
    head = ["| name | memory | GB/s | calibrated | device: peaks |", "|---|---|---|---|---|"]
    return "\n".join([INTRODUCTION, *head, *rows]) + "\n\n" + _sources()


def one(key: str) -> str:
    """A device: its memory, bandwidth, peaks, where they are from, what was calibrated on it."""
    found = devices.device(key)
    lines = [f"# {found.name}", "", f"`--on {found.key}`", ""]
    lines.append(f"- memory: {_memory(found) or 'not stated'}")
    if found.flash_bytes:
        lines.append(f"- flash: {units.size(found.flash_bytes)}")
    lines.append(f"- bandwidth: {_bandwidth(found) + ' GB/s' if found.bandwidth else 'not stated'}")
    lines += [
        f"- peak of {dtype}: {rate / 1e12:,.4g} * 10^12 a second" for dtype, rate in found.peaks.items()
    ]
    if found.tf32_convolutions:
        lines.append(
            "- convolutions of float32 run in TF32 in PyTorch, unless --no-tf32; matrix products do not"
        )
    lines.append(f"- calibrated: {', '.join(found.calibrated) or 'no; its vendor gives bounds only'}")
    return "\n".join([*lines, f"- source: {found.source or 'a file without one'}"]) + "\n"


def _row(each: Device) -> str:
    peaks = ", ".join(f"{dtype} {rate / 1e12:,.4g}" for dtype, rate in each.peaks.items())
    calibrated = "yes" if each.profiles else "no"
    return (
        f"| `{each.key}` | {_memory(each) or '-'} | {_bandwidth(each) or '-'} "
        f"| {calibrated} | {each.name}: {peaks} |"
    )


def _sources() -> str:
    lines = ["## Sources", ""]
    lines += [f"- {each.key}: {each.source}" for each in map(devices.device, devices.names())]
    return "\n".join(lines) + "\n"


def _memory(found: Device) -> str:
    size = found.memory_bytes
    return "" if size is None else units.size(size, binary=size < 10**9)


def _bandwidth(found: Device) -> str:
    return "" if found.bandwidth is None else f"{found.bandwidth / 1e9:,.4g}"
