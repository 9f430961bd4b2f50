"""Values written in place where more than one tensor looks: whoever reads later reads what was written.

A graph has no tensors that change. Where PyTorch writes into a tensor, that, and what looks at its memory, is
another node from there on; where what is written could not be found again, it is refused.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from cnncost.importers.aten.values import (
    arguments,
    is_in_place,
    is_tensor,
    memory_of,
    operator_name,
    same_memory,
    same_view,
    shape_of,
)
from cnncost.importers.building import Unsupported
from cnncost.importers.layers import viewed
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis, with_rest_as
from cnncost.importers.stated import custom, free

if TYPE_CHECKING:
    from cnncost.importers.aten.convert import Conversion

RESHAPES = ("view", "_unsafe_view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "view_as")
"""Views of all values in their order."""


def copied(t: Conversion, node: Any) -> int:
    """copy_: values written into a tensor, or into part of one."""
    part, values = node.args[:2]
    value = t.node(values)
    if same_view(part, values):  # y[:, :2] += x writes the sum, and then once more where it already is
        return value
    if shape_of(values) != shape_of(part):
        raise Unsupported("values that are repeated where they are written")
    return write(t, node, value)


def settle(t: Conversion, node: Any, made: int) -> None:
    """After an in-place call whose result is the node `made`: let those who look at its tensor see it."""
    target = node.args[0]
    order, sharing = t.memory(node.graph)
    readers = [
        item
        for item in sharing[memory_of(target)]
        if item is not target
        and order[item] < order[node]
        and any(order[user] > order[node] for user in item.users)
    ]
    if not readers:
        return
    write(t, node, made)


def write(t: Conversion, node: Any, value: int) -> int:
    """Write a value into the first tensor of a call: who looks at its memory later sees it."""
    seen: set[Any] = set()
    written = put(t, node, node.args[0], value, seen)
    order, sharing = t.memory(node.graph)
    for item in sharing[memory_of(node.args[0])]:
        if order[item] < order[node] and any(order[user] > order[node] for user in item.users):
            look_again(t, item, seen)
    return written


def put(t: Conversion, node: Any, part: Any, value: int, seen: set[Any]) -> int:
    """Write a value into a tensor, and into what this is a view of, on to what has the memory."""
    whole, start, sizes, dense = base(part)
    if whole not in t.places:  # a constant depends on the network's input from here on
        t.node(whole)
        t.constants.discard(whole)
    written = value
    if whole is not part or not seen:
        if len(sizes) > len(shape_of(part)):
            value = t.emit(build("view", shape=with_rest_as(tuple(sizes))), [value], node, shape=tuple(sizes))
        if dense:
            op = build("overwrite", start=start)
            written = t.emit(op, [t.node(whole), value], node, shape=shape_of(whole))
        else:
            written = custom(t, node, "aten.copy_", [t.node(whole), value], shape_of(whole), free)
    t.places[whole] = written
    seen.update((whole, part))
    source = looked_at(whole)
    if source is not None:
        put(t, node, source, undone(t, node, whole, source, written), seen)
    return written


def looked_at(item: Any) -> Any:
    """The tensor whose memory another has, since it is a view of it; None of one with memory of its own."""
    given = item.args[0].all_input_nodes if operator_name(item) == "getitem" else item.all_input_nodes
    return next((each for each in given if is_tensor(each) and same_memory(each, item)), None)


def undone(t: Conversion, node: Any, view: Any, source: Any, written: int) -> int:
    """What was written into a view, as the tensor that it is a view of has it."""
    name, before, after = operator_name(view), shape_of(view), shape_of(source)
    if is_in_place(view) or same_view(view, source):
        return written
    if name in ("permute", "transpose", "t"):
        order = turned(view, len(after))
        back = [order.index(at) for at in range(len(order))]
        return t.emit(build("permute", axes=back), [written], node, shape=after, within=True)
    if name in RESHAPES and prod(before) == prod(after):
        return viewed(t, node, written, after)
    raise Unsupported("values written through a view that repeats or picks them")


def turned(view: Any, rank: int) -> list[int]:
    """For every axis of a permuted view that of its source."""
    if operator_name(view) == "permute":
        return [axis(item, rank) for item in view.args[1]]
    first, second = (axis(item, rank) for item in (view.args[1:] or (0, 1)))
    order = list(range(rank))
    order[first], order[second] = second, first
    return order


def look_again(t: Conversion, item: Any, seen: set[Any]) -> None:
    """Make a view anew, of what was written into the memory that it looks at."""
    if item in seen:
        return
    seen.add(item)
    source = looked_at(item)
    if source is None or operator_name(item) == "getitem":
        raise Unsupported("it overwrites what is read again as another tensor")
    look_again(t, source, seen)
    t.constants.discard(item)
    t.places[item] = t.places[source] if is_in_place(item) else t.translated(item)


def base(part: Any) -> tuple[Any, list[int], list[int], bool]:
    """The tensor that another is part of, where the part begins, its sizes in all axes, if it has no gaps."""
    whole, start, sizes, dense = part, [0] * len(shape_of(part)), list(shape_of(part)), True
    while operator_name(whole) in ("slice", "select"):
        a, before = arguments(whole), shape_of(whole.args[0])
        along = axis(a["dim"], len(before))
        if operator_name(whole) == "select":
            start.insert(along, a["index"] % before[along])
            sizes.insert(along, 1)
        else:
            dense = dense and a["step"] == 1
            start[along] += slice(a["start"], a["end"]).indices(before[along])[0]
        whole = whole.args[0]
    return whole, start, sizes, dense
