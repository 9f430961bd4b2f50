"""PyTorch's views, parts, joins and other moves of values, as it calls them: nothing is computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from cnncost.errors import OperatorError
from cnncost.importers import moves
from cnncost.importers.aten import general
from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation, named
from cnncost.importers.aten.values import arguments, operator_name, part_shape, same_memory, shape_of
from cnncost.importers.aten.writes import copied
from cnncost.importers.building import Unsupported
from cnncost.importers.parts import build, joined
from cnncost.importers.shapes import axis, with_rest_as
from cnncost.importers.stated import custom, free


def through(t: Conversion, node: Any) -> int:
    """A call that gives its input, or a copy of it."""
    index = t.node(node.args[0])
    return index if same_memory(node, node.args[0]) else t.emit(build("copy"), [index], node)


def detached(t: Conversion, node: Any) -> int:
    """A value without its gradient: in training a node of its own."""
    if not t.training:
        return through(t, node)
    made = t.emit(build("identity"), [t.node(node.args[0])], node)
    t.building.detached.add(made)
    return made


def overwritten(t: Conversion, node: Any) -> int:
    """Values set to a number: nothing is computed."""
    return t.node(node.args[0])


def view(t: Conversion, node: Any) -> int | None:
    x = node.args[0]
    before, after = shape_of(x), shape_of(node)
    if t.own(x):
        t.tensors.reshaped(node, x)
        return None
    shared = same_memory(node, x)
    if before == after and shared:
        return t.node(x)
    return moves.viewed(t, node, t.node(x), before, after, copy=not shared)


def permute(t: Conversion, node: Any) -> int:
    x, order = node.args
    return moves.permuted(t, node, x, [axis(item, len(shape_of(x))) for item in order])


def transpose(t: Conversion, node: Any) -> int:
    x = node.args[0]
    rank = len(shape_of(x))
    first, second = (axis(item, rank) for item in (node.args[1:] or (0, 1)))
    order = list(range(rank))
    order[first], order[second] = second, first
    return moves.permuted(t, node, x, order)


def cut(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x = node.args[0]
    shape = shape_of(x)
    along = axis(a["dim"], len(shape))
    if shape_of(node) == shape:
        return t.node(x)
    first, last = a["start"], a["start"] + a["length"] if "length" in a else a["end"]
    start, stop, _ = slice(first, last).indices(shape[along])
    return moves.sliced(t, node, t.node(x), shape, along, start, stop, a.get("step", 1))[0]


def split(t: Conversion, node: Any) -> list[Any]:
    """Parts of an axis, each made when it is taken."""
    x = node.args[0]
    shape = shape_of(x)
    along = axis(arguments(node)["dim"], len(shape))
    lengths = [part[along] for part in node.meta["sizes"]]
    part = partial(moves.part, t, node, t.node(x), shape, along, lengths)
    if operator_name(node) == "tensor_split":  # to autograd a slice each
        return [once(partial(part_at_least, t, node, part, place)) for place in range(len(lengths))]
    return parts_of(t, node, part, len(lengths))


def parts_of(t: Conversion, node: Any, part: Callable[[int], int], count: int) -> list[Any]:
    """The parts that a call cuts its input into, which autograd takes as one."""
    source = t.node(node.args[0])
    made: list[int] = []
    t.building.parts.append(made)

    def get(place: int) -> int:
        index = part_at_least(t, node, part, place)
        if t.building.nodes[index].op.name in ("select", "slice", "channel_split") and index != source:
            made.append(index)
        return index

    return [once(partial(get, place)) for place in range(count)]


def part_at_least(t: Conversion, node: Any, part: Callable[[int], int], place: int) -> int:
    """One of the tensors that a call cuts its input into; what our operators do not name is moved."""
    try:
        return part(place)
    except (Unsupported, OperatorError):
        return custom(t, node, general.name_of(node), [t.node(node.args[0])], part_shape(node, place), free)


def once(make: Callable[[], int]) -> Callable[[], int]:
    """A node that is made when it is first asked for."""
    made: list[int] = []

    def get() -> int:
        if not made:
            made.append(make())
        return made[0]

    return get


def unbind(t: Conversion, node: Any) -> list[Any]:
    x = node.args[0]
    shape = shape_of(x)
    along = axis(arguments(node)["dim"], len(shape))
    part = partial(moves.selected, t, node, t.node(x), shape, along)
    return parts_of(t, node, part, shape[along])


def select(t: Conversion, node: Any) -> int:
    x, dim, index = node.args
    shape = shape_of(x)
    return moves.selected(t, node, t.node(x), shape, axis(dim, len(shape)), index)


def expand(t: Conversion, node: Any) -> int:
    x = node.args[0]
    return moves.expanded(t, node, t.node(x), shape_of(x), shape_of(node))


def repeat(t: Conversion, node: Any) -> int:
    x = node.args[0]
    return moves.repeated(t, node, t.node(x), shape_of(x), shape_of(node))


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
    return moves.spread(t, node, t.node(x), once, many, shape_of(node))


def roll(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x = node.args[0]
    over = [axis(item, len(shape_of(x))) for item in a["dims"]]
    return t.emit(build("roll", shifts=a["shifts"], axes=over), [t.node(x)], node)


def flip(t: Conversion, node: Any) -> int:
    x = node.args[0]
    over = [axis(item, len(shape_of(x))) for item in arguments(node)["dims"]]
    return t.emit(build("flip", axes=over), [t.node(x)], node)


def pad(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x = node.args[0]
    sides = [int(side) for side in a["pad"]]
    if not any(sides):
        return through(t, node)
    rank = len(shape_of(x))
    before, after = [0] * rank, [0] * rank
    for place in range(len(sides) // 2):
        before[rank - 1 - place], after[rank - 1 - place] = sides[2 * place : 2 * place + 2]
    return moves.padded(t, node, x, before, after, a.get("mode", "constant"), a.get("value") or 0.0)


def concat(t: Conversion, node: Any) -> int:
    tensors = [item for item in node.args[0] if 0 not in shape_of(item)]
    shape = shape_of(node)
    along = axis(arguments(node)["dim"], len(shape))
    return moves.concatenated(t, node, [t.node(item) for item in tensors], along, shape)


def stack(t: Conversion, node: Any) -> int:
    shape = shape_of(node)
    along = axis(arguments(node)["dim"], len(shape))
    one = (*shape[:along], 1, *shape[along + 1 :])
    op = build("view", shape=with_rest_as(one))
    sources = [t.emit(op, [t.node(item)], node, shape=one) for item in node.args[0]]
    return t.emit(joined(t, along, sources), sources, node)


def index(t: Conversion, node: Any) -> Any:
    x, places = node.args
    given = [(along, item) for along, item in enumerate(places) if item is not None]
    if len(given) != 1 or given[0][1] not in t.constants:
        return general.several(t, node, free)
    ((along, where),) = given
    return moves.gathered(t, node, x, along, shape_of(where), shape_of(node))


def index_select(t: Conversion, node: Any) -> Any:
    x, dim, where = node.args
    if where not in t.constants:
        return general.several(t, node, free)
    return moves.gathered(t, node, x, axis(dim, len(shape_of(x))), shape_of(where), shape_of(node))


def channel_shuffle(t: Conversion, node: Any) -> int:
    return t.emit(build("channel_shuffle", groups=node.args[1]), [t.node(node.args[0])], node)


def shuffle(name: str) -> Translation:
    """Channels that become pixels, or the other way."""

    def translate(t: Conversion, node: Any) -> int:
        x, factor = node.args
        if len(shape_of(x)) != 4:
            raise Unsupported("pixels of other than two axes")
        return t.emit(build(name, factor=factor), [t.node(x)], node)

    return translate


def free_at_least(translate: Translation) -> Translation:
    """A translation that, where our operators of that name do not go so far (parts of a batch, images behind
    each other), makes a node that moves values, with the shape that PyTorch gives it.
    """

    def moved(t: Conversion, node: Any) -> Any:
        begin = len(t.building.nodes)
        try:
            return translate(t, node)
        except (Unsupported, OperatorError):
            t.take_back(begin)
            return general.several(t, node, free)

    return moved


MOVES: dict[str, Translation] = {
    **named("contiguous clone to _to_copy alias lift_fresh_copy lift_fresh type_as", through),
    "detach": detached,
    **named("view reshape flatten unflatten squeeze unsqueeze _unsafe_view view_as reshape_as", view),
    "permute": permute,
    **named("transpose swapaxes swapdims t", transpose),
    **named("slice narrow", cut),
    **named("split split_with_sizes chunk tensor_split unsafe_split unsafe_chunk", split),
    "unbind": unbind,
    "select": select,
    **named("expand expand_as broadcast_to", expand),
    **named("repeat tile", repeat),
    "repeat_interleave": repeat_interleave,
    "roll": roll,
    "flip": flip,
    **named("pad constant_pad_nd", pad),
    **named("cat concat concatenate", concat),
    "stack": stack,
    "index": index,
    "index_select": index_select,
    **named("channel_shuffle native_channel_shuffle", channel_shuffle),
    "pixel_shuffle": shuffle("pixel_shuffle"),
    "pixel_unshuffle": shuffle("pixel_unshuffle"),
}
"""What only moves values."""

TRANSLATIONS: dict[str, Translation] = {
    **{name: free_at_least(translate) for name, translate in MOVES.items()},
    **named("zero fill", overwritten),
    "copy": copied,
}
