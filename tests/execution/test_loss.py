"""The loss as a part of the training step, to the byte against a trace of live storages."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cnncost
from cnncost.errors import UsageError
from cnncost.execution.training import training_memory
from cnncost.measure import build
from cnncost.measure.trace import training_step
from cnncost.measure.twin import example_input

META = torch.device("meta")
SPECS = {
    "classes": "input: [3, 8, 8]\nbody: [{conv: {out: 4, kernel: 3}}, relu, flatten, {linear: {out: 1000}}]",
    "softer": "input: [3, 4, 4]\nbody: [flatten, {linear: {out: 5000}}, {linear: {out: 2}}]",
    "wide": "input: [1, 2, 2]\nbody: [flatten, {linear: {out: 70000}}]",
    "a map of classes": "input: [3, 16, 16]\nbody: [{conv: {out: 21, kernel: 3, pad: 1}}]",
    "a sequence": "input: [3, 64]\nbody: [{conv: {out: 7, kernel: 3}}]",
    "a volume": "input: [1, 6, 6, 6]\nbody: [{conv: {out: 3, kernel: 3}}]",
}


@pytest.mark.parametrize("name", [*SPECS, "lenet5", "alexnet", "googlenet", "resnet18", "unet"])
@pytest.mark.parametrize("batch", [2, 5])
def test_to_the_byte(name: str, batch: int, tmp_path: Path) -> None:
    model = name
    if name in SPECS:
        model = str(tmp_path / "net.yaml")
        Path(model).write_text(SPECS[name])
    graph = cnncost.load(model)
    with META:
        twin = build(graph, "train")
    x = example_input(graph, batch, META)
    traced = training_step(twin, x, torch.optim.SGD(twin.parameters(), lr=0.1), "cross_entropy")
    memory = training_memory(graph, batch=batch, loss="cross_entropy")
    assert memory.saved == traced.saved
    assert memory.peak - memory.weights == max(traced.backward_peak, traced.step_peak)
    assert memory.gradients == traced.gradients
    parts = memory.weights + memory.optimizer_state + memory.gradients_at_peak
    assert parts + memory.saved_at_peak + memory.transient == memory.peak


def test_without_a_loss_nothing_changes() -> None:
    graph = cnncost.load("alexnet")
    assert training_memory(graph, batch=2) == training_memory(graph, batch=2, loss="none")
    with pytest.raises(UsageError) as refused:
        training_memory(graph, loss="mse")
    assert str(refused.value) == "unknown loss 'mse'\n  losses: none, cross_entropy"


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    answer = cnncost.memory("alexnet", batch=2, train=True, loss="cross_entropy")
    (grid,) = answer.grids
    assert any(
        "With the cross entropy of every output, and its targets (int64)." in note for note in grid.notes
    )
    assert answer.document["loss"] == "cross_entropy"
    assert "loss" not in cnncost.memory("alexnet", batch=2, train=True).document
    peak = training_memory(cnncost.load("alexnet"), batch=2, loss="cross_entropy").peak
    fits = cnncost.memory("alexnet", train=True, loss="cross_entropy", fits=peak).document["fits"]
    assert fits["training"] == 2
