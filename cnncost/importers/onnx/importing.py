"""The inputs of an ONNX file are known: its graph, for every batch, for one, or as the file is written."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from cnncost.errors import CnncostError, UsageError
from cnncost.graph import Graph, at_batch
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.inputs import FileInputs, written
from cnncost.importers.onnx.table import TRANSLATIONS


def imported(model: Any, path: str, found: FileInputs, batch: int, allow_unknown: bool) -> Graph:
    """The graph of a file.

    Where the batch stands first it is right for every batch, elsewhere for this one. Where the file does not
    say which axis that is, the graph with its first axis as the batch has to be, at the size that the file
    fixes, what the file as it is written is; if it is not, the input is taken whole. Raises UsageError.
    """

    def made(given: FileInputs, at: int | None) -> Graph:
        return Conversion(model, path, given, at, TRANSLATIONS, allow_unknown).graph()

    axis = found.first.batch_axis
    if axis is None:
        whole = made(found, 1)
        return whole if found.certain else noted(whole, taken_whole(path, found))
    if any(item.batch_axis not in (0, None) for item in found.tensors):
        if found.batch not in (None, batch):
            raise UsageError(
                f"{path}: it is written for a batch of {found.batch}, which stands at axis {axis}"
                f"\n  count that: --batch {found.batch}"
            )
        return made(found, batch)
    if found.certain:
        return made(found, None)
    literal = found.as_written()
    try:
        every = made(found, None)
    except CnncostError:
        with contextlib.suppress(CnncostError):
            return noted(made(literal, 1), taken_whole(path, literal))
        raise
    try:
        whole = made(literal, 1)
    except CnncostError:  # of a run, say, that nothing but another batch leads through
        return noted(every, taken_batch(path, found))
    if alike(every, whole, found.batch or 1):
        return every if found.batch == 1 else noted(every, taken_batch(path, found))
    return noted(whole, taken_whole(path, literal))


def alike(every: Graph, whole: Graph, batch: int) -> bool:
    """Whether the graph of any batch is, at this one, the other: outputs, weights and MACs."""
    return costs(every, batch) == costs(whole, 1)


def costs(graph: Graph, batch: int) -> tuple[list[tuple[int, ...]], int, int, int]:
    """The shapes of the outputs, parameters, buffers and MACs, all with the batch."""
    shapes = at_batch(graph, batch)
    params = buffers = macs = 0
    for node in graph.nodes:
        inputs = [shapes[index] for index in node.inputs]
        params += node.op.params(*inputs)
        buffers += node.op.buffers(*inputs)
        macs += node.op.macs(shapes[node.index], *inputs)
    return [tuple(shapes[index]) for index in graph.outputs], params, buffers, macs


def noted(graph: Graph, note: str) -> Graph:
    """The graph with what was taken for granted."""
    return replace(graph, facts={**graph.facts, "taken": (note,)})


def taken_batch(path: str, found: FileInputs) -> str:
    """What is said where an axis is taken for the batch."""
    sizes = written(found.first.at(found.batch or 1))
    return (
        f"{path}: axis 0 of its input {found.first.name!r} ({sizes}) is taken for the batch, so that one of"
        f" {found.batch} is counted\n  the file does not say so; if it is none: --batch-axis none"
    )


def taken_whole(path: str, found: FileInputs) -> str:
    """What is said where an input is taken whole."""
    return (
        f"{path}: its input {found.first.name!r} ({found.first}) is taken whole, without a batch"
        "\n  the file does not say so; if an axis is the batch: --batch-axis 0"
    )
