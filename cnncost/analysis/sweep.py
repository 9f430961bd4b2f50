"""Totals over many batches and resolutions in one pass: the formulas read NumPy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost.errors import OperatorError, UsageError
from cnncost.graph import Graph
from cnncost.ops.sizes import elements

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


LIMIT = 2.0**62
"""No total, and no size, may reach it: twice as much still fits into 64 bits."""


class Sweep(NamedTuple):
    """Totals at every point; arrays of the points' common shape, whole numbers in float64's exact range
    are int64."""

    macs: NDArray[Any]
    flops: NDArray[Any]
    activation_elements: NDArray[Any]


def sweep(graph: Graph, *, batch: ArrayLike = 1, height: ArrayLike, width: ArrayLike | None = None) -> Sweep:
    """Totals of a graph (without training heads) for arrays of batch, height and width that broadcast.

    `width` defaults to `height`. Arguments of operators stay as the spec gave them for its own input, so a
    net whose spec computes an argument from the size must be loaded anew instead. Raises UsageError where a
    point is no whole number or does not fit the net, or a total would not fit into 64 bits.
    """
    graph = graph.without_heads()
    n, h, w = _points(batch=batch, height=height, width=height if width is None else width)
    if graph.unknown and ((h != graph.input_shape[1]).any() or (w != graph.input_shape[2]).any()):
        raise UsageError(
            f"{graph.name} cannot be swept over these sizes: the output of an unknown operator is known"
            " only at its own"
        )
    try:
        # 64 bits wrap around without a word, so what is too large for them is seen in floating point first.
        rough = _totals(graph, *(size.astype(float) for size in (n, h, w)))
        if max(float(total.max()) for total in rough) >= LIMIT:
            raise UsageError("the totals of this sweep do not fit into 64 bits")
        return _totals(graph, n, h, w)
    except OperatorError as error:
        raise UsageError(f"{graph.name} cannot be swept over these sizes: {error.message}") from None


def _points(**given: ArrayLike) -> tuple[NDArray[Any], ...]:
    """Arrays of int64 of one shape. Raises UsageError for what is no whole number, or not positive."""
    import numpy as np

    arrays = [np.asarray(value) for value in given.values()]
    for name, array in zip(given, arrays, strict=True):
        if array.dtype.kind not in "iu" or array.size == 0:
            kind = "nothing" if array.size == 0 else "larger ones" if array.dtype.kind == "O" else array.dtype
            raise UsageError(f"{name} of a sweep must be whole numbers of 64 bits, not {kind}")
        if array.min() < 1:
            raise UsageError("batch, height and width of a sweep must be positive")
        if array.max() >= LIMIT:
            raise UsageError("the totals of this sweep do not fit into 64 bits")
    try:
        return np.broadcast_arrays(*(array.astype(np.int64) for array in arrays))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(given, arrays, strict=True))
        raise UsageError(f"the points of a sweep do not broadcast: {shapes}") from None


def _totals(graph: Graph, n: NDArray[Any], h: NDArray[Any], w: NDArray[Any]) -> Sweep:
    """The sums over all nodes, in the arrays' own kind of number."""
    shapes = graph.reshaped((n, graph.input_shape[0], h, w))
    owners = graph.storages
    macs = flops = activations = 0 * n
    for node in graph.nodes[1:]:
        inputs = [shapes[index] for index in node.inputs]
        output = shapes[node.index]
        own = node.op.macs(output, *inputs)
        macs = macs + own
        flops = flops + 2 * own + sum(node.op.arithmetic(output, *inputs).values())
        if owners[node.index] == node.index:
            activations = activations + elements(output)
    return Sweep(macs, flops, activations)
