"""Which tensors are alive while a training step runs, by references, and the most there ever were.

Bookkeeping alone: what is made when, and what refers to it, step.py says.
"""

from __future__ import annotations

from typing import NamedTuple


class Referenced:
    """A storage, the number of references to it, and how many of them are for the backward pass."""

    __slots__ = ("references", "saved", "size")

    def __init__(self, size: int):
        self.size = size
        self.references = 1
        self.saved = 0


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
        self.alive = self.saved = self.gradients = 0  #: bytes: of all, saved for backward, of weights
        self.at = ("forward", "")  #: the phase and the node that runs
        self.top = Top(0, *self.at, 0, 0)
        self.most: dict[tuple[str, str], int] = {}  #: the most that was alive, by phase and node

    def make(self, size: int) -> Referenced:
        """A new tensor with one reference."""
        self.alive += size
        return Referenced(size)

    def release(self, tensor: Referenced) -> None:
        """One reference less; without any it is freed."""
        tensor.references -= 1
        if not tensor.references:
            self.alive -= tensor.size

    def save(self, tensor: Referenced) -> None:
        """Refer to a tensor for the backward pass."""
        if not tensor.saved:
            self.saved += tensor.size
        tensor.saved += 1
        tensor.references += 1

    def free(self, saved: dict[int, Referenced], position: int) -> None:
        """Release what a node saved of an input, if it did."""
        if position in saved:
            tensor = saved.pop(position)
            tensor.saved -= 1
            if not tensor.saved:
                self.saved -= tensor.size
            self.release(tensor)

    def look(self, beside: int = 0) -> None:
        """Note what is alive now, and `beside` more bytes for a moment."""
        alive = self.alive + beside
        self.most[self.at] = max(self.most.get(self.at, 0), alive)
        if alive > self.top.alive:
            self.top = Top(alive, *self.at, self.gradients, self.saved)
