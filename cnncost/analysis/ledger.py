"""Which tensors are alive while a training step runs, who holds them, and the most there ever were.

Bookkeeping alone: what is made when, and who holds it, says step.py.
"""

from __future__ import annotations

from typing import NamedTuple


class Tensor:
    """A storage, how many hold it, and how many of them for the backward pass."""

    __slots__ = ("holders", "kept", "size")

    def __init__(self, size: int):
        self.size = size
        self.holders = 1
        self.kept = 0


class Top(NamedTuple):
    """The moment of the peak; all in bytes."""

    alive: int
    phase: str
    node: str
    gradients: int  #: of weights
    saved: int  #: for the backward pass


class Ledger:
    """The tensors that are alive, weights and optimizer state left out."""

    def __init__(self) -> None:
        self.alive = self.saved = self.gradients = 0  #: bytes: of all, kept for the backward pass, of weights
        self.at = ("forward", "")  #: the phase and the node that runs
        self.top = Top(0, *self.at, 0, 0)
        self.most: dict[tuple[str, str], int] = {}  #: the most that was alive, by phase and node

    def make(self, size: int) -> Tensor:
        """A new tensor, held once."""
        self.alive += size
        return Tensor(size)

    def release(self, tensor: Tensor) -> None:
        """One holder less; without holders it is freed."""
        tensor.holders -= 1
        if not tensor.holders:
            self.alive -= tensor.size

    def keep(self, tensor: Tensor) -> None:
        """Hold a tensor for the backward pass."""
        if not tensor.kept:
            self.saved += tensor.size
        tensor.kept += 1
        tensor.holders += 1

    def free(self, kept: dict[int, Tensor], position: int) -> None:
        """Release what a node keeps of an input, if it does."""
        if position in kept:
            tensor = kept.pop(position)
            tensor.kept -= 1
            if not tensor.kept:
                self.saved -= tensor.size
            self.release(tensor)

    def look(self, beside: int = 0) -> None:
        """Note what is alive now, and `beside` more bytes for a moment."""
        alive = self.alive + beside
        self.most[self.at] = max(self.most.get(self.at, 0), alive)
        if alive > self.top.alive:
            self.top = Top(alive, *self.at, self.gradients, self.saved)
