"""What the backward pass multiplies: a product for every gradient that is made.

How many multiply-accumulates that takes an operator says (`Operator.backward_macs`). What has no gradient
costs nothing: the input of the first layer, frozen weights, and all before them. What a module itself runs
as a checkpoint runs again, up to the last kernel of which something is saved.
"""

from __future__ import annotations

from cnncost.execution.plan import plan
from cnncost.execution.step import TrainingStep
from cnncost.graph import Graph


def backward_macs(graph: Graph, batch: int) -> list[int]:
    """Multiply-accumulates of the backward pass of every node, the input's left out, for a batch."""
    step = TrainingStep(plan(graph, batch=batch, training=True))
    found = [0] * len(graph.nodes)
    source = 0
    again = step.repeated
    for node in step.graph.nodes[1:]:
        while step.plan.places[source] < node.index:
            source += 1
        call = step.calls[node.index]
        if node.index in again:
            found[source] += node.op.macs(call.output, *call.inputs)
        if step.trains[node.index] and node.index not in step.given_up:
            trained = any(not frozen for _, frozen in step.weights[node.index])
            wanted = step.wanted(node)
            found[source] += node.op.backward_macs(call.output, *call.inputs, trained=trained, wanted=wanted)
    return found[1:]
