"""The time of every layer: each step of the twin under the clock, scaled to the whole.

Timing a layer adds the clock's own overhead and stops the device between layers, so the sum is more
than the whole. `scaled` shares the whole's median out in proportion; the overhead is stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from cnncost.measure.clock import Clock
from cnncost.measure.twin import Twin

RUNS = 5
"""Passes; a layer's time is the median of them."""


class LayerTime(NamedTuple):
    """One layer's time in seconds."""

    name: str
    op: str
    seconds: float  #: by itself, the clock's overhead included
    scaled: float  #: its share of the whole's median


def layer_times(twin: Twin, given: Sequence[Tensor], clock: Clock, whole: float) -> tuple[LayerTime, ...]:
    """The forward time of every layer; `whole` is the median of the whole in seconds."""
    seconds: dict[int, list[float]] = {}
    for _ in range(RUNS):
        values = twin.inputs(given)
        indices: dict[int, Tensor] = {}
        with torch.no_grad():
            for step in twin.steps:
                taken = clock.time(lambda: twin.take(step, values, indices))  # noqa: B023 - called at once
                seconds.setdefault(step.makes, []).append(taken)
    medians = {index: median(taken) for index, taken in seconds.items()}
    total = sum(medians.values())
    nodes = twin.graph.nodes
    return tuple(
        LayerTime(nodes[index].name, nodes[index].op.name, taken, taken / total * whole if total else 0.0)
        for index, taken in medians.items()
    )
