"""Networks that torchvision and timm publish with their weights, without building them.

`accuracies.csv` is what they publish, a line per weights and resolution. `counts.csv` is what our importer
counts of each network at each of these resolutions, batch 1, float32, or torch's FlopCounterMode where only
parameters and MACs stand there; `uncounted.csv` why some are not counted. `tools/pretrained.py` makes both.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

ROOM = Path(__file__).resolve().parent
LIBRARIES = ("torchvision", "timm")
SOURCES = {
    "timm": "timm results-imagenet.csv, aa4b5850",
    "torchvision": "torchvision 0.29, metadata of its weights",
}


class Published(NamedTuple):
    """An accuracy on ImageNet-1k's validation images, in percent, and how it came about."""

    library: str
    network: str  #: as the library builds it
    weights: str
    size: int  #: height and width of the crop
    top1: float
    top5: float
    params_m: float  #: millions of parameters, as published

    @property
    def name(self) -> str:
        """The name that an import takes."""
        return f"{self.library}:{self.network}"

    @property
    def protocol(self) -> str:
        """How it was measured, and which weights."""
        return f"single crop {self.size}" + (f", {self.weights}" if self.weights else "")


class CountedNetwork(NamedTuple):
    """What a network costs at a resolution: batch 1, inference, float32; None: not counted."""

    params: int
    macs: int
    flops: int | None = None
    activation_elements: int | None = None
    peak_bytes: int | None = None

    @property
    def whole(self) -> bool:
        """Whether our importer counted it; else PyTorch's own counter did, which knows MACs alone."""
        return self.peak_bytes is not None


@lru_cache(maxsize=1)
def published() -> tuple[Published, ...]:
    """Everything that is published, library by library."""
    with (ROOM / "accuracies.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return tuple(
        [
            Published(
                row["library"],
                row["network"],
                row["weights"],
                int(row["size"]),
                float(row["top1"]),
                float(row["top5"]),
                float(row["params_m"]),
            )
            for row in rows
        ]
    )


@lru_cache(maxsize=1)
def counted() -> dict[tuple[str, int], CountedNetwork]:
    """What is counted, by a network's name and its resolution."""
    with (ROOM / "counts.csv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {
            (row["name"], int(row["size"])): CountedNetwork(
                *[int(row[field]) for field in CountedNetwork._fields if row[field]]
            )
            for row in rows
        }


@lru_cache(maxsize=1)
def reasons() -> dict[tuple[str, int], str]:
    """Why the others are not, by a network's name and its resolution, as far as it was tried."""
    with (ROOM / "uncounted.csv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {(row["name"], int(row["size"])): row["reason"] for row in rows}


def best(library: str) -> list[Published]:
    """Of every network of a library at every resolution the weights with the best top-1."""
    found: dict[tuple[str, int], Published] = {}
    for each in published():
        if each.library == library:
            before = found.get((each.network, each.size))
            if before is None or each.top1 > before.top1:
                found[each.network, each.size] = each
    return list(found.values())
