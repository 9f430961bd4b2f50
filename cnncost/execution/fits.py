"""The largest batches that fit into so many bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cnncost.border import MOST
from cnncost.errors import UsageError
from cnncost.execution.memory import largest_batch, peak_bytes, weight_bytes
from cnncost.execution.plan import plan
from cnncost.execution.training import StepSettings, refused, training_memory
from cnncost.graph import Graph


class Fits(NamedTuple):
    """The largest batches in a number of bytes; 0 where not even one image fits."""

    bytes: int
    inference: int
    training: int
    optimizer: str
    inference_missing: int = 0  #: bytes beyond the limit that one image needs; 0: it fits
    training_missing: int = 0


def fits(graph: Graph, limit: int, settings: StepSettings = StepSettings()) -> Fits:
    """The largest batches whose forward pass, and whose training step, need at most `limit` bytes in all.

    Weights are included. Raises UsageError for an unknown word in the settings of the step, for a network
    that is right for one batch alone, and for more bytes than 64 bits count.
    """
    if limit > MOST:
        raise UsageError(f"--fits is at most {MOST:,} bytes")
    if graph.batch is not None:
        has = "has no batch" if graph.batch_axis is None else f"is right for batch {graph.batch} alone"
        raise UsageError(
            f"{graph.name} {has}: nobody knows the largest that fits\n"
            "  leave --fits out, and compare its peak"
        )
    inference = graph.without_heads()

    def inferring(batch: int) -> int:
        running = plan(inference, batch=batch, dtype=settings.dtype)
        return weight_bytes(running, settings.round_to) + peak_bytes(running, settings.round_to)

    def training(batch: int) -> int:
        if refused(graph, batch):  # then a larger one runs
            return 0
        return training_memory(graph, batch=batch, **settings._asdict()).peak

    most = largest_batch(training, limit)
    trained = 0 if most and refused(graph, most) else most
    inferred = largest_batch(inferring, limit)
    return Fits(
        limit,
        inferred,
        trained,
        settings.optimizer,
        0 if inferred else inferring(1) - limit,
        0 if trained else least(training) - limit,
    )


def least(need: Callable[[int], int]) -> int:
    """What the smallest batch needs that can be run: batch norms refuse to train on one value."""
    return need(1) or need(2)
