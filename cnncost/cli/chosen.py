"""The options that `pick` and `search` share."""

from __future__ import annotations

from typing import Annotated

import typer

from cnncost.cli.spread import asks
from cnncost.request import PREDICTED, Run

DeviceRun = Annotated[
    Run,
    asks(
        *PREDICTED,
        "runtime",
        on="The device that the latency is predicted for: rtx-4090, ./mine.yaml.",
        batch="Of the latency: images per batch.",
        dtype="Of the latency and the runtime: element type; else as the device is calibrated, and int8 where"
        " the runtime runs it.",
    ),
]
RowCount = Annotated[int, typer.Option("--rows", metavar="N", help="Show so many; 0: all.", min=0)]
