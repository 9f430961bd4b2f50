"""Receptive field and jump of every node, on any DAG (Araujo, Norris and Sim 2019, section 3).

Along a path r_out = r_in + (K - 1) * j_in and j_out = j_in * S, with K the dilated kernel. Where
branches meet, the output sees as far as all of them together. An operator that reads whole maps (global
pooling) or flattens a map is a window as large as its input map. Through views, slices, transposes and
windows the positions are followed (see `positions`): a sum over an axis sees all that it stands for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from cnncost.analysis import positions
from cnncost.analysis.positions import Factor, Number, Positions
from cnncost.graph import Graph, Node
from cnncost.ops import activation, arithmetic, linear, nonlinear, norm, product
from cnncost.ops.base import POINTWISE, Operator, Reach, channel_place
from cnncost.ops.sizes import FREE, Shape, axes_of

PRODUCTS = (product.MatMul, product.Einsum, product.Attention)
"""Operators that may sum over an axis of positions: tokens that attend to each other."""


class Field(NamedTuple):
    """What one output value sees of the input, in input pixels: for every axis of the input's space."""

    size: tuple[Number, ...]
    jump: tuple[Number, ...]  #: distance of neighbouring outputs
    shift: tuple[Number, ...]  #: by how many pixels positions are off the input's, after slices and rolls
    layout: Positions | None = None  #: None: the axes are those that the shape names


def receptive_fields(graph: Graph) -> list[Field]:
    """The field of every node of the graph; the input sees itself. Nodes that see the same share a field."""
    nodes = graph.nodes
    rank = space_of(graph)
    ones, zeros = (1,) * rank, (0,) * rank
    named = rank_of(nodes[0].shape) == rank
    layout = None if named else positions.of_map(nodes[0].shape, ones)
    fields = [Field(ones, ones, zeros, layout)]
    windows: dict[tuple[int, int], Reach | None] = {}  # by operator and first input, found once
    for node in nodes[1:]:
        reads = node.reads
        if not reads:  # another input
            fields.append(Field(ones, ones, zeros))
            continue
        sources = [fields[index] for index in reads]
        key = (id(node.op), id(nodes[reads[0]].shape))
        if key not in windows:
            windows[key] = plain_window(graph, node, rank)
        seen = windows[key]
        if seen is None or [source for source in sources if source.layout is not None]:
            fields.append(followed(graph, node, sources, rank))
            continue
        field = sources[0] if len(sources) == 1 else together(sources)
        if seen:  # maps whose axes are named: the usual case
            axes = zip(field.size, field.jump, seen, strict=True)
            behind = [widened(size, jump, *step) for size, jump, step in axes]
            sizes, jumps = zip(*behind, strict=True)
            field = Field(sizes, jumps, field.shift)
        fields.append(field)
    return fields


def plain_window(graph: Graph, node: Node, rank: int) -> Reach | None:
    """The window of an operator on maps; () if it sees its own position only, None if it moves positions."""
    if isinstance(node.op, (*positions.MOVES, *PRODUCTS)):
        return None
    seen = window(node, node.op, graph.input_shapes(node), rank)
    return () if all(step == (1, 1) for step in seen) else seen


def space_of(graph: Graph) -> int:
    """How many axes of space the input has; a free one as many as a map of its rank, if it is not tokens."""
    shape = graph.nodes[0].shape
    if axes_of(shape) != FREE or len(shape) < 3:
        return rank_of(shape)
    readers = [node for node in graph.nodes[1:] if 0 in node.reads and not is_given(node.op)]
    tokens = any(isinstance(node.op, (linear.Linear, norm.LayerNorm)) for node in readers[:1])
    return 0 if tokens and len(shape) == 3 else len(shape) - 2


def is_given(op: Operator) -> bool:
    """Whether an operator reads nothing of its input but the batch: a weight, a constant."""
    return op.kin == "weights"


