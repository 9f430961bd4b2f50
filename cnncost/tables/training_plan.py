"""A training step that fits, as a table of its checkpoints, and as a recipe for PyTorch."""

from __future__ import annotations

from typing import Any

from cnncost import units
from cnncost.execution.budget import TrainingPlan
from cnncost.execution.checkpoint import Segment
from cnncost.graph import Graph
from cnncost.report import head
from cnncost.request import Run
from cnncost.tables.grid import Cell, Column, Grid, text
from cnncost.tables.unknown import estimate, lower_bound


def names(graph: Graph, segment: Segment) -> tuple[str, str]:
    """The first and the last node of a checkpoint."""
    return graph.nodes[segment.first].name, graph.nodes[segment.last].name


def grid(graph: Graph, found: TrainingPlan, optimizer: str) -> Grid:
    """A row per checkpoint; the peak, what is done again, and the recipe stand below."""
    rows = [
        (
            text(first),
            text(last),
            Cell(str(segment.last - segment.first + 1), segment.last - segment.first + 1),
        )
        for segment in found.segments
        for first, last in [names(graph, segment)]
    ]
    memory, parts = found.memory, found.micro_batches
    share = 100 * found.extra_macs / found.macs if found.macs else 0.0
    checkpoints = units.things(len(found.segments), "checkpoint")
    whole = "one pass" if parts == 1 else f"{parts} micro-batches of {found.batch // parts}"
    return Grid(
        (Column("first", "checkpoint from", False), Column("last", "to", False), Column("nodes", "nodes")),
        tuple(rows),
        title=f"{graph.name}, batch {found.batch}: a training step in {units.size(found.limit)}",
        caption=f"{graph.name}, batch {found.batch}: a training step in {units.size(found.limit)}.",
        label=f"{graph.name}-plan",
        notes=(
            *lower_bound(graph.name, graph.unknown),
            *estimate(graph.name, memory.estimated),
            f"In {whole}, {checkpoints}, {precision(found)}, {optimizer}: a peak of"
            f" {memory.peak:,} bytes ({units.size(memory.peak)} of {units.size(found.limit)}) in the"
            f" {memory.phase} pass.",
            f"{found.extra_macs:,} MACs of the forward pass run again, {share:.1f} % of it.",
            *((BATCH_NORM,) if parts > 1 else ()),
            "The recipe stands in the JSON document (-o plan.json, under plan.recipe).",
        ),
    )


def precision(found: TrainingPlan) -> str:
    """Whether a plan is under autocast, in words."""
    return f"under autocast to {found.autocast} (no MACs more)" if found.autocast else "without autocast"


BATCH_NORM = (
    "Batch norm takes its statistics of a micro-batch: the network learns otherwise than in one pass."
)


def recipe(graph: Graph, found: TrainingPlan, optimizer: str, device: str = "cuda") -> str:
    """Python that runs a step of the plan; the data and the loss are the caller's."""
    passing = f"        (loss(net(images), labels) / {found.micro_batches}).backward()\n"
    if found.autocast:
        passing = (
            f'        with torch.autocast("{device}", dtype=torch.{found.autocast}):\n'
            f"            part = loss(net(images), labels) / {found.micro_batches}\n"
            "        part.backward()\n"
        )
    makers = {
        "sgd": "SGD(net.parameters(), lr=0.1)",
        "momentum": "SGD(net.parameters(), lr=0.1, momentum=0.9)",
        "adam": "Adam(net.parameters())",
        "adamw": "AdamW(net.parameters())",
    }
    size, parts = found.batch // found.micro_batches, found.micro_batches
    spec = graph.model.spec if graph.model is not None else graph.name
    pairs = "".join(f"    {names(graph, segment)!r},\n" for segment in found.segments)
    return (
        "import torch\n\n"
        "from cnncost.measure.checkpointed import checkpointed\n\n"
        f"# checkpoints: the first and the last operator of each\nSEGMENTS = [\n{pairs}]\n"
        f"net = checkpointed({spec!r}, SEGMENTS)\n"
        f"optimizer = torch.optim.{makers[optimizer]}\n\n\n"
        "def step(batches, loss):\n"
        f'    """One step; `batches` gives {parts} times {size} images with their labels."""\n'
        "    for images, labels in batches:\n"
        f"{passing}"
        "    optimizer.step()\n"
        "    optimizer.zero_grad(set_to_none=True)\n"
    )


def document(
    graph: Graph, run: Run, found: TrainingPlan, optimizer: str, device: str = "cuda"
) -> dict[str, Any]:
    """The JSON document."""
    memory = found.memory._asdict()
    del memory["estimated"], memory["buckets"]
    return {
        **head([graph.model], run),
        "model": graph.name,
        "batch": found.batch,
        "dtype": run.dtype,
        "optimizer": optimizer,
        "training": memory,
        "plan": {
            "limit_bytes": found.limit,
            "peak_bytes": found.memory.peak,
            "micro_batches": found.micro_batches,
            "autocast": found.autocast,
            "checkpoints": [
                dict(zip(("first", "last"), names(graph, each), strict=True)) for each in found.segments
            ],
            "extra_macs": found.extra_macs,
            "forward_macs": found.macs,
            "recipe": recipe(graph, found, optimizer, device),
        },
    }
