"""ONNX's views, parts, joins and other moves of values in ours: nothing is computed."""

from __future__ import annotations

import sys
from functools import partial
from math import prod
from typing import Any

import numpy as np

from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.tensors import widened
from cnncost.importers.onnx.translation import Translation, attributes, named, optional
from cnncost.importers.parts import build, expansion, joined
from cnncost.importers.shapes import axis, batched, with_rest_as
from cnncost.ops.base import channel_axis
from cnncost.ops.sizes import Shape


def through(t: Conversion, node: Any) -> int:
    """The same values, in another element type at most."""
    return t.node(node.input[0])


def view(t: Conversion, node: Any) -> int:
    before, after = t.shape(node.input[0]), t.shape(node.output[0])
    source = t.node(node.input[0])
    if before == after:
        return source
    return viewed(t, node, source, before, after)


def viewed(t: Conversion, node: Any, source: int, before: Shape, after: Shape) -> int:
    """A tensor in another shape. Behind a change of the axes' order the values have to be copied."""
    turned = t.building.nodes[source].op.name == "permute" and node.op_type in ("Reshape", "Flatten")
    if len(after) == 2 and len(before) > 2 and after[0] == before[0] and not turned and batched(after) == [0]:
        return t.emit(build("flatten"), [source], node, shape=after)
    if len(batched(after)) > 1:
        raise Unsupported("the batch is spread over several axes")
    return t.emit(build("view", shape=with_rest_as(after), copy=turned), [source], node, shape=after)


def transpose(t: Conversion, node: Any) -> int:
    rank = len(t.shape(node.input[0]))
    order = attributes(node).get("perm", list(range(rank))[::-1])
    if list(order) == list(range(rank)):
        return t.node(node.input[0])
    return t.emit(build("permute", axes=list(order)), [t.node(node.input[0])], node)


def known(t: Conversion, node: Any, place: int, name: str) -> list[int] | None:
    """A list that old files have as an attribute and newer ones as an input; None if it is left out."""
    if not optional(node, place):
        given = attributes(node).get(name)
        return None if given is None else [int(item) for item in given]
    value = t.tensors.value(node.input[place])
    if value is None:
        raise Unsupported(f"{name} that are computed")
    return [int(item) for item in np.asarray(value).reshape(-1)]


def cut(t: Conversion, node: Any) -> int:
    """Parts of axes, one after the other."""
    x = node.input[0]
    shape = t.shape(x)
    starts, stops = known(t, node, 1, "starts") or [], known(t, node, 2, "ends") or []
    along = known(t, node, 3, "axes") or list(range(len(starts)))
    steps = known(t, node, 4, "steps") or [1] * len(starts)
    index = t.node(x)
    for place, start, stop, step in zip(along, starts, stops, steps, strict=True):
        at = axis(place, len(shape))
        if step < 0:
            raise Unsupported("an axis backwards")
        first, last, _ = slice(start, stop).indices(shape[at])
        if (first, last, step) != (0, shape[at], 1):
            index, shape = sliced(t, node, index, shape, at, first, last, step)
    return index


def sliced(
    t: Conversion, node: Any, source: int, shape: Shape, along: int, start: int, stop: int, step: int = 1
) -> tuple[int, Shape]:
    """(part of an axis, its shape)"""
    if along in batched(shape):
        raise Unsupported("part of a batch")
    op = build("slice", axis=along, start=start, stop=None if stop == shape[along] else stop, step=step)
    part = (*shape[:along], len(range(start, stop, step)), *shape[along + 1 :])
    return t.emit(op, [source], node, shape=part), part


def split(t: Conversion, node: Any) -> list[int | None]:
    """Parts of an axis, those that nothing reads left out."""
    x = node.input[0]
    along = axis(attributes(node).get("axis", 0), len(t.shape(x)))
    lengths = [t.shape(name)[along] for name in node.output]
    return [
        part(t, node, x, along, lengths, place) if t.uses[name] else None
        for place, name in enumerate(node.output)
    ]


def part(t: Conversion, node: Any, x: str, along: int, lengths: list[int], place: int) -> int:
    """One of the parts of an axis."""
    shape = t.shape(x)
    if along in batched(shape):
        raise Unsupported("part of a batch")
    if len(set(lengths)) == 1 and along == channel_axis(shape):
        op = build("channel_split", parts=len(lengths), take=place)
        sizes = (*shape[:along], lengths[place], *shape[along + 1 :])
        return t.emit(op, [t.node(x)], node, shape=sizes)
    start = sum(lengths[:place])
    return sliced(t, node, t.node(x), shape, along, start, start + lengths[place])[0]


def split_to_list(t: Conversion, node: Any) -> list[Any]:
    """The parts, each made when it is taken."""
    lengths, along = t.tensors.lengths(node)
    return [partial(part, t, node, node.input[0], along, lengths, place) for place in range(len(lengths))]


def taken(t: Conversion, node: Any) -> int:
    """One of a list."""
    parts = t.places[node.input[0]]
    place = int(t.tensors.value(node.input[1]))
    if not isinstance(parts[place], int):
        parts[place] = parts[place]()
    return int(parts[place])


def gather(t: Conversion, node: Any) -> int:
    x, where = node.input
    shape = t.shape(x)
    along = axis(attributes(node).get("axis", 0), len(shape))
    if where in t.varies:
        raise Unsupported("positions that are computed")
    positions = t.shape(where)
    if len(shape) == 1 and prod(positions) == shape[0]:  # all values in another order, by their strides
        return t.emit(build("view", shape=with_rest_as(positions), copy=True), [t.node(x)], node)
    if along in batched(shape):
        raise Unsupported("part of a batch")
    if not positions:
        index = t.tensors.number(where)
        if index is None:
            raise Unsupported("positions that are computed")
        op = build("select", axis=along, index=int(index) % shape[along])
        return t.emit(op, [t.node(x)], node)
    count = prod(positions)
    picked = (*shape[:along], count, *shape[along + 1 :])
    index = t.emit(build("gather", axis=along, count=count), [t.node(x)], node, shape=picked)
    after = t.shape(node.output[0])
    return index if picked == after else viewed(t, node, index, picked, after)