def rank_of(shape: Shape) -> int:
    """How many axes of space a shape has; 0 of a vector or a free shape."""
    axes = axes_of(shape)
    return 0 if axes == FREE else len(axes) - ("N" in axes) - ("C" in axes)


def together(sources: Sequence[Field]) -> Field:
    """What is seen where branches meet: from the first to the last pixel of any."""
    jump = tuple(map(max, zip(*[source.jump for source in sources], strict=True)))
    shift = sources[0].shift
    if all(source.shift == shift for source in sources):
        return Field(tuple(map(max, zip(*[source.size for source in sources], strict=True))), jump, shift)
    sizes, shifts = [], []
    for axis in range(len(jump)):
        low = min(2 * source.shift[axis] - source.size[axis] for source in sources)
        high = max(2 * source.shift[axis] + source.size[axis] for source in sources)
        sizes.append(positions.divided(high - low, 2))
        shifts.append(positions.divided(high + low, 4))
    return Field(tuple(sizes), jump, tuple(shifts))


def window(node: Node, op: Operator, shapes: Sequence[Shape], rank: int) -> Reach:
    """What one output value of a node sees of its input: (kernel, stride) over each of `rank` axes.

    POINTWISE where it sees its own position only, or where positions are no longer those of the input.
    """
    found = op.receptive(*shapes)
    x = shapes[0]
    if not rank or rank_of(x) != rank:
        return POINTWISE
    if found is None or rank_of(node.shape) != rank:
        return tuple([(size, 1) for size in x.space])
    return found


def widened(size: Any, jump: Any, kernel: Any, stride: Any) -> tuple[Any, Any]:
    """Receptive field and jump on one axis behind a window."""
    return size + (kernel - 1) * jump, jump * stride


# Anything else: the positions are followed -------------------------------------------------------------


def followed(graph: Graph, node: Node, sources: Sequence[Field], rank: int) -> Field:
    """The field behind a node whose axes may be anything."""
    shapes = graph.input_shapes(node)[: len(sources)]
    given = [known(source, shape, rank) for source, shape in zip(sources, shapes, strict=True)]
    op, output = node.op, node.shape
    made = positions.moved(op, given[0], shapes[0], output)
    if made is not None:
        return settled(together(sources), made.layout, made.seen, made.shifts)
    summed = axes_summed(op, shapes)
    if summed is not None:
        wide = list(sources)
        for place, axes in summed:
            seen = positions.carried([given[place][axis] for axis in axes])
            wide[place] = settled(sources[place], given[place], seen)
        return settled(together(wide), kept(op, given, shapes, output))
    reach = op.receptive(*shapes)
    if reach is None:
        pairs = zip(sources, given, strict=True)
        wide = [settled(source, layout, positions.carried(layout[1:])) for source, layout in pairs]
        return settled(together(wide), positions.plain(output))
    if reach == POINTWISE:
        return settled(together(sources), broadcast(given, shapes, output))
    return slid(together(sources), given[0], reach, output)


def known(source: Field, shape: Shape, rank: int) -> Positions:
    """The layout of a node's output."""
    if source.layout is not None:
        return source.layout
    return positions.of_map(shape, source.jump) if rank_of(shape) == rank else positions.plain(shape)


def settled(
    field: Field, layout: Positions, seen: Iterable[Factor] = (), shifts: Iterable[tuple[int, Number]] = ()
) -> Field:
    """A field with another layout; what is `seen` as a whole widens it, `shifts` move it."""
    size, jump, shift = list(field.size), list(field.jump), list(field.shift)
    for factor in seen:
        if factor.along is not None:
            size[factor.along] += (factor.length - 1) * factor.jump
    for axis, by in shifts:
        shift[axis] += by
    for factor in positions.carried(layout):
        if factor.along is not None and factor.length > 1:
            jump[factor.along] = factor.jump
    return Field(tuple(size), tuple(jump), tuple(shift), layout)


