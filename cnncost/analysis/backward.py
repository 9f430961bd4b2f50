"""What the backward pass multiplies: a product for every gradient that is made.

The gradient of a layer's weights takes as many multiply-accumulates as its forward pass, that of its input
too (Goodfellow et al. 2016, 6.5); so does that of every factor of a product. What has no gradient costs
nothing: the input of the first layer, frozen weights, and all before them.
"""

from __future__ import annotations

from cnncost.execution.plan import plan
from cnncost.execution.step import TrainingStep
from cnncost.graph import Graph


def backward_macs(graph: Graph, batch: int) -> list[int]:
    """Multiply-accumulates of the backward pass of every node, the input's left out, for a batch.

    Of recurrent layers and others with weights inside, twice the forward's, whether or not the input of the
    first has a gradient: within them every step but the first has one.
    """
    step = TrainingStep(plan(graph, batch=batch, training=True))
    found = [0] * len(graph.nodes)
    source = 0
    for node in step.graph.nodes[1:]:
        while step.plan.places[source] < node.index:
            source += 1
        call = step.calls[node.index]
        macs = node.op.macs(call.output, *call.inputs)
        if macs and step.trains[node.index] and node.index not in step.given_up:
            trained = any(not frozen for _, frozen in step.weights[node.index])
            wanted = len(step.wanted(node))
            if node.op.weights(*call.inputs):
                wanted = 1 if node.op.kin == "recurrent" else min(wanted, 1)
            found[source] += macs * (trained + wanted)
    return found[1:]
