"""Totals over many batches and resolutions in one pass: the formulas read NumPy arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost.errors import OperatorError, UsageError, known_word
from cnncost.graph import Graph, Node
from cnncost.ops.base import flops
from cnncost.ops.sizes import AXES, axes_of, elements

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


LIMIT = 2.0**62
"""No total, and no size, may reach it: twice as much still fits into 64 bits."""


BLOCK = 2**15
"""Points that are counted at once: their arrays stay in a processor's cache."""


class Sweep(NamedTuple):
    """Totals at every point; arrays of the points' common shape, whole numbers in float64's exact range
    are int64."""

    macs: NDArray[Any]
    flops: NDArray[Any]
    activation_elements: NDArray[Any]


def sweep(graph: Graph, *, batch: ArrayLike = 1, **sizes: ArrayLike) -> Sweep:
    """Totals of a graph (without training heads) for arrays of batch and sizes that broadcast.

    `sizes` are of the axes of the input's space: height, width, depth, length; `width` defaults to
    `height`, others to the input's own. Arguments of operators stay as the spec gave them for its own
    input, so a net whose spec computes an argument from the size must be loaded anew instead. Raises
    UsageError for an axis that the input does not have, where a point is no whole number or does not fit
    the net, and where a total would not fit into 64 bits.
    """
    graph = graph.without_heads()
    n, *space = _points(batch=batch, **_axes(graph, sizes))
    own = [
        size
        for letter, size in zip(axes_of(graph.nodes[0].shape)[1:], graph.input_shape, strict=False)
        if letter != "C"
    ]
    if graph.unknown and any((size != usual).any() for size, usual in zip(space, own, strict=True)):
        raise UsageError(
            f"{graph.name} cannot be swept over these sizes: the output of an unknown operator is known"
            " only at its own"
        )
    try:
        # 64 bits wrap around without a word, so what is too large for them is seen in floating point first:
        # at the largest batch, since no total falls where the batch grows.
        rough = _totals(graph, n.max(keepdims=True).astype(float), [size.astype(float) for size in space])
        if max(float(total.max()) for total in rough) >= LIMIT:
            raise UsageError("the totals of this sweep do not fit into 64 bits")
        return _in_blocks(graph, n, space)
    except OperatorError as error:
        raise UsageError(f"{graph.name} cannot be swept over these sizes: {error.message}") from None


def _in_blocks(graph: Graph, n: NDArray[Any], space: Sequence[NDArray[Any]]) -> Sweep:
    """The totals at all points, some rows of them after the other."""
    import numpy as np

    whole = np.broadcast_shapes(n.shape, *(size.shape for size in space))
    if not whole:
        return Sweep(*map(np.asarray, _totals(graph, n, space)))
    found = Sweep(*[np.empty(whole, dtype=np.int64) for _ in Sweep._fields])
    rows = max(1, BLOCK // prod(whole[1:]))
    for start in range(0, whole[0], rows):
        some = slice(start, start + rows)
        batch, *sizes = [each if len(each) == 1 else each[some] for each in (n, *space)]
        for total, part in zip(found, _totals(graph, batch, sizes), strict=True):
            total[some] = part
    return found


def _axes(graph: Graph, sizes: Mapping[str, ArrayLike]) -> dict[str, ArrayLike]:
    """Sizes of every axis of the input's space. Raises UsageError for another axis."""
    image = graph.nodes[0].shape
    own = {AXES[letter]: size for letter, size in zip(axes_of(image), image, strict=False) if letter in AXES}
    space: dict[str, Any] = {name: size for name, size in own.items() if name not in ("batch", "channels")}
    for name in sizes:
        known_word(f"{graph.name}: its input has no axis", name, space, "axes")
    if "height" in sizes and "width" in space:
        space["width"] = sizes["height"]
    return {**space, **sizes}


def _points(**given: ArrayLike) -> tuple[NDArray[Any], ...]:
    """Arrays of int64 that broadcast, as they are: a batch per row and a size per column stay few numbers.

    Raises UsageError for what is no whole number, or not positive.
    """
    import numpy as np

    arrays = [np.asarray(value) for value in given.values()]
    for name, array in zip(given, arrays, strict=True):
        if array.dtype.kind not in "iu" or array.size == 0:
            kind = "nothing" if array.size == 0 else "larger ones" if array.dtype.kind == "O" else array.dtype
            raise UsageError(f"{name} of a sweep must be whole numbers of 64 bits, not {kind}")
        if array.min() < 1:
            raise UsageError(f"{name} of a sweep must be positive")
        if array.max() >= LIMIT:
            raise UsageError("the totals of this sweep do not fit into 64 bits")
    try:
        whole = len(np.broadcast_shapes(*(array.shape for array in arrays)))
        return tuple([np.array(array, dtype=np.int64, ndmin=whole) for array in arrays])
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(given, arrays, strict=True))
        raise UsageError(f"the points of a sweep do not broadcast: {shapes}") from None


def _totals(graph: Graph, n: NDArray[Any], space: Sequence[NDArray[Any]]) -> Sweep:
    """The sums over all nodes, in the arrays' own kind of number; equal operators on equal shapes once."""
    image, sizes = graph.nodes[0].shape, iter(space)
    letters = axes_of(image)
    sized = [
        n if letter == "N" else size if letter == "C" else next(sizes)
        for letter, size in zip(letters, image, strict=True)
    ]
    shapes = graph.reshaped(sized)
    owners = graph.storages
    alike: Counter[tuple[int, ...]] = Counter()
    one: dict[tuple[int, ...], Node] = {}
    for node in graph.nodes[1:]:
        key = (id(node.op), id(shapes[node.index]), *(id(shapes[index]) for index in node.inputs))
        key = (owners[node.index] == node.index, *key)
        alike[key] += 1
        one.setdefault(key, node)
    macs = all_flops = activations = 0 * n
    for key, count in alike.items():
        node, output = one[key], shapes[one[key].index]
        inputs = [shapes[index] for index in node.inputs]
        own = node.op.macs(output, *inputs)
        macs = macs + count * own
        all_flops = all_flops + count * flops(own, node.op.arithmetic(output, *inputs))
        if key[0]:
            activations = activations + count * elements(output)
    return Sweep(macs, all_flops, activations)
