"""Device descriptions against first principles, of any vendor: units x clock x FLOP per clock, bus x rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cnncost import devices
from cnncost.analysis.cost import analyze
from cnncost.dtypes import DTYPES
from cnncost.errors import UsageError
from cnncost.models import load

KEYS = {"name", "memory_gb", "bandwidth_gb_s", "tflops", "units", "memory_bus", "source"}


def written(key: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((devices.DIRECTORY / f"{key}.yaml").read_text())
    return found


def check(key: str) -> None:
    """What holds of every device's file."""
    plain, found = written(key), devices.device(key)
    assert KEYS - {"memory_bus"} <= plain.keys() <= KEYS
    assert found.name and found.source and found.memory_bytes > 0
    assert set(found.peaks) <= set(DTYPES)
    assert {"float32"} <= plain["units"].keys() <= found.peaks.keys()
    for dtype, units in plain["units"].items():
        peak = units["count"] * units["clock_ghz"] * 1e9 * units["flops"]
        assert found.peak(dtype) == pytest.approx(peak, rel=0.01), dtype
    if "memory_bus" in plain:
        bus = plain["memory_bus"]
        assert found.bandwidth == pytest.approx(bus["bits"] / 8 * bus["gbit_s"] * 1e9, rel=0.01)


@pytest.mark.parametrize("key", devices.names())
def test_a_peak_is_units_times_clock_times_operations(key: str) -> None:
    check(key)


def test_the_recipe_of_a_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CONTRIBUTING's example, a CPU, is a file and nothing else; it is checked as ours, and draws a roof."""
    from recipes import recipe

    monkeypatch.setattr(devices, "DIRECTORY", tmp_path)
    (file,) = recipe("Adding a device")
    (tmp_path / Path(file.path).name).write_text(file.code)
    (key,) = devices.names()
    check(key)
    from cnncost.analysis.roofline import roofline

    found = devices.device(key)
    bounds = roofline(analyze(load("lenet5")), found.peak("float32"), found.bandwidth)
    assert max(bound.rate for bound in bounds if bound.row.macs) <= found.peak("float32")


def test_unknown_devices_and_types() -> None:
    with pytest.raises(UsageError) as error:
        devices.device("rtx4090")
    assert str(error.value) == (
        "unknown device 'rtx4090': did you mean 'rtx-4090'?\n"
        "  devices: a100-80gb, h100-sxm, h200-sxm, mi300x, rtx-4090, v100-sxm2"
    )
    with pytest.raises(UsageError) as error:
        devices.device("rtx-4090").peak("int8")
    assert str(error.value) == (
        "no peak of NVIDIA GeForce RTX 4090 is known for int8\n  known: float32, float16, bfloat16"
    )
