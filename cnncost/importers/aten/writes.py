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
    whole, start, sizes = base(part)
    if whole not in t.places:
        raise Unsupported("values written into a constant")
    if any(is_tensor(source) and same_memory(source, whole) for source in whole.args):
        raise Unsupported("values written through a view of another shape")
    if len(sizes) > len(shape_of(part)):
        value = t.emit(build("view", shape=with_rest_as(tuple(sizes))), [value], node, shape=tuple(sizes))
    written = t.emit(build("overwrite", start=start), [t.node(whole), value], node, shape=shape_of(whole))
    t.places[whole] = written
    return written


def base(part: Any) -> tuple[Any, list[int], list[int]]:
    """The tensor that another is part of, where the part begins, and its sizes in all axes."""
    whole, start, sizes = part, [0] * len(shape_of(part)), list(shape_of(part))
    while operator_name(whole) in ("slice", "select"):
        a, before = arguments(whole), shape_of(whole.args[0])
        along = axis(a["dim"], len(before))
        if operator_name(whole) == "select":
            start.insert(along, a["index"] % before[along])
            sizes.insert(along, 1)
        elif a["step"] != 1:
            raise Unsupported("values written into every few positions")
        else:
            start[along] += slice(a["start"], a["end"]).indices(before[along])[0]
        whole = whole.args[0]
    return whole, start, sizes
