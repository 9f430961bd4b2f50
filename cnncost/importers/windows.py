"""Pooling, resampling and other windows of every framework in ours. Windows are lists, one entry per axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost.importers.conversion import Conversion
from cnncost.importers.parts import build
from cnncost.importers.shapes import Shape


def pool(t: Conversion, call: Any, x: Any, kind: str, shape: Shape, **window: Any) -> int:
    """A pooling (maxpool, avgpool) that gives `shape`; the window is its arguments."""
    return t.emit(build(kind, **window), [t.node(x)], call, shape=shape)


def adaptive(t: Conversion, call: Any, x: Any, function: str, size: Sequence[int], shape: Shape) -> int:
    """A pooling (avg, max) to a given size: a global one if that is 1."""
    whole = build(f"global_{function}pool")
    op = whole if set(size) == {1} else build(f"adaptive_{function}pool", size=list(size))
    return t.emit(op, [t.node(x)], call, shape=shape)


def interpolated(t: Conversion, call: Any, x: Any, shape: Shape, mode: str, antialias: bool = False) -> int:
    """A map in another size."""
    settings: dict[str, Any] = {"size": list(shape[2:]), "mode": mode}
    if antialias:
        settings["antialias"] = True
    return t.emit(build("interpolate", **settings), [t.node(x)], call)
