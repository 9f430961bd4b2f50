"""Device descriptions against first principles: peak = cores * 2 * boost clock; all of them have a source."""

from __future__ import annotations

import pytest

from cnncost import devices
from cnncost.errors import UsageError

# CUDA cores and boost clock in GHz, as NVIDIA's white papers of Volta, Ampere, Hopper and Ada list them.
CORES = {
    "v100-sxm2": (5120, 1.530),
    "a100-80gb": (6912, 1.410),
    "h100-sxm": (16896, 1.980),
    "h200-sxm": (16896, 1.980),
    "rtx-4090": (16384, 2.520),
}


def test_every_device_is_checked() -> None:
    assert devices.names() == sorted(CORES)


@pytest.mark.parametrize("key", CORES)
def test_peak_is_cores_times_clock(key: str) -> None:
    found = devices.device(key)
    cores, clock = CORES[key]
    assert found.peak("float32") == pytest.approx(cores * 2 * clock * 1e9, rel=0.003)
    assert found.source and found.name.startswith("NVIDIA")
    # A tensor core's rate in 16 bits is at least twice the vector units',.
    assert found.peak("float16") >= 2 * found.peak("float32")


def test_bandwidth_is_bus_times_rate() -> None:
    """A100 80 GB: 5120 bits at 3.186 Gbit/s; RTX 4090: 384 bits at 21 Gbit/s."""
    assert devices.device("a100-80gb").bandwidth == pytest.approx(5120 / 8 * 3.186e9, rel=0.001)
    assert devices.device("rtx-4090").bandwidth == 384 / 8 * 21e9


def test_unknown_devices_and_types() -> None:
    with pytest.raises(UsageError) as error:
        devices.device("rtx4090")
    assert str(error.value) == (
        "unknown device 'rtx4090': did you mean 'rtx-4090'?\n"
        "  devices: a100-80gb, h100-sxm, h200-sxm, rtx-4090, v100-sxm2"
    )
    with pytest.raises(UsageError) as error:
        devices.device("rtx-4090").peak("int8")
    assert str(error.value) == (
        "no peak of NVIDIA GeForce RTX 4090 is known for int8\n  known: float32, float16, bfloat16"
    )
