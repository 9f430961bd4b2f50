"""The largest input, and the largest width, whose network fits into a runtime's memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cnncost.errors import CnncostError, UsageError
from cnncost.graph import Graph
from cnncost.importers.names import is_import
from cnncost.language.zoo import find
from cnncost.request import Model

MOST_SIDE = 1 << 14
"""No image has longer sides."""
STEP = 0.05
"""Of a width."""
MOST_WIDTH = 8.0
PATCHES = (2, 3, 4)
"""Along each axis, as they are tried; more of them run too much again."""


class Largest(NamedTuple):
    """What fits into so many bytes of memory."""

    bytes: int
    input: tuple[int, ...]  #: with the network's own width
    needs: int  #: bytes, with that input
    width: float | None  #: with the network's own input; None: the family has no width, or none fits
    width_needs: int | None
    narrowest: int | None = None  #: bytes that the narrowest width needs, where none fits


class Way(NamedTuple):
    """Another way to run the same network."""

    option: str  #: as it is typed
    bytes: int  #: that it needs


def other_way(needed: Callable[..., int], limit: int, patches: bool) -> Way | None:
    """The first way to run a network within a limit: in another order, or its first stages in patches.

    `needed` says the bytes for an `order` or a number of `patches`, or refuses; None: neither helps.
    """
    ways: list[tuple[str, dict[str, Any]]] = [("--order best", {"order": "best"})]
    if patches:
        ways += [(f"--patches {count}", {"patches": count}) for count in PATCHES]
    for option, asked in ways:
        with contextlib.suppress(CnncostError):  # maps that do not divide
            if (found := needed(**asked)) <= limit:
                return Way(option, found)
    return None


def searchable(graph: Graph) -> bool:
    """Whether another input can be looked for: of a spec of one map."""
    model, shape = graph.model, graph.input_shape
    one = len(graph.inputs) == 1 and len(shape) > 1 and graph.batch is None
    return model is not None and one and not is_import(model.spec)


def scaled(shape: Sequence[int], side: int) -> tuple[int, ...]:
    """A map's shape with `side` as its longest side, the others in proportion."""
    longest = max(shape[1:])
    return (shape[0], *[max(1, round(size * side / longest)) for size in shape[1:]])


def fitting(
    graph: Graph, load: Callable[[Model], Graph], need: Callable[[Graph], int], limit: int
) -> Largest:
    """The largest input with sides in proportion, then the largest width at the network's own input.

    `load` makes a graph of a model, `need` says its bytes; what they refuse does not fit. The graph is
    `searchable`. Raises UsageError where no input fits, with what is missing.
    """
    model, shape = graph.model, graph.input_shape
    assert model is not None

    def needed(side: int) -> int | None:
        return _tried(load, need, model._replace(input=scaled(shape, side)))

    def fits(side: int) -> bool:
        found = needed(side)
        return found is not None and found <= limit

    side = _largest(fits, max(shape[1:]))
    if not side:
        least = next(found for side in range(1, max(shape[1:]) + 1) if (found := needed(side)) is not None)
        raise UsageError(
            f"nothing of {graph.name} fits into {limit:,} bytes: its smallest input needs {least:,},"
            f" {least - limit:,} more\n  pass a larger --fits"
        )
    own = Largest(limit, scaled(shape, side), needed(side) or 0, None, None)
    if not _has_width(model):
        return own

    def wide(width: float) -> int | None:
        return _tried(load, need, _of_width(model, width))

    width = _widest(wide, limit)
    if width is None:
        return own._replace(narrowest=wide(STEP))
    return own._replace(width=width, width_needs=wide(width))


def _tried(load: Callable[[Model], Graph], need: Callable[[Graph], int], model: Model) -> int | None:
    """Bytes that a model needs; None: it cannot be."""
    try:
        return need(load(model))
    except CnncostError:
        return None


def _of_width(model: Model, width: float) -> Model:
    """The model with another width."""
    return model._replace(set=(*[pair for pair in model.set if pair[0] != "width"], ("width", width)))


def _has_width(model: Model) -> bool:
    """Whether a spec's family has a factor of that name."""
    given = find(model.spec)[0].params.get("width")
    return given is not None and isinstance(given.constant, float)


def _largest(fits: Callable[[int], bool], own: int) -> int:
    """The largest side that fits: above one that does by halving, else the first below it."""
    if not fits(own):
        return next((side for side in range(own - 1, 0, -1) if fits(side)), 0)
    good, bad = own, min(2 * own, MOST_SIDE)
    while bad < MOST_SIDE and fits(bad):
        good, bad = bad, min(2 * bad, MOST_SIDE)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return good


def _widest(needed: Callable[[float], int | None], limit: int) -> float | None:
    """The largest width in steps of 0.05, by halving; None: none fits."""

    def fits(steps: int) -> bool:
        found = needed(round(steps * STEP, 2))
        return found is not None and found <= limit

    good, bad = 0, round(MOST_WIDTH / STEP)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return round(good * STEP, 2) if good else None
