"""Kernels of many networks as arrays, one set per class: what a fit evaluates at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cnncost.predict.kernels import Work
from cnncost.predict.model import seconds

FIELDS = (
    "flops", "read", "weights", "written", "launches", "functions", "products", "m", "n", "k", "window",
    "asked",
)  # fmt: skip
"""What a time is made of; the fields of `Work` with these names."""


class ClassColumns(NamedTuple):
    """Kernels of one class, of all samples; a field of `Work` each, and whose they are."""

    kind: str
    owner: Any  #: the place of the sample
    count: Any  #: how many alike
    flops: Any
    read: Any
    weights: Any
    written: Any
    launches: Any
    functions: Any
    products: Any
    m: Any
    n: Any
    k: Any
    window: Any
    asked: Any


ByClass = Mapping[str, Any]
"""Kernels of one sample: by class an array, a row a kernel, its columns `FIELDS`."""


def table(works: Sequence[Work]) -> ByClass:
    """The kernels of one run as a table."""
    found: dict[str, list[tuple[float, ...]]] = {}
    for work in works:
        found.setdefault(work.kind, []).append(tuple([float(getattr(work, name)) for name in FIELDS]))
    return {kind: np.array(rows) for kind, rows in found.items()}


def columns(tables: Sequence[ByClass]) -> list[ClassColumns]:
    """The tables of all samples, class by class; kernels of a sample that are alike are counted."""
    parts: dict[str, list[tuple[Any, Any, Any]]] = {}
    for owner, of_sample in enumerate(tables):
        for kind, rows in of_sample.items():
            unlike, count = np.unique(rows, axis=0, return_counts=True)
            parts.setdefault(kind, []).append((np.full(len(unlike), owner), count, unlike))
    found = []
    for kind, pieces in sorted(parts.items()):
        values = np.concatenate([rows for _, _, rows in pieces])
        found.append(
            ClassColumns(
                kind,
                np.concatenate([owner for owner, _, _ in pieces]),
                np.concatenate([count for _, count, _ in pieces]),
                *values.T,
            )
        )
    return found


def spent(part: ClassColumns, numbers: Mapping[str, float], samples: int) -> Any:
    """Seconds that the kernels of one class take in every sample."""
    each = seconds(part, numbers, part.kind).seconds * part.count
    return np.bincount(part.owner, each, minlength=samples)
