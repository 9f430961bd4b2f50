"""Whether what is predicted fits into the device's memory at all: a time of what does not is of no use."""

from __future__ import annotations

from cnncost import units
from cnncost.devices import Device
from cnncost.execution.memory import peak_bytes, weight_bytes
from cnncost.execution.plan import plan
from cnncost.execution.training import training_memory
from cnncost.graph import Graph
from cnncost.predict.training import OPTIMIZER


def least_bytes(graph: Graph, *, batch: int, dtype: str, mode: str) -> int:
    """Bytes that a forward pass or a training step needs at the least: tensors of `dtype` alone.

    Under autocast weights are wider: that needs no less than all of it in 16 bits.
    """
    if mode == "train":
        return training_memory(graph, batch=batch, dtype=dtype, optimizer=OPTIMIZER).peak
    running = plan(graph, batch=batch, dtype=dtype)
    return weight_bytes(running) + peak_bytes(running)


def too_large(graph: Graph, device: Device, *, batch: int, dtype: str, mode: str) -> list[str]:
    """The warning of what needs more memory than the data sheet names; none if it does not, or names none.

    A microcontroller's weights lie in its flash, and what a runtime needs beside them is its own affair: of
    such a device only the weights are looked at.
    """
    name = graph.model.spec if graph.model else graph.name
    if device.flash_bytes is not None and mode == "eval":
        need, has, unit = weight_bytes(plan(graph, dtype=dtype)), device.flash_bytes, units.KIB
        what, ask = f"its weights in {dtype} are", "--runtime tflm "
    elif device.memory_bytes is not None:
        need, has = least_bytes(graph, batch=batch, dtype=dtype, mode=mode), device.memory_bytes
        unit = units.GB
        kind, ask = ("step", f"--train --optimizer {OPTIMIZER} ") if mode == "train" else ("forward pass", "")
        what = f"a {kind} of batch {batch} needs at the least"
    else:
        return []
    if need <= has:
        return []
    return [
        f"{what} {unit.legible(need)} {unit.symbol}, and {device.name} has {unit.legible(has)}:"
        f" it hardly fits (cnncost memory {name} {ask}--fits {device.key} says what does)"
    ]
