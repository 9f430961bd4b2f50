"""What every node costs: its quantities, and what a convention makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from cnncost.analysis import bops
from cnncost.analysis.bops import Operands
from cnncost.analysis.conventions import Convention, Counting
from cnncost.graph import ElementSizes, Graph
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
    activation_bytes: int  #: of that tensor
    weight_bytes: int  #: of parameters and buffers
    counted_params: int  #: what the convention makes of it
    counted_ops: int
    counted_bytes: int
    backward_macs: int = 0  #: in mode train
    bops: int = 0  #: MACs times the bits of what they multiply

    @property
    def counted(self) -> Counted:
        """The convention's part, as reports carry it."""
        return Counted(self.counted_params, self.counted_ops, self.counted_bytes)


def summed(costs: Sequence[Cost]) -> Cost:
    """Costs, quantity by quantity."""
    return costs[0] if len(costs) == 1 else Cost(*map(sum, zip(*costs, strict=True)))


def node_costs(graph: Graph, shapes: list[Shape], sizes: ElementSizes, rules: Convention) -> list[Cost]:
    """The cost of every node but the input; equal operators on equal shapes are counted once."""
    known: dict[tuple[Any, ...], Cost] = {}
    owners = graph.storages
    alike = not any(node.bits or node.types for node in graph.nodes)
    usual = Operands(8 * sizes.usual, 8 * sizes.usual)
    costs = []
    for node in graph.nodes[1:]:
        inputs = tuple([shapes[index] for index in node.inputs])
        new = owners[node.index] == node.index
        bits = usual if alike else bops.operands(graph, node, sizes)
        key: tuple[Any, ...] = (id(node.op), new, node.written, *map(id, inputs))
        if not alike:
            key = (*key, node.types, node.bits, node.scale_bytes, bits)
        cost = known.get(key)
        if cost is None:
            op, output = node.op, shapes[node.index]
            size = elements(output) if new else 0
            made = sizes.output(node, elements(output))
            held = made if new else 0
            weights, macs = op.weights(*inputs), op.macs(output, *inputs)
            params, buffers = sum([weight.count for weight in weights]), op.buffers(*inputs)
            cost = known[key] = Cost(
                params,
                sum([weight.count for weight in weights if not weight.frozen]),
                buffers,
                macs,
                flops(macs, op.arithmetic(output, *inputs)),
                size,
                held,
                sizes.stored(node, weights, buffers),
                *(
                    (params, macs, held)
                    if rules.plain
                    else rules.count(Counting(op, output, inputs, node.written, bits), held, made)
                ),
                bops=bops.plain(macs, 1, bits),
            )
        costs.append(cost)
    return costs
