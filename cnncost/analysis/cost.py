"""analyze: the quantities of every node and of the whole, as a report (design: "Quantities")."""

from __future__ import annotations

from cnncost.analysis import memory
from cnncost.analysis.conventions import Convention
from cnncost.analysis.conventions import convention as named_convention
from cnncost.analysis.quantities import node_costs, summed
from cnncost.analysis.rows import rows
from cnncost.border import whole_number
from cnncost.errors import OperatorError, UsageError, known_word
from cnncost.graph import Graph
from cnncost.ops.sizes import Shape
from cnncost.report import Report, Totals

DTYPES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
"""Bytes of one element."""
MOST_IMAGES = 10**30
"""The largest batch: totals stay numbers that floating point holds."""
MODES = ("eval", "train")


def analyze(
    graph: Graph,
    *,
    batch: int = 1,
    dtype: str = "float32",
    mode: str = "eval",
    by: str = "layer",
    convention: str | Convention = "cnncost",
) -> Report:
    """The report of a graph: rows at a level (op, layer, block, stage) and totals.

    Counts are of the whole batch, `dtype` sets the bytes of an element, `mode` is eval (training
    heads left out) or train. Raises UsageError for an unknown word or a batch that is no whole number from 1.
    """
    batch, size = whole_number("a batch", batch), element_bytes(dtype)
    known_word("unknown mode", mode, MODES)
    rules = named_convention(convention) if isinstance(convention, str) else convention
    if mode == "eval":
        graph = graph.without_heads()
    shapes = at_batch(graph, batch)
    costs = node_costs(graph, shapes, size, rules)
    whole = summed(costs)
    input_bytes = rules.input_bytes(shapes[0], size)
    totals = Totals(
        params=whole.params,
        buffers=whole.buffers,
        weight_bytes=(whole.params + whole.buffers) * size,
        macs=whole.macs,
        flops=whole.flops,
        activation_elements=whole.elements,
        activation_bytes=whole.elements * size,
        peak_bytes=memory.peak_bytes(graph, shapes, size),
        counted=whole.counted._replace(memory_bytes=whole.counted_bytes + input_bytes),
    )
    return Report(
        name=graph.name,
        source=graph.source,
        input_shape=graph.input_shape,
        batch=batch,
        dtype=dtype,
        convention=rules.name,
        mode=mode,
        totals=totals,
        rows=rows(graph, shapes, costs, size, by),
        facts=graph.facts,
        unknown=graph.unknown,
    )


def at_batch(graph: Graph, batch: int) -> list[Shape]:
    """Every node's output shape for a batch. Raises UsageError for one that cannot be."""
    batch = whole_number("a batch", batch, most=MOST_IMAGES)
    if batch == 1:
        return [node.shape for node in graph.nodes]
    try:
        return graph.reshaped((batch, *graph.input_shape))
    except OperatorError as error:
        raise UsageError(f"{graph.name} at batch {batch}: {error.message}") from None


def element_bytes(dtype: str) -> int:
    """Bytes of one element. Raises UsageError for an unknown dtype."""
    return DTYPES[known_word("unknown dtype", dtype, DTYPES)]
