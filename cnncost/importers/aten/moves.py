"""PyTorch's views, parts, joins and other moves of values in ours: nothing is computed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation, named
from cnncost.importers.aten.values import arguments, same_memory, shape_of
from cnncost.importers.aten.writes import copied
from cnncost.importers.building import Unsupported
from cnncost.importers.parts import build, expansion, joined
from cnncost.importers.shapes import axis, batched, with_rest_as
from cnncost.ops.base import channel_axis


def through(t: Conversion, node: Any) -> int:
    """A call that gives its input, or a copy of it."""
    index = t.node(node.args[0])
    return index if same_memory(node, node.args[0]) else t.emit(build("copy"), [index], node)


def overwritten(t: Conversion, node: Any) -> int:
    """Values set to a number: nothing is computed."""
    return t.node(node.args[0])


def view(t: Conversion, node: Any) -> int | None:
    x = node.args[0]
    before, after = shape_of(x), shape_of(node)
    if t.own(x):
        t.reshape_parameter(node, x)
        return None
    source = t.node(x)
    shared = same_memory(node, x)
    if before == after and shared:
        return source
    if len(after) == 2 and len(before) > 2 and after[0] == before[0] and shared and batched(after) == [0]:
        return t.emit(build("flatten"), [source], node)
    if len(batched(after)) > 1:
        raise Unsupported("the batch is spread over several axes")
    return t.emit(build("view", shape=with_rest_as(after), copy=not shared), [source], node)


def permute(t: Conversion, node: Any) -> int:
    x, order = node.args
    rank = len(shape_of(x))
    return t.emit(build("permute", axes=[axis(item, rank) for item in order]), [t.node(x)], node)


def transpose(t: Conversion, node: Any) -> int:
    x = node.args[0]
    rank = len(shape_of(x))
    first, second = (axis(item, rank) for item in (node.args[1:] or (0, 1)))
    order = list(range(rank))
    order[first], order[second] = second, first
    return t.emit(build("permute", axes=order), [t.node(x)], node)


def cut(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x = node.args[0]
    shape = shape_of(x)
    along = axis(a["dim"], len(shape))
    size = shape[along]
    start, stop, _ = slice(a["start"], a["end"]).indices(size)
    if (start, stop, a["step"]) == (0, size, 1):
        return t.node(x)
    return sliced(t, node, t.node(x), along, start, stop, a["step"], shape)


def sliced(
    t: Conversion, node: Any, source: int, along: int, start: int, stop: int, step: int, shape: Any
) -> int:
    """Part of an axis, `node` the tensor."""
    if along in batched(shape):
        raise Unsupported("part of a batch")
    op = build("slice", axis=along, start=start, stop=None if stop == shape[along] else stop, step=step)
    parts = (*shape[:along], len(range(start, stop, step)), *shape[along + 1 :])
    return t.emit(op, [source], node, shape=parts)


def split(t: Conversion, node: Any) -> list[Any]:
    """Parts of an axis, each made when it is taken."""
    a = arguments(node)
    x = node.args[0]
    shape = shape_of(x)
    source = t.node(x)
    along = axis(a["dim"], len(shape))
    lengths = [int(part.shape[along]) for part in node.meta["val"]]
    if along in batched(shape):
        raise Unsupported("part of a batch")
    if len(set(lengths)) == 1 and along == channel_axis(shape):

        def part(position: int) -> int:
            op = build("channel_split", parts=len(lengths), take=position)
            return t.emit(op, [source], node, shape=tuple(node.meta["val"][position].shape))
    else:

        def part(position: int) -> int:
            start = sum(lengths[:position])
            return sliced(t, node, source, along, start, start + lengths[position], 1, shape)

    return [once(partial(part, position)) for position in range(len(lengths))]


def once(make: Callable[[], int]) -> Callable[[], int]:
    """A node that is made when it is first asked for."""
    made: list[int] = []

    def get() -> int:
        if not made:
            made.append(make())
        return made[0]

    return get


def unbind(t: Conversion, node: Any) -> list[Any]:
    a = arguments(node)
    x = node.args[0]
    shape = shape_of(x)
    source = t.node(x)
    along = axis(a["dim"], len(shape))
    if along in batched(shape):
        raise Unsupported("part of a batch")

    def part(position: int) -> int:
        op = build("select", axis=along, index=position)
        return t.emit(op, [source], node, shape=(*shape[:along], *shape[along + 1 :]))

    return [once(partial(part, position)) for position in range(shape[along])]


def select(t: Conversion, node: Any) -> int:
    x, dim, index = node.args
    shape = shape_of(x)
    along = axis(dim, len(shape))
    if along in batched(shape):
        raise Unsupported("part of a batch")
    return t.emit(build("select", axis=along, index=index % shape[along]), [t.node(x)], node)


def expand(t: Conversion, node: Any) -> int:
    x = node.args[0]
    if shape_of(x) == shape_of(node):
        return t.node(x)
    return t.emit(expansion(shape_of(x), shape_of(node)), [t.node(x), 0], node)


def repeat(t: Conversion, node: Any) -> int:
    x = node.args[0]
    before, after = shape_of(x), shape_of(node)
    aligned = (*[1] * (len(after) - len(before)), *before)
    if all(a in (1, b) for a, b in zip(aligned, after, strict=True)):
        return t.emit(build("copy"), [t.emit(expansion(before, after), [t.node(x), 0], node)], node)
    times = [b // a for a, b in zip(aligned, after, strict=True)]
    once = tuple(size for a in aligned for size in (1, a))
    many = tuple(size for a, count in zip(aligned, times, strict=True) for size in (count, a))
    return spread(t, node, x, once, many)


def spread(t: Conversion, node: Any, x: Any, once: tuple[int, ...], many: tuple[int, ...]) -> int:
    """A tensor seen with more axes of size 1, those repeated, and all copied into the shape of `node`."""
    source = t.emit(build("view", shape=with_rest_as(once)), [t.node(x)], node, shape=once)
    source = t.emit(expansion(once, many), [source, 0], node, shape=many)
    return t.emit(build("view", shape=with_rest_as(shape_of(node)), copy=True), [source], node)


def repeat_interleave(t: Conversion, node: Any) -> int:
    """Every position of an axis several times in a row: an axis more, expanded, and copied together."""
    a = arguments(node)
    x, times = node.args[0], a["repeats"]
    shape = shape_of(x)
    if not isinstance(times, int) or a["dim"] is None:
        raise Unsupported("positions that are repeated each its own number of times")
    along = axis(a["dim"], len(shape)) + 1
    once = (*shape[:along], 1, *shape[along:])
    many = (*shape[:along], times, *shape[along:])
    return spread(t, node, x, once, many)


def roll(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x = node.args[0]
    over = [axis(item, len(shape_of(x))) for item in a["dims"]]
    return t.emit(build("roll", shifts=a["shifts"], axes=over), [t.node(x)], node)


def pad(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x = node.args[0]
    sides = [int(side) for side in a["pad"]]
    source = t.node(x)
    if not any(sides):
        return through(t, node)
    rank = len(shape_of(x))
    before, after = [0] * rank, [0] * rank
    for place in range(len(sides) // 2):
        before[rank - 1 - place], after[rank - 1 - place] = sides[2 * place : 2 * place + 2]
    mode = a.get("mode", "constant")
    if mode == "circular":
        raise Unsupported("padding from the other side")
    value = max(a.get("value") or 0.0, -sys.float_info.max)  # a spec has no infinity
    zeros = mode == "constant" and not value
    if zeros and rank == 4 and min(sides) >= 0 and not before[0] and not after[0]:
        around = [before[2], after[2], before[3], after[3]]
        channels = [before[1], after[1]] if before[1] else after[1]
        return t.emit(build("zero_pad", pad=around, channels=channels), [source], node)
    return t.emit(build("pad", before=before, after=after, value=value, mode=mode), [source], node)


def concat(t: Conversion, node: Any) -> int:
    a = arguments(node)
    tensors = [item for item in node.args[0] if 0 not in shape_of(item)]
    shape = shape_of(node)
    along = axis(a["dim"], len(shape))
    if len(tensors) == 1:
        return t.emit(build("copy"), [t.node(tensors[0])], node)
    return t.emit(joined(along, shape), [t.node(item) for item in tensors], node)


def stack(t: Conversion, node: Any) -> int:
    a = arguments(node)
    tensors = node.args[0]
    shape = shape_of(node)
    along = axis(a["dim"], len(shape))
    one = (*shape[:along], 1, *shape[along + 1 :])
    op = build("view", shape=with_rest_as(one))
    return t.emit(
        joined(along, shape), [t.emit(op, [t.node(item)], node, shape=one) for item in tensors], node
    )


def index(t: Conversion, node: Any) -> int:
    x, places = node.args
    given = [(along, item) for along, item in enumerate(places) if item is not None]
    if len(given) != 1 or given[0][1] not in t.constants:
        raise Unsupported("positions that are computed, or of several axes")
    ((along, where),) = given
    return gathered(t, node, x, along, shape_of(where))


def gathered(t: Conversion, node: Any, x: Any, along: int, where: tuple[int, ...]) -> int:
    shape = shape_of(x)
    count = prod(where)
    picked = t.emit(
        build("gather", axis=along, count=count),
        [t.node(x)],
        node,
        shape=(*shape[:along], count, *shape[along + 1 :]),
    )
    if len(where) == 1:
        return picked
    return t.emit(build("view", shape=with_rest_as(shape_of(node))), [picked], node)


def index_select(t: Conversion, node: Any) -> int:
    x, dim, where = node.args
    if where not in t.constants:
        raise Unsupported("positions that are computed")
    return gathered(t, node, x, axis(dim, len(shape_of(x))), shape_of(where))


def channel_shuffle(t: Conversion, node: Any) -> int:
    return t.emit(build("channel_shuffle", groups=node.args[1]), [t.node(node.args[0])], node)


TRANSLATIONS: dict[str, Translation] = {
    **named("contiguous clone to _to_copy alias detach lift_fresh_copy lift_fresh type_as", through),
    **named("view reshape flatten unflatten squeeze unsqueeze _unsafe_view view_as reshape_as", view),
    **named("zero fill", overwritten),
    "permute": permute,
    **named("transpose swapaxes swapdims t", transpose),
    "slice": cut,
    **named("split split_with_sizes chunk tensor_split", split),
    "unbind": unbind,
    "select": select,
    **named("expand expand_as", expand),
    **named("repeat tile", repeat),
    "repeat_interleave": repeat_interleave,
    "copy": copied,
    "roll": roll,
    **named("pad constant_pad_nd", pad),
    "cat": concat,
    "stack": stack,
    "index": index,
    "index_select": index_select,
    "channel_shuffle": channel_shuffle,
}
