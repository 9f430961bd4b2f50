"""ONNX's views, parts, joins and other moves of values, as its files state them: nothing is computed."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np

from cnncost.importers import moves
from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.translation import Translation, attributes, named, optional
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis, widened
from cnncost.importers.stated import custom, free

TO_THE_END = 2**31 - 1
"""The largest int32; what ends there or behind it is not cut, though the batch stands for a larger size."""


def through(t: Conversion, node: Any) -> int:
    """The same values, in another element type at most."""
    return t.node(node.input[0])


def view(t: Conversion, node: Any) -> int:
    """Another shape. Behind a change of the axes' order the values have to be copied."""
    before, after = t.shape(node.input[0]), t.shape(node.output[0])
    source = t.node(node.input[0])
    if before == after:
        return source
    turned = t.building.nodes[source].op.name == "permute" and node.op_type in ("Reshape", "Flatten")
    return moves.viewed(t, node, source, before, after, copy=turned)


def transpose(t: Conversion, node: Any) -> int:
    rank = len(t.shape(node.input[0]))
    order = attributes(node).get("perm", list(range(rank))[::-1])
    if list(order) == list(range(rank)):
        return t.node(node.input[0])
    return moves.permuted(t, node, node.input[0], order)


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
            shape = (*shape[:at], len(range(shape[at])[start:stop:step]), *shape[at + 1 :])
            index = custom(t, node, "an axis backwards", [index], shape, free)
            continue
        first, last, _ = slice(start, None if stop >= TO_THE_END else stop).indices(shape[at])
        index, shape = moves.sliced(t, node, index, shape, at, first, last, step)
    return index


def split(t: Conversion, node: Any) -> list[int | None]:
    """Parts of an axis, those that nothing reads left out."""
    x = node.input[0]
    shape = t.shape(x)
    along = axis(attributes(node).get("axis", 0), len(shape))
    lengths = [t.shape(name)[along] for name in node.output]
    return [
        moves.part(t, node, t.node(x), shape, along, lengths, place) if t.uses[name] else None
        for place, name in enumerate(node.output)
    ]


def split_to_list(t: Conversion, node: Any) -> list[Any]:
    """The parts, each made when it is taken."""
    x = node.input[0]
    lengths, along = t.tensors.lengths(node)
    part = partial(moves.part, t, node, t.node(x), t.shape(x), along, lengths)
    return [partial(part, place) for place in range(len(lengths))]


def taken(t: Conversion, node: Any) -> int:
    """One of a list."""
    parts = t.places[node.input[0]]
    place = int(t.tensors.value(node.input[1]))
    if not isinstance(parts[place], int):
        parts[place] = parts[place]()
    return int(parts[place])


def gather(t: Conversion, node: Any) -> int:
    x, where = node.input
    shape, positions, after = t.shape(x), t.shape(where), t.shape(node.output[0])
    along = axis(attributes(node).get("axis", 0), len(shape))
    if where in t.varies:
        if len(shape) == 2 and along == 0 and t.own(x):
            op = build("embedding", vocabulary=shape[0], size=shape[1], frozen=t.frozen(x))
            return t.emit(op, [t.node(where)], node)
        return custom(t, node, "gather", [t.node(x), t.node(where)], after, free)
    if len(shape) == 1 and prod(positions) == shape[0]:  # all values in another order, by their strides
        return moves.viewed(t, node, t.node(x), shape, after, copy=True)
    if not positions:
        index = t.tensors.number(where)
        if index is None:
            raise Unsupported("positions that are computed")
        return moves.selected(t, node, t.node(x), shape, along, int(index))
    return moves.gathered(t, node, x, along, positions, after)


def gather_rows(t: Conversion, node: Any) -> int:
    """Positions as a list of one number each: those of the first axis."""
    x, where = node.input
    positions = t.shape(where)
    if where in t.varies or positions[-1] != 1 or attributes(node).get("batch_dims", 0):
        sources = [t.node(name) for name in (x, where)]
        return custom(t, node, "gather_nd", sources, t.shape(node.output[0]), free)
    return moves.gathered(t, node, x, 0, positions, t.shape(node.output[0]))


def expand(t: Conversion, node: Any) -> int:
    x = node.input[0]
    return moves.expanded(t, node, t.node(x), t.shape(x), t.shape(node.output[0]))


def tile(t: Conversion, node: Any) -> int:
    x = node.input[0]
    before, after = t.shape(x), t.shape(node.output[0])
    return t.node(x) if before == after else moves.repeated(t, node, t.node(x), before, after)


PADDING = {"edge": "replicate", "wrap": "circular"}
"""Kinds of padding that have another name here."""


def pad(t: Conversion, node: Any) -> int:
    a = attributes(node)
    x = node.input[0]
    rank = len(t.shape(x))
    mode = a.get("mode", "constant")
    pads = known(t, node, 1, "pads") or []
    listed = known(t, node, 3, "axes")
    over = [axis(place, rank) for place in (range(rank) if listed is None else listed)]
    before, after = [0] * rank, [0] * rank
    for place, at in enumerate(over):
        before[at], after[at] = pads[place], pads[len(over) + place]
    if not any(before) and not any(after):
        return t.node(x)
    number = t.tensors.number(node.input[2]) if optional(node, 2) else a.get("value", 0.0)
    return moves.padded(t, node, x, before, after, PADDING.get(mode, mode), number or 0.0)


def concat(t: Conversion, node: Any) -> int:
    shape = t.shape(node.output[0])
    along = axis(attributes(node)["axis"], len(shape))
    shapes = [t.shape(name) for name in node.input]
    sources = [
        moves.expanded(t, node, t.node(name), size, widened(size, shapes))
        for name, size in zip(node.input, shapes, strict=True)
    ]
    return sources[0] if len(sources) == 1 else moves.concatenated(t, node, sources, along, shape)


def depth_to_space(t: Conversion, node: Any) -> int:
    a = attributes(node)
    n, channels, height, width = t.shape(node.input[0])
    block = a["blocksize"]
    left = channels // block**2
    source, after = t.node(node.input[0]), t.shape(node.output[0])
    if a.get("mode", "DCR") == "CRD":
        split_up, order = (n, left, block, block, height, width), [0, 1, 4, 2, 5, 3]
    else:
        split_up, order = (n, block, block, left, height, width), [0, 3, 4, 1, 5, 2]
    return moves.rearranged(t, node, source, split_up, order, after)


def space_to_depth(t: Conversion, node: Any) -> int:
    block = attributes(node)["blocksize"]
    n, channels, height, width = t.shape(node.input[0])
    split_up = (n, channels, height // block, block, width // block, block)
    return moves.rearranged(
        t, node, t.node(node.input[0]), split_up, [0, 3, 5, 1, 2, 4], t.shape(node.output[0])
    )


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
