"""A graph of a spec stands for any batch: what holds for one image alone is found while it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.graph import Graph
from cnncost.language.document import Document
from cnncost.ops.sizes import Shape, resized

if TYPE_CHECKING:
    from cnncost.language.family import Step


def hold_to_any_batch(graph: Graph, made_by: Sequence[Step], document: Document) -> None:
    """Raise SpecError at the step that forgets the batch, a view to sizes that are those of one image.

    `made_by` are the steps that made the nodes after the inputs.
    """
    try:
        graph.sample_shapes  # noqa: B018  (kept by the graph: whoever counts it asks for them)
        return
    except OperatorError:
        pass
    shapes: list[Shape] = []
    for node in graph.nodes:
        if not node.inputs:
            shapes.append(resized(node.shape, (2, *node.shape[1:])))
            continue
        try:
            shapes.append(node.op.output_shape(*[shapes[index] for index in node.inputs]))
        except OperatorError as error:
            step = made_by[node.index - len(graph.nodes)]
            message = f"at batch 2, {error.message}"
            raise document.error(message, step.key or step.node, cure=error.cure) from None
    raise document.error("it holds for some batches only", document.root)
