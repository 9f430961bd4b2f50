"""Names of the nodes of one list of steps: conv1, conv2, ..., the same however far they have run."""

from __future__ import annotations

from cnncost.language.family import Step


class Numbering:
    """Node names in one run of a list of steps: a base name that can occur again is numbered."""

    __slots__ = ("counts", "weights")

    def __init__(self, weights: dict[str, int]):
        self.weights = weights
        self.counts: dict[str, int] = {}

    def name(self, base: str) -> str:
        """conv, or conv1, conv2; inception3_1 after inception3."""
        if self.weights[base] < 2:
            return base
        count = self.counts[base] = self.counts.get(base, 0) + 1
        return f"{base}_{count}" if base[-1].isdigit() else f"{base}{count}"


def weights_of(steps: list[Step]) -> dict[str, int]:
    """How often each base name can occur in a list of steps; 2 stands for any number."""
    weights: dict[str, int] = {}
    for step in steps:
        weight = 2 if step.repeats else 1
        if step.name is not None:
            weights[step.base] = weights.get(step.base, 0) + weight
        for branch, _ in step.branches:
            weights[branch] = weights.get(branch, 0) + weight
    return weights
