"""Totals over many batches and resolutions in one pass: the formulas read NumPy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost.errors import OperatorError, UsageError
from cnncost.graph import Graph
from cnncost.ops.sizes import elements

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


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
    point does not fit the net or a total would not fit into 64 bits.
    """
    import numpy as np

    graph = graph.without_heads()
    sizes = np.broadcast_arrays(
        *(np.asarray(a, dtype=np.int64) for a in (batch, height, height if width is None else width))
    )
    if min(int(size.min()) for size in sizes) < 1:
        raise UsageError("batch, height and width of a sweep must be positive")
    n, h, w = sizes
    if graph.unknown and ((h != graph.input_shape[1]).any() or (w != graph.input_shape[2]).any()):
        raise UsageError(
            f"{graph.name} cannot be swept over these sizes: the output of an unknown operator is known"
            " only at its own"
        )
    try:
        shapes = graph.reshaped((n, graph.input_shape[0], h, w))
    except OperatorError as error:
        raise UsageError(f"{graph.name} cannot be swept over these sizes: {error.message}") from None
    owners = graph.storages
    zero = np.zeros(n.shape, dtype=np.int64)
    macs, flops, activations = zero.copy(), zero.copy(), zero.copy()
    for node in graph.nodes[1:]:
        inputs = [shapes[index] for index in node.inputs]
        output = shapes[node.index]
        own = node.op.macs(output, *inputs)
        macs = macs + own
        flops = flops + 2 * own + sum(node.op.arithmetic(output, *inputs).values())
        if owners[node.index] == node.index:
            activations = activations + elements(output)
    if min(int(total.min()) for total in (macs, flops, activations)) < 0:
        raise UsageError("the totals of this sweep do not fit into 64 bits")
    return Sweep(macs, flops, activations)
