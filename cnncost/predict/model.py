"""Seconds of one launch under the numbers of a profile, and what bounds it.

A smooth roofline: arithmetic at the share of the peak that its class reaches, which saturates with the
sizes of the matrices and of their product (n / (n + half)), traffic at the share of the bandwidth that its
class reaches, faster where the cache holds it; both overlap, so that the kernel takes
(arithmetic^p + traffic^p)^(1/p), and something beyond for being launched. The formulas take numbers and
arrays of numbers alike: a fit evaluates a hundred thousand kernels at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cnncost.predict.kernels import Work

LARGEST_TEMPLATE = 25
"""Taps of the largest depthwise window that PyTorch has a kernel of its own for: 5 x 5."""

ALIGNED = 8
"""Columns and depth of a product should be multiples of it (NVIDIA, "Matrix Multiplication Background")."""

REORDERED = frozenset(("stem", "kxk", "grouped", "transposed"))
"""Classes whose kernels compute in an order of values of their own, and bring inputs and outputs into it."""

BOUNDS = ("arithmetic", "traffic", "launching")
"""What can bound a kernel."""


class Parts(NamedTuple):
    """Seconds of a kernel: what each part alone would take, and all of it."""

    arithmetic: Any
    traffic: Any
    launching: Any
    seconds: Any

    @property
    def bound(self) -> str:
        """The largest part."""
        return max(zip(self[:3], BOUNDS, strict=True))[1]


def seconds(work: Any, numbers: Mapping[str, Any], kind: str | None = None) -> Parts:
    """Seconds of a launch; `work` has the fields of `Work`: numbers, or arrays of kernels of class `kind`."""
    kind = kind or work.kind
    arithmetic = work.functions / (1e9 * numbers["functions.g_s"])
    if f"efficiency.{kind}" in numbers:
        reached = numbers[f"efficiency.{kind}"]
        if kind == "depthwise":
            large = work.window > LARGEST_TEMPLATE
            reached = reached + large * (numbers["efficiency.large_depthwise"] - reached)
        elif kind != "recurrent":
            filters = "half.group" if kind == "grouped" else "half.filters"
            reached = reached * saturation(work.n, numbers[filters])
            reached = reached * saturation(work.k, numbers["half.depth"])
            reached = reached * saturation(work.m, numbers["half.positions"])
            channels = work.k / (work.window + (work.window == 0))
            reached = reached / padded(channels, numbers["block.channels"])
            outputs = work.products * work.m * work.n  # of a vector the weights are read by all processors
            reached = reached * saturation(outputs, numbers["half.outputs"] * (work.m > 1))
            reached = reached / (1 + unaligned(work) * (numbers["unaligned"] - 1))
        arithmetic = work.flops / (1e12 * numbers["peak.tflops"] * reached)
    bandwidth = 1e9 * numbers["peak.bandwidth_gb_s"]
    activations = work.read + work.written
    slower = from_memory(activations + work.weights, numbers) / bandwidth
    traffic = activations * slower / numbers[f"traffic.{kind}"]
    share = numbers.get(f"weights.{kind}", numbers[f"traffic.{kind}"])
    traffic = traffic + work.weights * slower / share
    both = joined(arithmetic, traffic, numbers["overlap"])
    if kind in REORDERED:
        reordering = activations * slower / numbers["traffic.reordering"]
        both, traffic = both + reordering, traffic + reordering
    launching = 1e-6 * numbers["launch.kernel_us"] * numbers[f"launches.{kind}"] * work.launches
    return Parts(arithmetic, traffic, launching, both + launching)


def joined(one: Any, other: Any, power: Any) -> Any:
    """(one^p + other^p)^(1/p): their sum at p = 1, the longer of both far above."""
    distance = abs(one - other)
    longer, shorter = (one + other + distance) / 2, (one + other - distance) / 2
    return longer * (1 + (shorter / (longer + 1e-30)) ** power) ** (1 / power)


def from_memory(moved: Any, numbers: Mapping[str, Any]) -> Any:
    """What a byte costs, 1 from memory: less where a kernel moves so little that the cache holds it.

    The cache holds what the kernel before has written, all of it or, of much more than its size, nothing.
    """
    hits = 1 / (1 + (moved / (1e6 * numbers["cache.mb"])) ** 2)
    return 1 - hits * (1 - 1 / numbers["cache.speedup"])


def saturation(size: Any, half: Any) -> Any:
    """Share of the efficiency that a size reaches: one half at `half`, all of it far above; 1 of no size."""
    none = size == 0
    return (size + none) / (size + none + half * (1 - none))


def padded(size: Any, block: Any) -> Any:
    """How many times a size what comes in whole blocks is; 1 of no size."""
    none = size == 0
    return (-(-size // block) * block + none) / (size + none)


def unaligned(work: Any) -> Any:
    """1 of a product that tensor cores take only in part: they multiply 8 columns and 8 rows at once."""
    return ((work.n % ALIGNED != 0) | (work.k % ALIGNED != 0)) * 1


def host_seconds(works: list[Work], numbers: Mapping[str, float], launch: str) -> float:
    """Seconds that the host needs to launch everything; a CUDA graph is launched once."""
    launches = 1 if launch == "graph" else sum([work.launches for work in works if work.asked])
    return 1e-6 * numbers["launch.dispatch_us"] * launches
