"""The largest batches that fit into so many bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cnncost.execution.memory import largest_batch, peak_bytes, weight_bytes
from cnncost.execution.plan import plan
from cnncost.execution.training import refused, training_memory
from cnncost.graph import Graph


class Fits(NamedTuple):
    """The largest batches in a number of bytes; 0 where not even one image fits."""

    bytes: int
    inference: int
    training: int
    optimizer: str
    inference_missing: int = 0  #: bytes beyond the limit that one image needs; 0: it fits
    training_missing: int = 0


def fits(
    graph: Graph,
    limit: int,
    *,
    dtype: str = "float32",
    optimizer: str = "sgd",
    together: bool = False,
    fused: bool = False,
    round_to: int = 1,
    device: str = "cuda",
    loss: str = "none",
    autocast: str | None = None,
) -> Fits:
    """The largest batches whose forward pass, and whose training step, need at most `limit` bytes in all.

    Weights are included. The rest is as of `training_memory`. Raises UsageError for an unknown word.
    """
    inference = graph.without_heads()

    def inferring(batch: int) -> int:
        running = plan(inference, batch=batch, dtype=dtype)
        return weight_bytes(running, round_to) + peak_bytes(running, round_to)

    def training(batch: int) -> int:
        if refused(graph, batch):  # then a larger one runs
            return 0
        return training_memory(
            graph,
            batch=batch,
            dtype=dtype,
            optimizer=optimizer,
            together=together,
            fused=fused,
            round_to=round_to,
            device=device,
            loss=loss,
            autocast=autocast,
        ).peak

    most = largest_batch(training, limit)
    trained = 0 if most and refused(graph, most) else most
    inferred = largest_batch(inferring, limit)
    return Fits(
        limit,
        inferred,
        trained,
        optimizer,
        0 if inferred else inferring(1) - limit,
        0 if trained else least(training) - limit,
    )


def least(need: Callable[[int], int]) -> int:
    """What the smallest batch needs that can be run: batch norms refuse to train on one value."""
    return need(1) or need(2)
