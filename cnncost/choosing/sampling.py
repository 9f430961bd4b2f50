"""Which settings of a space are tried: all of them, some at random, or such as the best so far lead to."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from cnncost.choosing.axes import Space
from cnncost.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnncost.choosing.explore import ChunkResult, SearchQuestion

STRATEGIES = ("grid", "random", "evolve")
MOST = 10_000_000
"""Settings of a search."""
POPULATION = 512
"""Settings of a generation of `evolve`."""
PARENTS = 64
TOGETHER = 32
"""Chunks that are handed out at once: what they give is made compact before the next."""

Chunks = Generator[list[Any], "Sequence[ChunkResult] | None", None]
"""Generations of chunks of settings (arrays of codes); it is sent what the last generation gave."""


def chunks(question: SearchQuestion, space: Space, size: int) -> Chunks:
    """The settings that a question tries. Raises UsageError for too many."""
    samples = question.samples
    if question.strategy == "grid" and samples is None and space.size > MOST:
        raise UsageError(
            f"the space has {space.size:,} settings, a grid at most {MOST:,}\n"
            "  try some of them: --samples 10000, or fewer values: --vary width=0.5..1.5:0.25"
        )
    if samples is not None and min(samples, space.size) > MOST:
        raise UsageError(
            f"--samples {samples:,}: a search tries at most {MOST:,} settings\n  for example: --samples 100k"
        )
    return _chunks(question, space, size)


def _chunks(question: SearchQuestion, space: Space, size: int) -> Chunks:
    import numpy as np

    chance = np.random.default_rng(question.seed)
    samples = space.size if question.samples is None else min(question.samples, space.size)
    if question.strategy == "evolve":
        yield from _evolved(question, space, min(samples, question.samples or 20 * POPULATION), chance, size)
        return
    if samples == space.size and space.size <= MOST:
        places = np.arange(space.size)
        for some in _cut(places, TOGETHER * size):
            yield [codes_of(space, part) for part in _cut(some, size)]
        return
    for some in _cut(drawn(space, samples, chance), TOGETHER * size):
        yield _cut(some, size)


def _cut(rows: NDArray[Any], size: int) -> list[Any]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def codes_of(space: Space, places: NDArray[Any]) -> NDArray[Any]:
    """Settings by their number: the last axis runs fastest."""
    import numpy as np

    sizes = [len(axis.values) for axis in space.axes]
    return np.stack(np.unravel_index(places, sizes), axis=1).astype(space.code_type)


def drawn(space: Space, count: int, chance: Any) -> NDArray[Any]:
    """So many different settings, each as likely as any other."""
    import numpy as np

    sizes = np.array([len(axis.values) for axis in space.axes])
    if 2 * count > space.size:
        return codes_of(space, np.sort(chance.permutation(space.size)[:count]))
    found = np.zeros((0, len(sizes)), dtype=space.code_type)
    while len(found) < count:
        more = chance.integers(0, sizes, (count + count // 8 + 8, len(sizes)), dtype=space.code_type)
        found = np.concatenate([found, more])
        _, first = np.unique(found, axis=0, return_index=True)
        found = found[np.sort(first)]
    return found[:count]


def _evolved(question: SearchQuestion, space: Space, samples: int, chance: Any, size: int) -> Chunks:
    """Generations: the best so far, each with some of its values changed or taken from another of them.

    The best are those on the front of the objectives, front after front (Goldberg's ranking).
    """
    import numpy as np

    sizes = np.array([len(axis.values) for axis in space.axes])
    seen: set[bytes] = set()
    codes = np.zeros((0, len(sizes)), dtype=space.code_type)
    values = np.zeros((0, len(question.quantities)))
    generation = drawn(space, min(POPULATION, samples), chance)
    while len(generation):
        seen.update(row.tobytes() for row in generation)
        parts = yield _cut(generation, max(1, size // 8))
        for part in parts or ():
            if part.codes:
                codes = np.concatenate([codes, np.array(part.codes, dtype=codes.dtype)])
                values = np.concatenate([values, np.array(part.values, dtype=float)])
        if len(seen) >= min(samples, prod(map(int, sizes))):
            return
        parents = _best(question, codes, values)
        codes, values = codes[parents], values[parents]
        wanted = min(POPULATION, samples - len(seen))
        generation = _children(codes, sizes, wanted, seen, chance)


def _best(question: SearchQuestion, codes: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    from cnncost.choosing.explore import objectives_of
    from cnncost.choosing.front import front

    left = np.arange(len(codes))
    chosen: list[int] = []
    while len(left) and len(chosen) < PARENTS:
        on_front = front(objectives_of(question, values[left]))
        chosen += left[on_front].tolist()
        left = left[~on_front]
    return np.array(chosen[: 4 * PARENTS], dtype=np.int64)


def _children(
    parents: NDArray[Any], sizes: NDArray[Any], wanted: int, seen: set[bytes], chance: Any
) -> NDArray[Any]:
    """New settings; where parents lead to nothing new, any."""
    import numpy as np

    found: list[Any] = []
    fresh: set[bytes] = set()
    for attempt in range(50 * wanted):
        if len(found) == wanted:
            break
        if not len(parents) or attempt > 25 * wanted:
            child = chance.integers(0, sizes, len(sizes), dtype=parents.dtype)
        else:
            one, two = parents[chance.integers(len(parents), size=2)]
            child = np.where(chance.random(len(sizes)) < 0.3, two, one)
            changed = chance.integers(len(sizes))
            step = int(chance.integers(-2, 3))
            near = min(max(int(child[changed]) + step, 0), int(sizes[changed]) - 1)
            child[changed] = near if chance.random() < 0.7 else chance.integers(sizes[changed])
        key = child.tobytes()
        if key not in seen and key not in fresh:
            fresh.add(key)
            found.append(child)
    return np.array(found, dtype=parents.dtype).reshape(-1, len(sizes))
