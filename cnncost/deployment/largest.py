"""The largest input, and the largest width, whose network fits into a runtime's memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

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


class Largest(NamedTuple):
    """What fits into so many bytes of memory."""

    bytes: int
    input: tuple[int, ...]  #: with the network's own width
    needs: int  #: bytes, with that input
    width: float | None  #: with the network's own input; None: the family has no width, or none fits
    width_needs: int | None
    narrowest: int | None = None  #: bytes that the narrowest width needs, where none fits


def fitting(
    graph: Graph, load: Callable[[Model], Graph], need: Callable[[Graph], int], limit: int
) -> Largest:
    """The largest input of equal sides, then the largest width at the network's own input.

    `load` makes a graph of a model, `need` says its bytes; what they refuse does not fit. Raises UsageError
    for a network that did not come from a spec, and where no input fits, with what is missing.
    """
    model, shape = graph.model, graph.input_shape
    if (
        model is None
        or len(graph.inputs) > 1
        or len(shape) < 2
        or graph.batch is not None
        or is_import(model.spec)
    ):
        raise UsageError(
            f"{graph.name}: --fits with a runtime looks for another input, which only a spec of one map has"
            "\n  export it: cnncost export SPEC -o net.yaml"
        )

    def needed(side: int) -> int | None:
        return _tried(load, need, model._replace(input=(shape[0], *[side] * (len(shape) - 1))))

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
    own = Largest(limit, (shape[0], *[side] * (len(shape) - 1)), needed(side) or 0, None, None)
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
