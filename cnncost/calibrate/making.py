"""From a campaign to a profile, and to a device's file that has it.

Fitting is `predict.fit`'s; here stands what it is given and what a file says beside it: on which machine, how
noisy, whether it was interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from cnncost.calibrate.campaign import Campaign, Measured
from cnncost.errors import UsageError
from cnncost.predict import Profile, as_document
from cnncost.predict.fit import Sample, fit
from cnncost.predict.kernels import KernelRules
from cnncost.units import things
from cnncost.version import __version__


def profile_of(campaign: Campaign, key: str) -> Profile:
    """The profile that fits a campaign; `key` is what the device is called.

    Networks that were held out judge it: their errors, and the interval that follows from them, stand in it.
    """
    return fit(
        [sample_of(one) for one in (*campaign.kernels, *campaign.networks(held_out=False))],
        held_out=[sample_of(one) for one in campaign.networks(held_out=True)],
        device=key,
        dtype=campaign.dtype,
        layout=campaign.layout,
        peak=campaign.peak,
        bandwidth=campaign.bandwidth,
        cpu=campaign.device == "cpu",
        rules=KernelRules(bias_kernel=campaign.device == "cuda"),
        tf32=bool(campaign.machine.get("tf32_cudnn")),
        stack=stack(campaign),
        source=f"cnncost calibrate {__version__}",
        measured=measured(campaign),
    )


def sample_of(one: Measured) -> Sample:
    """A measurement as the fit takes it."""
    return Sample(one.name, one.family, one.graph, one.batch, one.seconds, one.launch, one.spread)


def device_name(machine: dict[str, Any]) -> str:
    """What the machine calls its device."""
    return str(machine.get("gpu") or machine["cpu"])


def stack(campaign: Campaign) -> str:
    """What ran: PyTorch 2.13.0, 8 threads; PyTorch 2.11.0, CUDA 13.0, cuDNN 91300."""
    machine = campaign.machine
    torch = f"PyTorch {machine['torch']}"
    if "gpu" in machine:
        return f"{torch}, CUDA {machine['cuda']}, cuDNN {machine['cudnn']}"
    return f"{torch}, {things(machine['threads'], 'thread')}"


def measured(campaign: Campaign) -> dict[str, Any]:
    """What a profile says of its making, beside its numbers."""
    machine = {key: value for key, value in campaign.machine.items() if value is not None}
    clocks = [
        clock for each in campaign.clocks for clock in (each.get("sm_mhz"), each.get("cpu_mhz")) if clock
    ]
    return {
        "machine": machine,
        **({"clock_mhz": [float(each) for each in clocks]} if clocks else {}),
        "minutes": round(campaign.seconds / 60, 2),
        "interrupted": campaign.interrupted,
        "kernels": len(campaign.kernels),
        "networks": sorted({one.name for one in campaign.networks(held_out=False)}),
        "held_out": sorted({one.name for one in campaign.networks(held_out=True)}),
        "noise_floor": float(f"{campaign.noise:.3g}"),
        "sentinels": len(campaign.sentinels),
        "sentinel_ms": [
            rounded(1e3 * each(campaign.sentinels)) for each in (min, median, max) if campaign.sentinels
        ],
        "skipped": campaign.skipped,
    }


def device_document(campaigns: Sequence[Campaign], profiles: Sequence[Profile]) -> dict[str, Any]:
    """A device's YAML file with some profiles of it; its peaks and bandwidth are those that were measured."""
    first = campaigns[0]
    peaks: dict[str, float] = {}
    for campaign in campaigns:
        peaks[campaign.dtype] = max(peaks.get(campaign.dtype, 0), rounded(campaign.peak / 1e12))
    when = first.machine["date"]
    return {
        "name": device_name(first.machine),
        "source": f"measured by cnncost calibrate {__version__} on {when}: its fastest kernels",
        "memory": f"{first.memory_bytes / 2**30:.1f}GiB",
        "bandwidth_gb_s": rounded(first.bandwidth / 1e9),
        "tflops": peaks,
        "profiles": [as_document(profile) for profile in profiles],
    }


def rounded(value: float) -> float:
    """A number with the digits that a measurement has."""
    return float(f"{value:.4g}")


def merged(document: dict[str, Any], old: dict[str, Any], place: str) -> dict[str, Any]:
    """A device's file with the profiles that an older one of the same device has beside these.

    A profile of the same precision, layout, launch and mode is replaced. Raises as `check_same`.
    """
    check_same(old, document["name"], place)

    def words(profile: dict[str, Any]) -> list[Any]:
        return [profile.get(word) for word in ("dtype", "layout", "launch", "mode")]

    new = [words(profile) for profile in document["profiles"]]
    kept = [profile for profile in old.get("profiles") or () if words(profile) not in new]
    peaks = {**(old.get("tflops") or {}), **document["tflops"]}
    return {**document, "tflops": peaks, "profiles": [*kept, *document["profiles"]]}


def check_same(old: dict[str, Any], name: str, place: str) -> None:
    """Raise UsageError unless a device's file is of the device of that name."""
    if old.get("name") != name:
        raise UsageError(
            f"{place} is there and describes another device, {old.get('name')!r}, not {name!r}",
            cure="write to another file: -o other.yaml",
        )


def as_yaml(document: dict[str, Any]) -> str:
    """The text of a device's file."""
    import yaml

    plain = json.loads(json.dumps(document))  # PyTorch's version is a kind of string of its own
    return str(yaml.safe_dump(plain, sort_keys=False, width=110, allow_unicode=True))


def write(path: Path, document: dict[str, Any]) -> None:
    """Write a device's file, at once and whole."""
    from cnncost import writing

    writing.write(path, as_yaml(document))
