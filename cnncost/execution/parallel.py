"""Data parallel training: the buckets in which DistributedDataParallel gathers gradients, by formula.

As torch.nn.parallel.DistributedDataParallel has them (its documentation, and Li et al. 2020, section 3.2.3):
gradients of trained weights, the last weight's first, fill buckets in order; one is closed when it holds its
cap or more, 1 MiB for the first and 25 MiB (bucket_cap_mb) for every other. Buckets are there from the
first step on and hold as much as all gradients. Left out: what the backend (NCCL) takes, buffers while
they are broadcast, and the first step, after which buckets are arranged anew by how gradients came.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

FIRST_CAP = 1 << 20
"""Bytes at which the first bucket is closed."""
CAP = 25 << 20
"""Bytes at which another is (bucket_cap_mb)."""
WAYS = ("copies", "views")
"""Gradients are copied into buckets (the default), or are views of them (gradient_as_bucket_view)."""


class Buckets(NamedTuple):
    """The buckets of one process."""

    way: str  #: one of `WAYS`
    sizes: tuple[int, ...]  #: bytes of each, in the order in which they are reduced

    @property
    def bytes(self) -> int:
        """Of all."""
        return sum(self.sizes)


def buckets(gradients: Sequence[int], way: str) -> Buckets:
    """The buckets of gradients (bytes of each trained weight, in the order of the module)."""
    sizes: list[int] = []
    filled, cap = 0, FIRST_CAP
    for size in reversed(gradients):
        filled += size
        if filled >= cap:
            sizes.append(filled)
            filled, cap = 0, CAP
    return Buckets(way, (*sizes, filled) if filled else tuple(sizes))
