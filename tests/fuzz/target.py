"""A kind of input that is fuzzed, and what counts as an answer to it."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from cnncost.errors import CnncostError


class Target(NamedTuple):
    """A kind of input: seeds, how they are mutated, and what is done with a mutant."""

    seeds: Callable[[], tuple[Any, ...]]
    mutations: tuple[Callable[[random.Random, Any], Any], ...]
    run: Callable[[Any, Path], bool]

    def case(self, seed: int) -> Any:
        """The mutant of a seed."""
        chance = random.Random(seed)
        return chance.choice(self.mutations)(chance, chance.choice(self.seeds()))


def refusable(run: Callable[[Any, Path], None]) -> Callable[[Any, Path], bool]:
    """The target that counts an error of cnncost's as an answer, if it reads as one."""

    def answered(given: Any, folder: Path) -> bool:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                run(given, folder)
        except CnncostError as error:
            message = str(error)
            assert message and len(message) < 20_000, message[:200]
            assert message.strip() and "Traceback" not in message and "internal error" not in message, message
            return False
        return True

    return answered
