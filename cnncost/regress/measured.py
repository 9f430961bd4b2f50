"""Latencies from a file that `cnncost measure -o run.json` wrote."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from cnncost.errors import UsageError
from cnncost.regress.request import Request

SCHEMA = 1


def latency(path: Path, name: str, request: Request, macs: int) -> Decimal:
    """The median latency in seconds of the model `name` at the batch, dtype and mode of a request.

    Raises UsageError if the file does not have it, has it twice, or measured other MACs than `macs`: another
    input, or the model before a change.
    """
    write = f"cnncost measure {request.spec} -o {path}"
    setting = {"batch": request.batch, "dtype": request.dtype, "mode": request.mode}
    entries = [entry for entry in _entries(path, write) if entry["model"] == name]
    found = [entry for entry in entries if setting.items() <= entry["setting"].items()]
    described = f"{name} at batch {request.batch}, {request.dtype}, {request.mode}"
    if not found:
        raise UsageError(f"{path}: no measurement of {described}\n  make it: {write}")
    if len(found) > 1:
        devices = ", ".join(str(entry["setting"].get("device")) for entry in found)
        raise UsageError(f"{path}: {len(found)} measurements of {described} ({devices})\n  keep one per file")
    (entry,) = found
    if entry["macs"] != macs:
        raise UsageError(
            f"{path}: {name} had {entry['macs']:,} MACs when it was measured, and has {macs:,}\n"
            f"  measure it again: {write}"
        )
    return Decimal(str(entry["seconds"]["median"]))


def _entries(path: Path, write: str) -> list[dict[str, Any]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such measure file\n  write it: {write}") from None
    except (OSError, ValueError):
        raise UsageError(f"{path}: not a measure file\n  write it: {write}") from None
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > SCHEMA:
        raise UsageError(
            f"{path}: a measure file of schema {version}, this cnncost knows {SCHEMA}\n"
            "  upgrade it: pip install --upgrade cnncost"
        )
    try:
        entries: list[dict[str, Any]] = list(document["measured"])
        for entry in entries:
            entry["model"], entry["setting"]["batch"], entry["seconds"]["median"], entry["macs"]
    except (KeyError, TypeError):
        raise UsageError(f"{path}: not a measure file\n  write it: {write}") from None
    return entries