def slid(field: Field, layout: Positions, reach: Reach, output: Shape) -> Field:
    """Behind a window over the axes of space, that sums over the channels."""
    seen = positions.carried(layout[1:2])
    axes = list(positions.plain(output))
    size = list(field.size)
    for place, (kernel, stride) in enumerate(reach, len(layout) - len(reach)):
        (*outer, inner) = layout[place]
        if inner.along is not None:
            size[inner.along] += (kernel - 1) * inner.jump
            slid_on = Factor(output[place], inner.along, inner.jump * stride)
            axes[place] = (slid_on,) if not outer else layout[place]
    return settled(field._replace(size=tuple(size)), tuple(axes), seen)


def broadcast(given: Sequence[Positions], shapes: Sequence[Shape], output: Shape) -> Positions:
    """Of several tensors combined value by value, or put side by side, every axis that has positions."""
    axes = list(positions.plain(output))
    for layout, shape in zip(given, shapes, strict=True):
        first = len(output) - len(shape)
        for place, axis in enumerate(layout):
            if (
                place + first >= 0
                and shape[place] == output[place + first]
                and not positions.carried([axes[place + first]])
            ):
                axes[place + first] = axis
    return tuple(axes)


def axes_summed(op: Operator, shapes: Sequence[Shape]) -> list[tuple[int, tuple[int, ...]]] | None:
    """(input, its axes that every value of the output sees all of); None of an operator of windows."""
    x = shapes[0]
    last = len(x) - 1
    if isinstance(op, (activation.Softmax, nonlinear.LogSoftmax)):
        return [(0, (op.along(x),))]
    if isinstance(op, arithmetic.Reduce):
        return [(0, tuple(op.axes))]
    if isinstance(op, (linear.Linear, product.LinearGiven, norm.LayerNorm, norm.RmsNorm)):
        place = channel_place(x)
        over = last if place is None or isinstance(op, (linear.Linear, product.LinearGiven)) else place
        return [(0, (last if op.given("channels_last") else over,))]
    if isinstance(op, product.MatMul):
        return [(0, (last,)), (1, (len(shapes[1]) - 2,))]
    if isinstance(op, product.Einsum):
        *factors, made = op.equation.split("_")
        summed = [[place for place, letter in enumerate(own) if letter not in made] for own in factors]
        return [(number, tuple(places)) for number, places in enumerate(summed)]
    if isinstance(op, product.Attention):
        return [(0, (last,)), (1, (last - 1, last)), (2, (last - 1,))]
    return None


def kept(op: Operator, given: Sequence[Positions], shapes: Sequence[Shape], output: Shape) -> Positions:
    """The axes that stay behind a sum over others."""
    axes = list(positions.plain(output))
    if isinstance(op, arithmetic.Reduce):
        left = [axis for place, axis in enumerate(given[0]) if place not in op.axes]
        if not op.keep:
            return tuple(left)
        places = [place for place in range(len(output)) if place not in op.axes]
        for place, axis in zip(places, left, strict=True):
            axes[place] = axis
        return tuple(axes)
    if isinstance(op, (activation.Softmax, nonlinear.LogSoftmax, norm.LayerNorm, norm.RmsNorm)):
        return given[0]
    if isinstance(op, product.Einsum):
        *factors, made = op.equation.split("_")
        for own, layout in zip(reversed(factors), reversed(given), strict=True):
            for letter, axis in zip(own, layout, strict=True):
                if letter in made and (positions.carried([axis]) or own is factors[0]):
                    axes[made.index(letter)] = axis
        return tuple(axes)
    first = len(output) - len(shapes[0])
    for place, axis in enumerate(given[0][:-1]):
        if place + first >= 0 and shapes[0][place] == output[place + first]:
            axes[place + first] = axis
    if isinstance(op, product.MatMul):
        axes[-1] = given[1][-1]
    return tuple(axes)
