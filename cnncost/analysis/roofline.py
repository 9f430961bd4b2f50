"""The roofline of a model: arithmetic intensity, and the rate a device can reach at it.

Williams, Waterman and Patterson (2009): a layer with I operations per byte of memory traffic runs
at most at min(peak, I * bandwidth). Traffic is the least there can be: every input of a row is read
once, its weights and buffers once, its output written once; what lies between the operators of a
row (activation, normalisation) stays on the chip.
"""

from __future__ import annotations

from typing import NamedTuple

from cnncost.report import Report, Row


class Bound(NamedTuple):
    """A row under a roof."""

    row: Row
    traffic: int  #: bytes, of the whole batch
    intensity: float  #: FLOPs per byte
    rate: float  #: FLOP/s that the roof allows
    seconds: float  #: the least time it can take
    memory_bound: bool  #: the bandwidth limits it, not the arithmetic


def roofline(report: Report, peak: float, bandwidth: float) -> list[Bound]:
    """Every row of a report under the roof of `peak` FLOP/s and `bandwidth` bytes/s."""
    return [_bound(row, peak, bandwidth) for row in report.rows]


def _bound(row: Row, peak: float, bandwidth: float) -> Bound:
    intensity = row.flops / row.traffic_bytes
    moving, computing = row.traffic_bytes / bandwidth, row.flops / peak
    rate = min(peak, intensity * bandwidth)
    return Bound(row, row.traffic_bytes, intensity, rate, max(moving, computing), moving > computing)
