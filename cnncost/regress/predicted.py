"""The latency that a budget limits before the device is there."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

from cnncost import devices
from cnncost.errors import UsageError
from cnncost.predict import predict
from cnncost.regress.settings import Budget
from cnncost.regress.snapshot import Snapshot
from cnncost.request import Request, Run


def latency(budget: Budget, request: Request, now: Snapshot) -> tuple[Decimal, str]:
    """The predicted seconds of a batch on the device of a budget, and its name if that is only a lower bound.

    The estimate is held to the limit, not the end of its interval. A file is relative to the configuration.
    Raises UsageError if the budget names no device, or as `predict` does.
    """
    if budget.on is None or now.graph is None:
        raise UsageError(
            "max_predicted_latency needs a device",
            place=budget.place,
            cure='name it in the budget: on = "rtx-4090", or pass --on rtx-4090',
        )
    beside = Path(budget.place.file).parent / budget.on
    device = devices.device(str(beside) if devices.is_path(budget.on) else budget.on)
    run = request.run
    there = run._replace(
        layout=budget.layout, launch=budget.launch, no_tf32=not budget.tf32, stack=budget.stack,
        precision=run.dtype,  # a check holds what it names: float32 where it names nothing
    )  # fmt: skip
    found = predict(now.graph, device, **there.predicting)
    return Decimal(str(found.latency_ms)) / 1000, "" if found.calibrated else device.name


def on_device(budgets: tuple[Budget, ...], run: Run) -> tuple[Budget, ...]:
    """The budgets for the device of a run. Raises UsageError if none of them limits a predicted latency."""
    on = str(run.on)
    limited = [any(limit.key == "max_predicted_latency" for limit in each.limits) for each in budgets]
    if not any(limited):
        raise UsageError(
            f"--on {on}: no budget limits a predicted latency",
            cure='write one in cnncost.toml: max_predicted_latency = "9 ms"',
        )
    key = os.path.realpath(on) if devices.is_path(on) else on
    there: dict[str, Any] = {
        "on": key,
        "layout": run.layout,
        "launch": run.launch,
        "tf32": not run.no_tf32,
        "stack": run.stack,
    }
    return tuple(
        each._replace(**there) if held else each for each, held in zip(budgets, limited, strict=True)
    )
