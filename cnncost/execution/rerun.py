"""The checkpoints of a training step: what they keep, and their forward pass a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.execution.checkpoint import Stretch
from cnncost.execution.eager import rule_of
from cnncost.execution.ledger import Referenced

if TYPE_CHECKING:
    from cnncost.execution.step import TrainingStep


class Reruns:
    """The checkpoints of a step, in its ledger."""

    def __init__(self, step: TrainingStep):
        self.step = step
        self.kept: dict[int, list[Referenced]] = {}  #: what a stretch keeps, by its first kernel
        self.again: set[int] = set()  #: stretches that have run again, by their first kernel

    def keep(self, stretch: Stretch, storages: dict[int, Referenced]) -> None:
        """A checkpoint in which anything is saved refers to what it reads from outside until it is freed."""
        step = self.step
        if not any(step.saves(index) for index in range(stretch.first, stretch.last + 1)):
            return
        owners = dict.fromkeys(step.owners[entry] for entry in stretch.entries if not step.outside[entry])
        self.kept[stretch.first] = [storages[owner] for owner in owners]
        for tensor in self.kept[stretch.first]:
            step.ledger.save(tensor)

    def run_again(
        self, stretch: Stretch, before: dict[int, Referenced], saved: list[dict[int, Referenced]]
    ) -> None:
        """Run a checkpoint's forward pass again, up to the last thing that is saved."""
        step, storages = self.step, dict(before)
        ledger, owners = step.ledger, step.owners
        inside = range(stretch.first, stretch.last + 1)
        end = self.end_of(stretch)
        expiring: dict[int, list[int]] = {}
        alive: list[int] = []
        for owner in inside:
            if owners[owner] == owner and step.plan.last[owner] <= stretch.last:
                expiring.setdefault(step.plan.last[owner], []).append(owner)
        for index in range(stretch.first, end + 1):
            rule, node = step.rules[index], step.graph.nodes[index]
            ledger.at = ("backward", node.name)
            step.casts.forward(index)
            if index == end and self.stops_before(index):
                ledger.look()
                step.save(index, storages, saved[index])
                step.casts.ran(index)
                break
            if owners[index] == index:
                storages[index] = ledger.make(step.rounded(rule_of(node.op).storage_bytes(step.calls[index])))
                step.casts.keep(index, storages[index])
                alive.append(index)
            ledger.look(sum(map(step.rounded, rule.extra)) + rule.forward)
            step.recomputed_macs += node.op.macs(step.calls[index].output, *step.calls[index].inputs)
            step.save(index, storages, saved[index])
            step.casts.ran(index)
            for owner in expiring.get(index, ()):
                ledger.release(storages[owner])
                alive.remove(owner)
        for owner in alive:
            ledger.release(storages[owner])
        step.casts.leave()
        self.again.add(stretch.first)

    def end_of(self, stretch: Stretch) -> int:
        """The last kernel of which something is saved."""
        inside = range(stretch.first, stretch.last + 1)
        return max([index for index in inside if self.step.saves(index)], default=stretch.first)

    def stops_before(self, index: int) -> bool:
        """Whether the last kernel of a second run has saved all that it saves before it runs."""
        return not (self.step.rules[index].output or self.step.rules[index].extra)

    def repeated(self, stretch: Stretch) -> range:
        """The kernels that run a second time, if any of them saves something."""
        if not any(self.step.saves(index) for index in range(stretch.first, stretch.last + 1)):
            return range(0)
        end = self.end_of(stretch)
        return range(stretch.first, end if self.stops_before(end) else end + 1)

    def leave(self, index: int) -> None:
        """After the first kernel of a checkpoint in the backward pass nothing refers to what it has kept."""
        step, stretch = self.step, self.step.stretch.get(index)
        if stretch is None or stretch.first not in self.kept:
            return
        if not any(step.saves(earlier) for earlier in range(stretch.first, index)):
            for tensor in self.kept.pop(stretch.first):
                step.ledger.free({0: tensor}, 0)
