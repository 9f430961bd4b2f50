"""What every node costs: its quantities, and what a convention makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from cnncost.analysis.conventions import Convention
from cnncost.graph import Graph
from cnncost.ops.base import flops
from cnncost.ops.sizes import Shape, elements
from cnncost.report import Counted


class Cost(NamedTuple):
    """The quantities of one node."""

    params: int
    trainable: int
    buffers: int
    macs: int
    flops: int
    elements: int  #: of the output tensor; 0 for views and in-place operators
    counted_params: int  #: what the convention makes of it
    counted_ops: int
    counted_bytes: int

    @property
    def counted(self) -> Counted:
        """The convention's part, as reports carry it."""
        return Counted(self.counted_params, self.counted_ops, self.counted_bytes)


def summed(costs: Sequence[Cost]) -> Cost:
    """Costs, quantity by quantity."""
    return costs[0] if len(costs) == 1 else Cost(*map(sum, zip(*costs, strict=True)))


def node_costs(graph: Graph, shapes: list[Shape], element_bytes: int, rules: Convention) -> list[Cost]:
    """The cost of every node but the input; equal operators on equal shapes are counted once."""
    known: dict[tuple[Any, ...], Cost] = {}
    owners = graph.storages
    costs = []
    for node in graph.nodes[1:]:
        inputs = tuple([shapes[index] for index in node.inputs])
        new = owners[node.index] == node.index
        key = (id(node.op), new, node.written, *map(id, inputs))
        cost = known.get(key)
        if cost is None:
            op, output = node.op, shapes[node.index]
            size = elements(output) if new else 0
            weights, macs = op.weights(*inputs), op.macs(output, *inputs)
            params = sum([weight.count for weight in weights])
            cost = known[key] = Cost(
                params,
                sum([weight.count for weight in weights if not weight.frozen]),
                op.buffers(*inputs),
                macs,
                flops(macs, op.arithmetic(output, *inputs)),
                size,
                *(
                    (params, macs, size * element_bytes)
                    if rules.plain
                    else rules.count(op, output, inputs, size * element_bytes, element_bytes, node.written)
                ),
            )
        costs.append(cost)
    return costs
