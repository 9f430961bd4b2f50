"""Views, parts, joins and other moves of values of every framework in ours: nothing is computed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import prod
from typing import Any

from cnncost.importers.building import Unsupported
from cnncost.importers.conversion import Conversion
from cnncost.importers.parts import build, channels, expansion, joined
from cnncost.importers.shapes import Shape, batched, with_rest_as
from cnncost.importers.stated import custom, free


def viewed(t: Conversion, call: Any, source: int, before: Shape, after: Shape, copy: bool = False) -> int:
    """A tensor in another shape; `copy`: into memory of its own."""
    if len(after) == 2 and len(before) > 2 and after[0] == before[0] and not copy and batched(after) == [0]:
        return t.emit(build("flatten"), [source], call, shape=after)
    if len(batched(after)) > 1:
        raise Unsupported("the batch is spread over several axes")
    return t.emit(build("view", shape=with_rest_as(after), copy=copy), [source], call, shape=after)


def permuted(t: Conversion, call: Any, x: Any, order: Sequence[int]) -> int:
    """Axes in another order: for every axis of the output that of the input."""
    return t.emit(build("permute", axes=list(order)), [t.node(x)], call)


def sliced(
    t: Conversion, call: Any, source: int, shape: Shape, along: int, start: int, stop: int, step: int = 1
) -> tuple[int, Shape]:
    """(every step-th position of an axis from start to before stop, its shape)"""
    if (start, stop, step) == (0, shape[along], 1):
        return source, shape
    if along in batched(shape):
        raise Unsupported("part of a batch")
    op = build("slice", axis=along, start=start, stop=None if stop == shape[along] else stop, step=step)
    part = (*shape[:along], len(range(start, stop, step)), *shape[along + 1 :])
    return t.emit(op, [source], call, shape=part), part


def part(
    t: Conversion, call: Any, source: int, shape: Shape, along: int, lengths: Sequence[int], place: int
) -> int:
    """One of the parts that an axis is split into."""
    if along in batched(shape):
        raise Unsupported("part of a batch")
    if len(set(lengths)) == 1 and along == channels(t, source):
        op = build("channel_split", parts=len(lengths), take=place)
        sizes = (*shape[:along], lengths[place], *shape[along + 1 :])
        return t.emit(op, [source], call, shape=sizes)
    start = sum(lengths[:place])
    return sliced(t, call, source, shape, along, start, start + lengths[place])[0]


def selected(t: Conversion, call: Any, source: int, shape: Shape, along: int, index: int) -> int:
    """One position of an axis, which is gone then."""
    if along in batched(shape):
        raise Unsupported("part of a batch")
    op = build("select", axis=along, index=index % shape[along])
    return t.emit(op, [source], call, shape=(*shape[:along], *shape[along + 1 :]))


def expanded(t: Conversion, call: Any, source: int, before: Shape, after: Shape) -> int:
    """Axes of size 1 repeated, without a copy."""
    if before == after:
        return source
    return t.emit(expansion(before, after), [source, 0], call, shape=after)


def repeated(t: Conversion, call: Any, source: int, before: Shape, after: Shape) -> int:
    """A tensor several times behind itself along its axes, in memory of its own."""
    aligned = (*[1] * (len(after) - len(before)), *before)
    if all(a in (1, b) for a, b in zip(aligned, after, strict=True)):
        whole = t.emit(expansion(before, after), [source, 0], call, shape=after)
        return t.emit(build("copy"), [whole], call, shape=after)
    times = [b // a for a, b in zip(aligned, after, strict=True)]
    once = tuple(size for a in aligned for size in (1, a))
    many = tuple(size for a, count in zip(aligned, times, strict=True) for size in (count, a))
    return spread(t, call, source, once, many, after)


def spread(t: Conversion, call: Any, source: int, once: Shape, many: Shape, after: Shape) -> int:
    """A tensor seen with more axes of size 1, those repeated, and all copied into a shape."""
    source = t.emit(build("view", shape=with_rest_as(once)), [source], call, shape=once)
    source = t.emit(expansion(once, many), [source, 0], call, shape=many)
    return t.emit(build("view", shape=with_rest_as(after), copy=True), [source], call, shape=after)


def rearranged(
    t: Conversion, call: Any, source: int, split: Shape, order: Sequence[int], after: Shape
) -> int:
    """A view, its axes in another order, and a copy of that in a shape."""
    source = t.emit(build("view", shape=with_rest_as(split)), [source], call, shape=split)
    turned = tuple(split[place] for place in order)
    source = t.emit(build("permute", axes=list(order)), [source], call, shape=turned)
    return t.emit(build("view", shape=with_rest_as(after), copy=True), [source], call, shape=after)


def padded(
    t: Conversion, call: Any, x: Any, before: Sequence[int], after: Sequence[int], mode: str, value: float
) -> int:
    """A tensor with values before and after along its axes; negative numbers cut."""
    if mode == "circular":
        return custom(t, call, "circular padding", [t.node(x)], padded_shape(t.shape(x), before, after), free)
    value = max(value, -sys.float_info.max)  # a spec has no infinity
    zeros = mode == "constant" and not value
    if zeros and len(before) == 4 and min(*before, *after) >= 0 and not before[0] and not after[0]:
        around = [before[2], after[2], before[3], after[3]]
        channels = [before[1], after[1]] if before[1] else after[1]
        return t.emit(build("zero_pad", pad=around, channels=channels), [t.node(x)], call)
    op = build("pad", before=list(before), after=list(after), value=value, mode=mode)
    return t.emit(op, [t.node(x)], call)


def padded_shape(shape: Shape, before: Sequence[int], after: Sequence[int]) -> Shape:
    """The shape of a padded tensor."""
    return tuple(size + a + b for size, a, b in zip(shape, before, after, strict=True))


def concatenated(t: Conversion, call: Any, sources: Sequence[int], along: int, shape: Shape) -> int:
    """Tensors behind each other along an axis; one alone is copied."""
    if along in batched(shape):
        raise Unsupported("images put behind each other")
    if len(sources) == 1:
        return t.emit(build("copy"), sources, call)
    return t.emit(joined(t, along, sources), sources, call)


def gathered(t: Conversion, call: Any, x: Any, along: int, where: Shape, after: Shape) -> int:
    """Constant positions of an axis; `where` is the shape of their tensor, `after` the output's."""
    shape = t.shape(x)
    if along in batched(shape):
        raise Unsupported("part of a batch")
    count = prod(where)
    picked = (*shape[:along], count, *shape[along + 1 :])
    index = t.emit(build("gather", axis=along, count=count), [t.node(x)], call, shape=picked)
    if picked == after:
        return index
    return t.emit(build("view", shape=with_rest_as(after)), [index], call, shape=after)
