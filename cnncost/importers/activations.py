"""Activations of every framework in ours, and dropout."""

from __future__ import annotations

from typing import Any

from cnncost.importers.arithmetic import clamped
from cnncost.importers.conversion import Conversion
from cnncost.importers.parts import build, channels


def clipped(t: Conversion, call: Any, x: Any, low: Any, high: Any, **more: Any) -> int:
    """Values between two bounds, either of which may be None: a rectifier where they are that."""
    if (low, high) == (0, 6):
        return t.emit(build("relu6", **more), [t.node(x)], call)
    return clamped(t, call, x, low, high)


def softmax(t: Conversion, call: Any, x: Any, along: int, name: str = "softmax") -> int:
    """Softmax along an axis, or its logarithm."""
    op = build(name, axis=None if along == channels(t, t.node(x)) else along)
    return t.emit(op, [t.node(x)], call)


def glu(t: Conversion, call: Any, x: Any, along: int) -> int:
    """One half of an axis times the sigmoid of the other."""
    op = build("glu", axis=None if along == channels(t, t.node(x)) else along)
    return t.emit(op, [t.node(x)], call)
