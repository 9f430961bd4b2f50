"""Models side by side: what the analysis says of each, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cnncost.analysis.cost import analyze
from cnncost.analysis.training import training_memory
from cnncost.graph import Graph


@dataclass(frozen=True)
class Side:
    """One model of a comparison. Counts and bytes are of the whole batch."""

    name: str
    params: int
    macs: int
    flops: int
    weight_bytes: int
    peak_bytes: int  #: of the forward pass, weights not included
    training_bytes: int  #: of a training step, weights included
    receptive_field: tuple[int, int] | None  #: of the layer that sees farthest, in input pixels
    published: Mapping[str, Any] = field(default_factory=dict)  #: the fact that holds the accuracy

    @property
    def pixels(self) -> int | None:
        """Area of the receptive field."""
        return None if self.receptive_field is None else self.receptive_field[0] * self.receptive_field[1]


def side(graph: Graph, *, batch: int = 1, dtype: str = "float32", optimizer: str = "sgd") -> Side:
    """What a comparison tells of one model. Raises UsageError for a bad batch, dtype or optimizer."""
    report = analyze(graph, batch=batch, dtype=dtype, by="op")
    totals = report.totals
    fields = [
        row.receptive_field for row in report.rows if row.receptive_field and len(row.output_shape) == 3
    ]
    return Side(
        report.name,
        totals.params,
        totals.macs,
        totals.flops,
        totals.weight_bytes,
        totals.peak_bytes,
        training_memory(graph, batch=batch, dtype=dtype, optimizer=optimizer).peak,
        max(fields, key=lambda size: size[0] * size[1], default=None),
        accuracy(graph.facts.get("published") or ()),
    )


def compare(
    graphs: Sequence[Graph], *, batch: int = 1, dtype: str = "float32", optimizer: str = "sgd"
) -> list[Side]:
    """The sides of a comparison, in the order given."""
    return [side(graph, batch=batch, dtype=dtype, optimizer=optimizer) for graph in graphs]


def accuracy(published: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The first published fact that holds an accuracy or error, {} if there is none."""
    wanted = ("top1", "top1_error", "miou", "error")
    return next((fact for fact in published if any(key in fact for key in wanted)), {})
