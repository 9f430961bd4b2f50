"""Costs of nodes -> the rows of a report, at a level."""

from __future__ import annotations

from collections.abc import Sequence

from cnncost.analysis.conventions import Convention
from cnncost.analysis.grouping import Group, groups
from cnncost.analysis.positions import Number
from cnncost.analysis.quantities import Cost, summed
from cnncost.analysis.receptive import Field, receptive_fields
from cnncost.execution.plan import Plan
from cnncost.graph import Graph, Node
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
    fields = receptive_fields(graph)
    sums, windows = Sums(), KnownWindows()
    return tuple(
        [
            _row(
                group, running, costs, by, row_of, sums, windows, fields[group.nodes[-1].index], rules,
            )
            for group in grouped
        ]
    )  # fmt: skip


class Sums:
    """Sums of costs; nodes that cost the same share one `Cost`, so equal blocks are summed once."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, ...], Cost] = {}

    def __call__(self, costs: list[Cost]) -> Cost:
        key = tuple(map(id, costs))
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = summed(costs)
        return found


class KnownWindows:
    """Windows of nodes; equal operators on equal shapes have the same."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, ...], WindowColumns] = {}

    def __call__(self, graph: Graph, node: Node) -> WindowColumns:
        inputs = graph.input_shapes(node)
        key = (id(node.op), *map(id, inputs))
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = _window(node.op, inputs)
        return found


def _row(
    group: Group,
    running: Plan,
    costs: Sequence[Cost],
    by: str,
    row_of: dict[int, str],
    sums: Sums,
    windows: KnownWindows,
    field: Field,
    rules: Convention,
) -> Row:
    graph, first = running.source, group.nodes[0]
    shapes = graph.sample_shapes
    # A block that is one layer is shown as that layer: its kernel, its stride.
    alone = by in ("op", "layer") or all(node.op.shares_row for node in group.nodes[1:])
    sources = first.inputs if alone else _sources(group.nodes)
    cost = sums([costs[node.index - 1] for node in group.nodes])
    kernel, stride, padding = windows(graph, first) if alone else NONE
    return Row(
        name=group.name,
        op=(first.op.title or first.op.name) if alone else by,
        inputs=tuple([row_of[index] for index in sources]),
        input_shapes=tuple([shapes[index] for index in sources]),
        output_shape=shapes[group.nodes[-1].index],
        params=cost.params,
        buffers=cost.buffers,
        macs=cost.macs,
        backward_macs=cost.backward_macs,
        flops=cost.flops,
        activation_elements=cost.elements,
        activation_bytes=cost.activation_bytes,
        receptive_field=tuple(map(_pixels, field.size)),
        jump=tuple(map(_plain, field.jump)),
        kernel=kernel,
        stride=stride,
        padding=padding,
        counted=cost.counted,
        trainable=cost.trainable,
        traffic_bytes=running.traffic(group.nodes, cost.weight_bytes),
        unknown=sum([node.op.kin == "unknown" for node in group.nodes]),
        untested=rules.untested_of(group.nodes) if rules.program else (),
    )


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


def _sources(nodes: list[Node]) -> tuple[int, ...]:
    """The nodes outside a row that it reads, each once."""
    inside = {node.index for node in nodes}
    return tuple(dict.fromkeys(index for node in nodes for index in node.reads if index not in inside))


def _pixels(size: Number) -> int:
    """A size in whole pixels; a fraction of one is seen as a whole one."""
    return size if isinstance(size, int) else -int(-size // 1)


def _plain(jump: Number) -> float:
    return jump if isinstance(jump, int) else jump.numerator if jump.denominator == 1 else float(jump)
