"""Costs of nodes -> the rows of a report, at a level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost.analysis.conventions import Convention
from cnncost.analysis.grouping import groups
from cnncost.analysis.positions import Number, simplest
from cnncost.analysis.quantities import Cost, summed
from cnncost.analysis.receptive import Field, receptive_fields
from cnncost.execution.plan import Plan
from cnncost.graph import Node
from cnncost.ops.base import Operator
from cnncost.ops.reshape import ZeroPad
from cnncost.ops.sizes import Shape
from cnncost.report import Row


def rows(
    running: Plan,
    costs: Sequence[Cost],
    by: str,
    rules: Convention,
) -> tuple[Row, ...]:
    """The rows of a graph that runs by a plan; `costs[i]` is that of node i + 1."""
    graph = running.source
    grouped = groups(graph, by)
    row_of = {node.index: node.name for node in graph.inputs}
    for group in grouped:
        for node in group.nodes:
            row_of[node.index] = group.name
    fields, columns = receptive_fields(graph), FieldColumns()
    known: dict[tuple[Any, ...], tuple[Row, tuple[int, ...]]] = {}
    found = []
    for group in grouped:
        nodes = group.nodes
        key = _pattern(nodes, costs)
        if key not in known:
            known[key] = _alike(nodes, running, costs, by, rules)
        row, sources = known[key]
        base = nodes[0].index
        field, jump = columns(fields[nodes[-1].index])
        found.append(
            row._replace(
                name=group.name,
                inputs=tuple([row_of[base + offset] for offset in sources]),
                receptive_field=field,
                jump=jump,
                traffic_bytes=running.traffic(nodes, row.weight_bytes),
            )
        )
    return tuple(found)


def _pattern(nodes: Sequence[Node], costs: Sequence[Cost]) -> tuple[Any, ...]:
    """What tells a row from others: its operators on their shapes (each has a cost), and what reads what."""
    if len(nodes) == 1:
        (node,) = nodes
        index = node.index
        return id(costs[index - 1]), *[source - index for source in node.inputs]
    base = nodes[0].index
    return tuple(
        [(id(costs[node.index - 1]), node.index - base, *[at - base for at in node.inputs]) for node in nodes]
    )


def _alike(
    nodes: Sequence[Node], running: Plan, costs: Sequence[Cost], by: str, rules: Convention
) -> tuple[Row, tuple[int, ...]]:
    """What rows of the same operators on the same shapes have in common, as the first of them.

    Beside it the nodes that such a row reads, counted from its first.
    """
    graph, first = running.source, nodes[0]
    shapes = graph.sample_shapes
    # A block that is one layer is shown as that layer: its kernel, its stride.
    alone = by in ("op", "layer") or all(node.op.shares_row for node in nodes[1:])
    sources = first.inputs if alone else _sources(nodes)
    cost = summed([costs[node.index - 1] for node in nodes])
    kernel, stride, padding = _window(first.op, graph.input_shapes(first)) if alone else NONE
    row = Row(
        name=first.name,
        op=(first.op.title or first.op.name) if alone else by,
        inputs=(),
        input_shapes=tuple([shapes[index] for index in sources]),
        output_shape=shapes[nodes[-1].index],
        params=cost.params,
        buffers=cost.buffers,
        macs=cost.macs,
        backward_macs=cost.backward_macs,
        flops=cost.flops,
        activation_elements=cost.elements,
        activation_bytes=cost.activation_bytes,
        receptive_field=(),
        jump=(),
        kernel=kernel,
        stride=stride,
        padding=padding,
        counted=cost.counted,
        trainable=cost.trainable,
        weight_bytes=cost.weight_bytes,
        traffic_bytes=0,
        bops=cost.bops,
        weight_bits=_weight_bits(nodes, running),
        activation_bits=running.element_sizes.bits(nodes[-1]),
        unknown=sum([node.op.kin == "unknown" for node in nodes]),
        untested=rules.untested_of(nodes) if rules.program else (),
    )
    return row, tuple([index - first.index for index in sources])


def _weight_bits(nodes: Sequence[Node], running: Plan) -> tuple[int, ...]:
    """The bits of a row's weights, in rising order; scales, shifts and biases are none."""
    graph, sizes = running.source, running.element_sizes
    found = [
        sizes.weight_bits(node)
        for node in nodes
        if any(weight.role == "weight" for weight in node.op.weights(*graph.input_shapes(node)))
    ]
    return tuple(sorted(set(found)))


class FieldColumns:
    """Receptive field and jump as rows have them; nodes that see the same share a `Field`."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[tuple[int, ...], tuple[float, ...]]] = {}

    def __call__(self, field: Field) -> tuple[tuple[int, ...], tuple[float, ...]]:
        found = self.known.get(id(field))
        if found is None:
            size, jump = tuple(map(_pixels, field.size)), tuple(map(_plain, field.jump))
            found = self.known[id(field)] = size, jump
        return found


WindowColumns = tuple[tuple[int, ...] | None, tuple[int, ...] | None, tuple[int, ...] | str | None]
"""Kernel, stride and padding of a row, each as an operator that has such an argument says it."""
NONE: WindowColumns = (None, None, None)


def _window(op: Operator, inputs: Sequence[Shape]) -> WindowColumns:
    slides, known = op.windows(*inputs), op.arguments
    kernel: tuple[int, ...] | None = None
    stride: tuple[int, ...] | None = None
    padding: tuple[int, ...] | str | None = None
    if slides and "kernel" in known:
        kernel = tuple([slide.kernel for slide in slides])
    if slides and "stride" in known:
        stride = tuple([slide.stride for slide in slides])
    if op.given("pad") == "same":
        padding = "same"
    elif slides and "pad" in known:
        padding = tuple([side for slide in slides for side in (slide.before, slide.after)])
    elif isinstance(op, ZeroPad):
        padding = tuple([side for border in op.sides(inputs[0])[1:] for side in border])
    return kernel, stride, padding


def _sources(nodes: Sequence[Node]) -> tuple[int, ...]:
    """The nodes outside a row that it reads, each once."""
    inside = {node.index for node in nodes}
    return tuple(dict.fromkeys(index for node in nodes for index in node.reads if index not in inside))


def _pixels(size: Number) -> int:
    """A size in whole pixels; a fraction of one is seen as a whole one."""
    return size if isinstance(size, int) else -int(-size // 1)


def _plain(jump: Number) -> float:
    whole = simplest(jump)
    return whole if isinstance(whole, int) else float(whole)
