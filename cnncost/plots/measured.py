"""What `cnncost measure -o` wrote, as far as pictures need it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Measurement(NamedTuple):
    """One model measured once."""

    model: str


def latencies(measured: Sequence[Measurement]) -> dict[str, float]:
    return {}


def read_all(paths: Sequence[Path]) -> tuple[Measurement, ...]:
    return ()
