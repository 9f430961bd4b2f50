"""Values written in place where more than one tensor looks: whoever reads later reads what was written.

A graph has no tensors that change. Where PyTorch writes into part of a tensor, the whole is another
node from there on; where what is written could not be found again, it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncost.importers.aten.values import (
    arguments,
    is_tensor,
    memory_of,
    operator_name,
    same_memory,
    same_view,
    shape_of,
)
from cnncost.importers.building import Unsupported
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis, with_rest_as
from cnncost.importers.stated import custom, free

if TYPE_CHECKING:
    from cnncost.importers.aten.convert import Conversion


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
    whole = base(target)[0]
    if any(reader is not whole for reader in readers):
        raise Unsupported("it overwrites what is read again as another tensor")
    write(t, node, made)


def write(t: Conversion, node: Any, value: int) -> int:
    """Write a value into the first tensor of a call, or into the tensor that this is part of."""
    part = node.args[0]
    whole, start, sizes, dense = base(part)
    if whole not in t.places:
        fill(t, node, whole)
    if any(is_tensor(source) and same_memory(source, whole) for source in whole.args):
        raise Unsupported("values written through a view of another shape")
    if len(sizes) > len(shape_of(part)):
        value = t.emit(build("view", shape=with_rest_as(tuple(sizes))), [value], node, shape=tuple(sizes))
    if dense:
        written = t.emit(build("overwrite", start=start), [t.node(whole), value], node, shape=shape_of(whole))
    else:
        written = custom(t, node, "aten.copy_", [t.node(whole), value], shape_of(whole), free)
    t.places[whole] = written
    return written


def fill(t: Conversion, node: Any, whole: Any) -> None:
    """From here on a constant that a call writes into depends on the network's input."""
    order, sharing = t.memory(node.graph)
    now = order[node]
    for item in sharing[memory_of(whole)]:
        read_again = any(order[user] > now for user in item.users)
        if item is not whole and order[item] < now and read_again:
            raise Unsupported("values written into a constant that is read again as another tensor")
    t.node(whole)
    t.constants.discard(whole)


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
