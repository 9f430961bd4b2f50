"""Operators that the translations of every framework put together, and how a table of them is written."""

from __future__ import annotations

from typing import Any

from cnncost.importers.shapes import with_batch_as
from cnncost.ops import REGISTRY
from cnncost.ops.base import Operator, channel_axis
from cnncost.ops.sizes import Shape


def build(name: str, **given: Any) -> Operator:
    """One of our operators."""
    return REGISTRY[name](**given)


def expansion(before: Shape, after: Shape) -> Operator:
    """The operator that repeats axes of size 1."""
    aligned = (*[1] * (len(after) - len(before)), *before)
    sizes = zip(aligned, after, with_batch_as(after), strict=True)
    return build("expand", shape=[0 if a == b else size for a, b, size in sizes], like="input")


def joined(along: int, shape: Shape) -> Operator:
    """The operator that puts tensors behind each other along an axis."""
    return build("concat") if along == channel_axis(shape) else build("concat", axis=along)