def gather_rows(t: Conversion, node: Any) -> int:
    """Positions as a list of one number each: those of the first axis."""
    x, where = node.input
    shape, positions = t.shape(x), t.shape(where)
    if (
        where in t.varies
        or positions[-1] != 1
        or attributes(node).get("batch_dims", 0)
        or 0 in batched(shape)
    ):
        raise Unsupported("positions that are computed, or of several axes")
    picked = (prod(positions), *shape[1:])
    index = t.emit(build("gather", axis=0, count=picked[0]), [t.node(x)], node, shape=picked)
    after = t.shape(node.output[0])
    return index if picked == after else viewed(t, node, index, picked, after)


def expand(t: Conversion, node: Any) -> int:
    before, after = t.shape(node.input[0]), t.shape(node.output[0])
    if before == after:
        return t.node(node.input[0])
    return t.emit(expansion(before, after), [t.node(node.input[0]), 0], node)


def tile(t: Conversion, node: Any) -> int:
    before, after = t.shape(node.input[0]), t.shape(node.output[0])
    if before == after:
        return t.node(node.input[0])
    if any(a != b and a != 1 for a, b in zip(before, after, strict=True)):
        raise Unsupported("a tensor repeated as a whole")
    repeated = t.emit(expansion(before, after), [t.node(node.input[0]), 0], node)
    return t.emit(build("copy"), [repeated], node)


def pad(t: Conversion, node: Any) -> int:
    a = attributes(node)
    x = node.input[0]
    rank = len(t.shape(x))
    mode = {"edge": "replicate"}.get(a.get("mode", "constant"), a.get("mode", "constant"))
    if mode == "wrap":
        raise Unsupported("padding from the other side")
    pads = known(t, node, 1, "pads") or []
    listed = known(t, node, 3, "axes")
    over = [axis(place, rank) for place in (range(rank) if listed is None else listed)]
    before, after = [0] * rank, [0] * rank
    for place, at in enumerate(over):
        before[at], after[at] = pads[place], pads[len(over) + place]
    source = t.node(x)
    if not any(before) and not any(after):
        return source
    number = t.tensors.number(node.input[2]) if optional(node, 2) else a.get("value", 0.0)
    value = max(number or 0.0, -sys.float_info.max)  # a spec has no infinity
    zeros = mode == "constant" and not value
    if zeros and rank == 4 and min(*before, *after) >= 0 and not before[0] and not after[0]:
        around = [before[2], after[2], before[3], after[3]]
        channels = [before[1], after[1]] if before[1] else after[1]
        return t.emit(build("zero_pad", pad=around, channels=channels), [source], node)
    more = {} if mode == "constant" else {"mode": mode}
    return t.emit(build("pad", before=before, after=after, value=value, **more), [source], node)


def concat(t: Conversion, node: Any) -> int:
    shape = t.shape(node.output[0])
    along = axis(attributes(node)["axis"], len(shape))
    if along in batched(shape):
        raise Unsupported("images put behind each other")
    shapes = [t.shape(name) for name in node.input]
    sources = []
    for name, size in zip(node.input, shapes, strict=True):
        index, wide = t.node(name), widened(size, shapes)
        if wide != size:
            index = t.emit(expansion(size, wide), [index, 0], node, shape=wide)
        sources.append(index)
    return sources[0] if len(sources) == 1 else t.emit(joined(along, shape), sources, node)


def rearranged(t: Conversion, node: Any, views: list[Shape], order: list[int]) -> int:
    """A view, its axes in another order, and a view of that."""
    first, last = views
    source = t.emit(build("view", shape=with_rest_as(first)), [t.node(node.input[0])], node, shape=first)
    turned = tuple(first[place] for place in order)
    source = t.emit(build("permute", axes=order), [source], node, shape=turned)
    return t.emit(build("view", shape=with_rest_as(last), copy=True), [source], node)


def depth_to_space(t: Conversion, node: Any) -> int:
    a = attributes(node)
    n, channels, height, width = t.shape(node.input[0])
    block = a["blocksize"]
    after = t.shape(node.output[0])
    left = channels // block**2
    if a.get("mode", "DCR") == "CRD":
        return rearranged(t, node, [(n, left, block, block, height, width), after], [0, 1, 4, 2, 5, 3])
    return rearranged(t, node, [(n, block, block, left, height, width), after], [0, 3, 4, 1, 5, 2])


def space_to_depth(t: Conversion, node: Any) -> int:
    block = attributes(node)["blocksize"]
    n, channels, height, width = t.shape(node.input[0])
    split_up = (n, channels, height // block, block, width // block, block)
    return rearranged(t, node, [split_up, t.shape(node.output[0])], [0, 3, 5, 1, 2, 4])


TRANSLATIONS: dict[str, Translation] = {
    **named("Identity Cast CastLike Not", through),
    **named("Reshape Flatten Squeeze Unsqueeze", view),
    "Transpose": transpose,
    "Slice": cut,
    "Split": split,
    "SplitToSequence": split_to_list,
    "SequenceAt": taken,
    "Gather": gather,
    "GatherND": gather_rows,
    "Expand": expand,
    "Tile": tile,
    "Pad": pad,
    "Concat": concat,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
}
