"""The options that spread work over processes and machines."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from cnncost.errors import UsageError
from cnncost.units import written_number
from cnncost.workers import Workers

WorkerCount = Annotated[
    int,
    typer.Option(
        "--workers",
        metavar="N",
        help="Spread the work over so many processes of this machine.",
        show_default=False,
        min=0,
        rich_help_panel="Workers",
    ),
]
Cluster = Annotated[
    Optional[str],
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Spread the work over a Dask cluster: tcp://host:8786.",
        show_default=False,
        rich_help_panel="Workers",
    ),
]
Resource = Annotated[
    Optional[list[str]],
    typer.Option(
        "--resource",
        metavar="NAME=N",
        help="What of a cluster's worker a model needs, as dask worker --resources names it: GPU=1.",
        show_default=False,
        rich_help_panel="Workers",
    ),
]


def workers_of(processes: int, cluster: str | None, resource: list[str] | None = None) -> Workers:
    """The workers that the options describe. Raises UsageError for a resource that is none."""
    found = []
    for text in resource or []:
        name, _, units = text.partition("=")
        number = written_number(units)
        if not name.strip() or not number:
            raise UsageError(
                f"--resource {text!r} is not a resource and a number\n  for example: --resource GPU=1"
            )
        found.append((name.strip(), number))
    return Workers(processes, cluster, tuple(found))
