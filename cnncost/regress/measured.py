"""Latencies from a file that `cnncost measure -o run.json` wrote."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from cnncost.errors import UsageError
from cnncost.regress.request import Request


def latency(path: Path, request: Request) -> Decimal:
    """The median latency of a model in seconds. Raises UsageError if the file does not have it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except FileNotFoundError:
        raise UsageError(
            f"{path}: no such measure file\n  write it: cnncost measure {request.text()} -o {path}"
        ) from None
    except (OSError, ValueError):
        raise UsageError(f"{path}: not a measure file\n  `cnncost measure -o {path}` writes one") from None
    raise NotImplementedError(document)
