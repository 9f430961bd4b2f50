"""Which kernels' gradients are ever made: a value that is detached on every way to an output gets none.

Autograd saves for such a kernel as for any other, since it cannot know, and lets go of it when nothing refers
to its values any more (torch.Tensor.detach: the result has no graph). Its weights have no gradient, and so
no optimizer's state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnncost.execution.step import TrainingStep


def given_up(step: TrainingStep) -> dict[int, int]:
    """The kernels that train but reach no output, and the last kernel that refers to their graph."""
    nodes = step.graph.nodes
    reached = {index for index in step.graph.outputs if step.trains[index]}
    for node in reversed(nodes):
        if node.index in reached:
            reached.update([node.reads[place] for place in step.wanted(node)])
    last = list(range(len(nodes)))  # of every value's own reference, whose storage may live on in a view
    for node in nodes:
        for source in node.reads:
            last[source] = node.index
    found: dict[int, int] = {}
    for node in reversed(nodes):
        if step.trains[node.index] and node.index not in reached:
            found[node.index] = max(last[node.index], found.get(node.index, 0))
        for place in step.wanted(node) if node.index in found else ():
            source = node.reads[place]
            found[source] = max(found.get(source, 0), found[node.index])
    return {index: until for index, until in found.items() if index not in reached}
