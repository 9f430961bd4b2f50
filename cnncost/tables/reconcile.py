"""Conventions side by side: a row each, its total and the terms from the MACs to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost import units
from cnncost.analysis.reconcile import Reconciled
from cnncost.graph import Graph
from cnncost.report import head
from cnncost.request import Run
from cnncost.tables.grid import Cell, Column, Grid, text
from cnncost.tables.unknown import at_least, lower_bound, not_tested

UNKNOWN = Column("unknown", "unknown")
COLUMNS = (
    Column("convention", "convention", False),
    Column("counts", "counts", False),
    Column("total", "total"),
    Column("params", "params"),
    Column("terms", "from the MACs", False, working=True),
)


def reconcile_grid(graph: Graph, rows: Sequence[Reconciled], batch: int, unknown: bool | None = None) -> Grid:
    """The table of one network; `rows` are its conventions.

    `unknown` adds the column of how many operators have no known cost; None: if there are any.
    """
    more = bool(graph.unknown) if unknown is None else unknown
    return Grid(
        columns=(*COLUMNS, *[UNKNOWN] * more),
        rows=tuple(
            (
                text(row.convention.name),
                text(row.convention.ops_name),
                Cell(at_least(f"{row.counted.ops:,}", graph.unknown, row.untested), row.counted.ops),
                _whole(row.counted.params),
                text(_sum(row) + _untested(row)),
                *[Cell(str(graph.unknown or ""), graph.unknown)] * more,
            )
            for row in rows
        ),
        title=f"{graph.name}  input {units.shape(graph.input_shape)}  batch {batch}",
        notes=(
            *lower_bound(graph.name, graph.unknown),
            *(note for row in rows for note in not_tested(graph.name, row.convention.name, row.untested)),
            "Every total is the MACs and its terms, to the last integer.",
        ),
        caption=f"{graph.name} by convention.",
        label=f"{graph.name}-conventions",
        optional=("counts", "params"),
    )


def reconcile_document(
    graphs: Sequence[Graph], rows: Sequence[Sequence[Reconciled]], run: Run
) -> dict[str, Any]:
    """The JSON document for some networks: raw integers."""
    return {
        **head([graph.model for graph in graphs], run),
        "models": [
            {
                "name": graph.name,
                "source": graph.source,
                "input_shape": list(graph.input_shape),
                "batch": run.batch,
                "macs": reconciled[0].macs if reconciled else 0,
                **({"unknown": graph.unknown} if graph.unknown else {}),
                "conventions": [
                    {
                        "name": row.convention.name,
                        "title": row.convention.title,
                        "statement": row.convention.statement,
                        "ops_name": row.convention.ops_name,
                        "terms": [{"label": label, "ops": ops} for label, ops in row.terms],
                        "counted": row.counted._asdict(),
                        **({"untested": list(row.untested)} if row.untested else {}),
                    }
                    for row in reconciled
                ],
            }
            for graph, reconciled in zip(graphs, rows, strict=True)
        ],
    }


def _whole(value: int) -> Cell:
    return Cell(f"{value:,}", value)


def _untested(row: Reconciled) -> str:
    """What the sum may lack: + ? (lstm untested)."""
    return f" + ? ({', '.join(row.untested)} untested)" if row.untested else ""


def _sum(row: Reconciled) -> str:
    """The terms as a sum: 4,089,184,256 + 22,227,968 (2 per BN element)."""
    signed = [f"{'-' if ops < 0 else '+'} {abs(ops):,} ({label})" for label, ops in row.terms]
    return " ".join([f"{row.macs:,}", *signed])
