"""What a page says of time: the roofs of all devices, the least time under each, what is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost import devices, units
from cnncost.analysis.roofline import Load, loads, roofline
from cnncost.devices import Device
from cnncost.errors import UsageError
from cnncost.graph import Graph
from cnncost.predict import predict
from cnncost.request import Run

USUAL = "a100-80gb"
"""The device whose roof is shown first, if none is named."""


def times(graph: Graph, run: Run) -> dict[str, Any]:
    """`devices`: every device that has a peak or a profile for the dtype; `roof`: the rows under them;
    `time`: the tile of the device that was named (None: none was). Raises UsageError for an unknown device.
    """
    rows = loads(graph, run)
    named = None if run.on is None else devices.device(run.on)
    known = [devices.device(key) for key in devices.names()]
    if named is not None and named.key not in [each.key for each in known]:
        known.append(named)
    found = [entry for entry in (_entry(graph, rows, each, run) for each in known) if entry is not None]
    return {
        "devices": found,
        "roof": [
            [each.row.name, each.row.flops, each.row.traffic_bytes, each.convolution_flops] for each in rows
        ],
        "device": named.key if named is not None else USUAL,
        "time": None if named is None else _tile(graph, rows, named, run),
    }


def _entry(graph: Graph, rows: Sequence[Load], device: Device, run: Run) -> dict[str, Any] | None:
    """A device as the page shows it; None if nothing is known of it for the dtype."""
    predicted = _predicted(graph, device, run)
    least = moving = ""
    if run.dtype in device.peaks:
        bounds = roofline(rows, device, run.dtype, not run.no_tf32)
        whole = sum(bound.seconds for bound in bounds)
        least = units.duration(whole)
        moving = units.share(sum(bound.seconds for bound in bounds if bound.memory_bound), whole)
    elif not predicted:
        return None
    return {
        "key": device.key,
        "name": device.name,
        "least": least,
        "memory": moving,
        "predicted": predicted,
        "bandwidth": device.bandwidth,
        "peak": device.peaks.get(run.dtype),
        "convolutions": _convolution_peak(device, run),
    }


def _convolution_peak(device: Device, run: Run) -> float | None:
    return device.convolution_peak(run.dtype, not run.no_tf32) if run.dtype in device.peaks else None


def _predicted(graph: Graph, device: Device, run: Run) -> str:
    """The predicted time with its interval, where the device was calibrated for the dtype; else nothing."""
    if not device.profiles:
        return ""
    try:
        found = predict(graph, device, **run._replace(precision=run.precision or run.dtype).predicting)
    except UsageError:  # calibrated, but not for this
        return ""
    low, high = (units.duration(value / 1e3) for value in (found.low_ms, found.high_ms or found.latency_ms))
    return f"{units.duration(found.latency_ms / 1e3)} ({low} to {high})"


def _tile(graph: Graph, rows: Sequence[Load], device: Device, run: Run) -> list[str]:
    """Label and text of the device that was named. Raises as `predict` does."""
    found = predict(graph, device, **run.predicting)
    if found.calibrated:
        what = f"predicted for {device.name}, {found.setting}, 90 % interval in parentheses"
        return [what, _predicted(graph, device, run)]
    return [
        f"at least, on {device.name}: by its data sheet, not calibrated",
        units.duration(found.latency_ms / 1e3),
    ]
