"""analyze: the quantities of every node and of the whole, as a report (design: "Quantities")."""

from __future__ import annotations

from typing import Any, NamedTuple

from cnncost.analysis import memory
from cnncost.analysis.conventions import Convention, convention as named_convention
from cnncost.analysis.grouping import DEPTHS, groups
from cnncost.analysis.receptive import Number, receptive_fields
from cnncost.errors import OperatorError, UsageError, did_you_mean
from cnncost.graph import Graph, Node
from cnncost.ops.sizes import Shape, elements
from cnncost.report import Counted, Report, Row, Totals

DTYPES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
"""Bytes of one element."""
MODES = ("eval", "train")


class Cost(NamedTuple):
    """The quantities of one node."""

    params: int
    buffers: int
    macs: int
    flops: int
    elements: int  #: of the output tensor; 0 for views and in-place operators
    counted: Counted


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
    heads left out) or train. Raises UsageError for an unknown word or a batch below 1.
    """
    element_bytes = _one_of("dtype", dtype, DTYPES)
    _one_of("mode", mode, {name: name for name in MODES})
    if batch < 1:
        raise UsageError(f"a batch is at least 1, not {batch}")
    rules = named_convention(convention) if isinstance(convention, str) else convention
    if mode == "eval":
        graph = graph.without_heads()
    shapes = at_batch(graph, batch)
    costs = node_costs(graph, shapes, element_bytes, rules)
    rows = _rows(graph, shapes, costs, element_bytes, by)
    held = Counted(0, 0, rules.input_bytes(shapes[0], element_bytes))
    total_elements = sum([cost.elements for cost in costs])
    params, buffers = sum([cost.params for cost in costs]), sum([cost.buffers for cost in costs])
    totals = Totals(
        params=params,
        buffers=buffers,
        weight_bytes=(params + buffers) * element_bytes,
        macs=sum([cost.macs for cost in costs]),
        flops=sum([cost.flops for cost in costs]),
        activation_elements=total_elements,
        activation_bytes=total_elements * element_bytes,
        peak_bytes=memory.peak_bytes(graph, shapes, element_bytes),
        counted=_sum_counted([held, *[cost.counted for cost in costs]]),
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
        rows=rows,
        facts=graph.facts,
    )


def at_batch(graph: Graph, batch: int) -> list[Shape]:
    """Every node's output shape for a batch."""
    if batch == 1:
        return [node.shape for node in graph.nodes]
    try:
        return graph.reshaped((batch, *graph.input_shape))
    except OperatorError as error:
        raise UsageError(f"{graph.name} at batch {batch}: {error.message}") from None


def node_costs(graph: Graph, shapes: list[Shape], element_bytes: int, rules: Convention) -> list[Cost]:
    """The cost of every node but the input; equal operators on equal shapes are counted once."""
    known: dict[Any, Cost] = {}
    owners = graph.storages
    costs = []
    for node in graph.nodes[1:]:
        inputs = tuple([shapes[index] for index in node.inputs])
        new = owners[node.index] == node.index
        key = (id(node.op), inputs, new)
        cost = known.get(key)
        if cost is None:
            op, output = node.op, shapes[node.index]
            size = elements(output) if new else 0
            macs = op.macs(output, *inputs)
            cost = known[key] = Cost(
                op.params(*inputs),
                op.buffers(*inputs),
                macs,
                2 * macs + sum(op.arithmetic(output, *inputs).values()),
                size,
                rules.count(op, output, inputs, size * element_bytes, element_bytes),
            )
        costs.append(cost)
    return costs


def _rows(graph: Graph, shapes: list[Shape], costs: list[Cost], element_bytes: int, by: str) -> tuple[Row, ...]:
    grouped = groups(graph, by)
    row_of: dict[int, str] = {0: "input"}
    names = [_name(members, by) for members in grouped]
    for members, name in zip(grouped, names, strict=True):
        for node in members:
            row_of[node.index] = name
    fields = receptive_fields(graph)
    rows = []
    for members, name in zip(grouped, names, strict=True):
        first, last = members[0], members[-1]
        alone = name == first.name
        sources = first.inputs if alone else _sources(members)
        inside = [costs[node.index - 1] for node in members]
        field = fields[last.index]
        size = sum([cost.elements for cost in inside])
        op = first.op
        rows.append(
            Row(
                name=name,
                op=op.name if alone else by,
                inputs=tuple([row_of[index] for index in sources]),
                input_shapes=tuple([shapes[index][1:] for index in sources]),
                output_shape=shapes[last.index][1:],
                params=sum([cost.params for cost in inside]),
                buffers=sum([cost.buffers for cost in inside]),
                macs=sum([cost.macs for cost in inside]),
                flops=sum([cost.flops for cost in inside]),
                activation_elements=size,
                activation_bytes=size * element_bytes,
                receptive_field=(_pixels(field.size[0]), _pixels(field.size[1])),
                jump=(_jump(field.jump[0]), _jump(field.jump[1])),
                kernel=getattr(op, "kernel", None) if alone else None,
                stride=getattr(op, "stride", None) if alone else None,
                padding=getattr(op, "pad", None) if alone else None,
                counted=inside[0].counted if len(inside) == 1 else _sum_counted([cost.counted for cost in inside]),
            )
        )
    return tuple(rows)


def _name(members: list[Node], by: str) -> str:
    """A row's name: its layer's, or the part of the path that its nodes share."""
    path = members[0].path
    if by in ("op", "layer") or len(path) == 1:
        return members[0].name
    return ".".join(path[: min(DEPTHS[by], len(path) - 1)])


def _sources(members: list[Node]) -> tuple[int, ...]:
    """The nodes outside a row that it reads, each once."""
    inside = {node.index for node in members}
    return tuple(dict.fromkeys(index for node in members for index in node.reads if index not in inside))


def _sum_counted(parts: list[Counted]) -> Counted:
    return Counted(
        sum([part.params for part in parts]),
        sum([part.ops for part in parts]),
        sum([part.memory_bytes for part in parts]),
    )


def _pixels(size: Number) -> int:
    return -int(-size // 1)


def _jump(jump: Number) -> float:
    return jump.numerator if jump.denominator == 1 else float(jump)


def _one_of(what: str, given: str, known: dict[str, Any]) -> Any:
    if given not in known:
        cure = did_you_mean(given, known)
        raise UsageError(f"unknown {what} {given!r}" + (f": {cure}" if cure else "") + f"\n  known: {', '.join(known)}")
    return known[given]
