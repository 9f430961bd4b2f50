"""Ticks at round numbers of a unit: 512 KiB, not 0.9765625 * 2**20 bytes.

Imports matplotlib at the top: import this module only to draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, Locator, LogLocator, MaxNLocator, NullFormatter

from cnncost.plots.style import narrow
from cnncost.units import Unit


class InUnit(Locator):
    """Another locator's ticks, found in a unit instead of in the axis' own numbers."""

    def __init__(self, inner: Locator, size: float):
        self.inner = inner
        self.size = size

    def set_axis(self, axis: Any) -> None:
        super().set_axis(axis)
        self.inner.set_axis(axis)

    def __call__(self) -> Sequence[float]:
        return self.tick_values(*self.axis.get_view_interval())  # type: ignore[union-attr]

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        ticks = self.inner.tick_values(vmin / self.size, vmax / self.size)
        return np.asarray(ticks) * self.size  # type: ignore[return-value]

    def nonsingular(self, v0: float, v1: float) -> tuple[float, float]:
        return self.inner.nonsingular(v0, v1)


def scaled(axis: Axis, values: Sequence[float], unit: Unit, *, logarithmic: bool | None = None) -> None:
    """Number an axis in a unit; logarithmic (unless told) when the values span a factor of 5 or more."""
    smallest, largest = min(values), max(values)
    if logarithmic is None:
        logarithmic = smallest > 0 and largest >= 5 * smallest
    if logarithmic:
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})  # type: ignore[attr-defined]
        few = largest / smallest < 300
        axis.set_major_locator(InUnit(LogLocator(subs=(1, 2, 5) if few else (1,)), unit.size))
        axis.set_minor_locator(InUnit(LogLocator(subs=range(2, 10)), unit.size))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(InUnit(MaxNLocator(3 if narrow() else 5), unit.size))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / unit.size:,.10g}"))


MOST = 10
"""Numbers that an axis has room for; half as many on a narrow sheet."""


def at(axis: Axis, values: Sequence[int]) -> None:
    """Ticks at the values themselves, in even steps of them if they are many; logarithmic if they double."""
    if len(values) > 2 and values[-1] >= 16 * values[0]:
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})  # type: ignore[attr-defined]
    step = -(-len(values) // (MOST // 2 if narrow() else MOST))
    axis.set_major_locator(FixedLocator(list(values[::step])))
    axis.set_minor_locator(FixedLocator(list(values)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.set_minor_formatter(NullFormatter())
