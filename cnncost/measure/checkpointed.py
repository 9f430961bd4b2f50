"""A twin whose segments run under torch.utils.checkpoint, which a prediction is held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from cnncost.errors import known_word
from cnncost.execution.checkpoint import Segment
from cnncost.measure.twin import ForwardStep, Twin


def checkpointed(spec: str, names: Sequence[tuple[str, str]], **options: Any) -> Checkpointed:
    """A network in training, some stretches of which are checkpoints, from one operator to another by name.

    `options` are those of `cnncost.load`. Raises UsageError for an unknown operator.
    """
    from cnncost.models import load

    graph = load(spec, mode="train", **options)
    index = {node.name: node.index for node in graph.nodes}
    for name in (name for pair in names for name in pair):
        known_word(f"{graph.name} has no operator", name, index, "operators")
    return Checkpointed(
        Twin.of(graph, "train"), [Segment(index[first], index[last]) for first, last in names]
    )


class Checkpointed(nn.Module):
    """A twin that runs some segments of its nodes as checkpoints, without reentrance."""

    def __init__(self, twin: Twin, segments: Sequence[Segment]) -> None:
        super().__init__()
        self.twin = twin
        self.runs: list[tuple[bool, list[ForwardStep]]] = []
        ends = {segment.first: segment.last for segment in segments}
        until = 0
        for step in twin.steps:
            if step.makes in ends:
                self.runs.append((True, []))
                until = ends[step.makes]
            elif step.makes > until:
                self.runs.append((False, []))
            self.runs[-1][1].append(step)

    def forward(self, x: Tensor) -> Any:
        values: dict[int, Tensor] = {0: x}
        indices: dict[int, Tensor] = {}
        for again, steps in self.runs:
            if not again:
                self.twin.take(steps[0], values, indices)
                continue
            makes = {step.makes for step in steps}
            frees = {index for step in steps for index in step.frees}
            entries = sorted({index for step in steps for index in step.reads} - makes)
            leaves = sorted(makes - frees)
            given = [values[index] for index in entries]
            made = checkpoint(
                lambda *tensors, steps=steps, entries=entries, leaves=leaves: self.inside(
                    steps, dict(zip(entries, tensors, strict=True)), leaves
                ),
                *given,
                use_reentrant=False,
                preserve_rng_state=False,
            )
            del given
            values |= dict(zip(leaves, made, strict=True))
            del made
            for index in frees - makes:
                del values[index]
        outputs = tuple(values[index] for index in self.twin.graph.outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def inside(
        self, steps: list[ForwardStep], values: dict[int, Tensor], leaves: list[int]
    ) -> tuple[Tensor, ...]:
        """Run the steps of a segment; the values that are read after it."""
        makes = {step.makes for step in steps}
        for step in steps:
            kept = tuple([index for index in step.frees if index in makes])
            self.twin.take(step._replace(frees=kept), values, {})
        return tuple(values[index] for index in leaves)
