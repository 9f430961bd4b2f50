"""The latency of a model among the measurements of a file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from cnncost.errors import UsageError
from cnncost.measure.files import read
from cnncost.request import Request


def latency(path: Path, name: str, request: Request, macs: int) -> Decimal:
    """The median latency in seconds of the model `name` at the batch, dtype and mode of a request.

    Raises UsageError if the file does not have it, has it twice, or measured other MACs than `macs`: another
    input, or the model before a change.
    """
    run = request.run
    write = f"cnncost measure {request.model.spec} -o {path}"
    wanted = (name, run.batch, run.dtype, run.mode)
    found = [
        one
        for one in read(path)
        if (one.model, one.setting.batch, one.setting.dtype, one.setting.mode) == wanted
    ]
    described = f"{name} at batch {run.batch}, {run.dtype}, {run.mode}"
    if not found:
        raise UsageError(f"{path}: no measurement of {described}\n  make it: {write}")
    if len(found) > 1:
        settings = "\n  ".join(one.setting.text() for one in found)
        raise UsageError(f"{path}: {len(found)} measurements of {described}; keep one\n  {settings}")
    (one,) = found
    if one.macs != macs:
        raise UsageError(
            f"{path}: {name} had {one.macs:,} MACs when it was measured, and has {macs:,}\n"
            f"  measure it again: {write}"
        )
    return Decimal(str(one.seconds))
