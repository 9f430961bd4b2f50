"""Windows over one map without a batch, which PyTorch takes: its batch of one is written in."""

from __future__ import annotations

from typing import Any

from cnncost.importers.aten.program import Program, sizes_of
from cnncost.importers.aten.values import operator_name

PLACES = {
    f"{name}{axes}d": axes
    for name in (
        "conv", "conv_transpose", "max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool",
        "_adaptive_avg_pool",
    )
    for axes in (1, 2, 3)
}  # fmt: skip
"""Operators that take maps of so many axes of space, with or without a batch before the channels."""


def batched(program: Program) -> Program:
    """The program, its maps without a batch seen as batches of one where windows move over them."""
    import torch

    for graph in (program.graph, *program.inner.values()):
        for node in [item for item in graph.nodes if item.op == "call_function"]:
            axes = PLACES.get(operator_name(node))
            if axes is None or len(node.args[0].meta["val"].shape) != axes + 1:
                continue
            x: Any = node.args[0]
            if not isinstance(node.meta["val"], torch.Tensor):
                continue  # with the positions of a maximum
            readers = list(node.users)
            with graph.inserting_before(node):
                one = graph.call_function(torch.ops.aten.unsqueeze.default, (x, 0))
            node.args = (one, *node.args[1:])
            with graph.inserting_after(node):
                back = graph.call_function(torch.ops.aten.squeeze.dim, (node, 0))
            for reader in readers:
                reader.replace_input_with(node, back)
            one.meta = {**node.meta, "val": x.meta["val"].unsqueeze(0)}
            back.meta = dict(node.meta)
            node.meta = {**node.meta, "val": node.meta["val"].unsqueeze(0)}
            for item in (one, node):
                item.meta["sizes"] = sizes_of(item.meta["val"], program.prime)
    return program
