"""What is believed of a profile's numbers before anything was measured, and how firmly.

A number is fitted as a logarithm that a prior pulls to its value: `(value, spread)`, a spread of 0.7 says
that twice or half as much is no surprise. Classes that no sample has stay where the prior is. The values
come from what data sheets and published kernels reach, rounded; none is of one device.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cnncost.predict.profile import LAUNCHED, MULTIPLYING, NEUTRAL, NUMBERS


class Prior(NamedTuple):
    """A value, and the spread of its logarithm; 0: it is given and not fitted."""

    value: float
    spread: float


EFFICIENCY = {"depthwise": 0.05, "grouped": 0.2, "stem": 0.4, "recurrent": 0.2, "1-D": 0.3, "3-D": 0.3}
"""Shares of the peak of classes that stay far below it; the others reach half."""


OF_PRODUCTS = {
    "half.positions": Prior(0.0, 0.0),
    "half.outputs": Prior(5e5, 1.0),
    "block.channels": Prior(32.0, 0.0),
    "unaligned": Prior(2.0, 0.7),
    "overlap": Prior(2.5, 0.1),
}
"""Of a graphics card whose kernels were timed alone: how many values a product has tells more than its rows.

Left free, the overlap takes over what sizes should say.
"""

STREAMING = frozenset(("pooling", "norm", "activation", "join"))
"""Classes that read and write in order, and do hardly anything else."""


def priors(
    peak: float, bandwidth: float, cpu: bool = False, nhwc: bool = False, alone: bool = False
) -> Mapping[str, Prior]:
    """The prior of every number, for a device of that peak (FLOP/s) and bandwidth (bytes/s).

    Libraries compute in the order of channels last (`nhwc`), and need not bring values into it. Numbers of
    small kernels of graphics cards are only fitted where kernels were timed `alone`: whole networks at large
    batches do not tell them.
    """
    found = {
        "peak.tflops": Prior(peak / 1e12, 0.0),
        "peak.bandwidth_gb_s": Prior(bandwidth / 1e9, 0.0),
        "half.filters": Prior(32.0, 1.0),
        "half.group": Prior(16.0, 0.7),
        "efficiency.large_depthwise": Prior(0.03, 0.7),
        "traffic.reordering": Prior(20.0, 0.3) if nhwc else Prior(0.3, 1.0) if cpu else Prior(1.5, 0.7),
        "cache.mb": Prior(15.0 if cpu else 40.0, 0.5),
        "cache.speedup": Prior(4.0, 0.3),
        "half.depth": Prior(32.0, 1.0),
        "half.positions": Prior(100.0 if cpu else 2000.0, 1.0),
        "functions.g_s": Prior(10.0 if cpu else 3000.0, 1.0 if cpu else 0.4),
        "overlap": Prior(2.5, 0.4),
        "launch.kernel_us": Prior(3.0, 0.7),
        "launch.dispatch_us": Prior(3.0 if cpu else 6.0, 0.5),
    }
    for kind in MULTIPLYING:
        found[f"efficiency.{kind}"] = Prior(EFFICIENCY.get(kind, 0.5), 0.7)
        found[f"weights.{kind}"] = Prior(0.3 if cpu else 0.8, 1.0 if cpu else 0.3)
    for kind in LAUNCHED:
        found[f"traffic.{kind}"] = _traffic(kind, cpu)
    found |= {name: Prior(value, 0.0) for name, value in NEUTRAL.items()}
    if alone and not cpu:
        found |= {f"launches.{kind}": Prior(1.0, 0.7) for kind in LAUNCHED} | OF_PRODUCTS
    return {name: found[name] for name in NUMBERS}


def _traffic(kind: str, cpu: bool) -> Prior:
    """Functions of every value come close to the bandwidth of a graphics card; products need not."""
    if kind in MULTIPLYING:
        return Prior(0.6, 0.5) if kind == "1x1" else Prior(0.8, 0.3)
    if cpu:
        return Prior(0.5, 0.5)
    return Prior(0.9, 0.1) if kind in STREAMING else Prior(0.88, 0.15)
