"""Random numbers that a user's own code draws while it is built or run: the same ones in every import.

What a draw decides (layers that are dropped, a path that is taken) decides what is counted, so an import
says where it saw one.
"""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator
from typing import Any

SEED = 0
"""Of everything that is drawn: weights, inputs, and what the code draws itself."""


class Generators:
    """The states of Python's generator, of NumPy's if that is loaded, and of PyTorch's on the CPU."""

    def __init__(self) -> None:
        import torch

        self.python = random.getstate()
        self.torch = torch.random.get_rng_state()
        self.numpy = sys.modules["numpy"].random.get_state() if "numpy" in sys.modules else None

    def restore(self) -> None:
        """Put the generators back."""
        import torch

        random.setstate(self.python)
        torch.random.set_rng_state(self.torch)
        if self.numpy is not None:
            sys.modules["numpy"].random.set_state(self.numpy)

    def drawn_from(self) -> list[str]:
        """Which of them code has drawn from since, as lines of what an import says."""
        now = Generators()
        moved = {
            "random": now.python != self.python,
            "numpy.random": self.numpy is not None and plain(now.numpy) != plain(self.numpy),
            "torch": not now.torch.equal(self.torch),
        }
        return [f"numbers that its code draws from {name}" for name, has in moved.items() if has]


def plain(state: Any) -> tuple[Any, ...]:
    """The state of NumPy's generator, to be compared."""
    name, words, *rest = state
    return (name, words.tobytes(), *rest)


@contextlib.contextmanager
def seeded() -> Iterator[None]:
    """In here every generator starts from the same seed; after that it is as it was before."""
    import torch

    before = Generators()
    random.seed(SEED)
    torch.default_generator.manual_seed(SEED)  # CUDA's stay as they are
    if before.numpy is not None:
        sys.modules["numpy"].random.seed(SEED)
    try:
        yield
    finally:
        before.restore()
