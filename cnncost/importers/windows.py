"""Pooling, resampling and other windows of every framework in ours. Windows are lists, one entry per axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost.importers.conversion import Conversion
from cnncost.importers.maps import as_map, emit_map, sides
from cnncost.importers.parts import build
from cnncost.importers.shapes import Shape


def pool(
    t: Conversion,
    call: Any,
    x: Any,
    kind: str,
    shape: Shape,
    *,
    kernel: Sequence[int],
    stride: Sequence[int],
    pad: Any,
    ceil: bool,
    **more: Any,
) -> int:
    """A pooling (maxpool, avgpool) that gives `shape`; `more` are arguments of that kind alone."""
    if len(kernel) == 1:
        pad = pad if pad == "same" else [0, 0, *pad] if len(pad) == 2 else [0, *pad]
        more = {name: sides(value, 1) if name == "dilation" else value for name, value in more.items()}
    op = build(kind, kernel=sides(kernel, 1), stride=sides(stride, 1), pad=pad, ceil=ceil, **more)
    return emit_map(t, op, [as_map(t, call, x)], call, shape)


def adaptive(t: Conversion, call: Any, x: Any, function: str, size: Sequence[int], shape: Shape) -> int:
    """A pooling (avg, max) to a given size: a global one if that is 1."""
    size = sides(size, 1)
    op = build(f"global_{function}pool") if set(size) == {1} else build(f"adaptive_{function}pool", size=size)
    return emit_map(t, op, [as_map(t, call, x)], call, shape)


def interpolated(t: Conversion, call: Any, x: Any, shape: Shape, mode: str, antialias: bool = False) -> int:
    """A map in another size."""
    settings: dict[str, Any] = {"size": shape[2:], "mode": mode}
    if antialias:
        settings["antialias"] = True
    return t.emit(build("interpolate", **settings), [t.node(x)], call)
