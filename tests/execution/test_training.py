"""A training step on the device in question, and where PyTorch refuses one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import cnncost
from cnncost.errors import UsageError
from cnncost.execution.fits import fits
from cnncost.execution.training import refused, training_memory
from cnncost.importers import from_module
from cnncost.request import Run
from cnncost.tables.compare import compare_grid, compared


class Dropped(nn.Module):
    """Dropout between two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(50, 40), nn.Dropout(0.5), nn.Linear(40, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x.flatten(1))  # type: ignore[no-any-return]


def test_masks_of_dropout_on_the_cpu() -> None:
    """What nn.Dropout itself saves on the CPU: the input, a mask of floats, and what comes out."""
    module, x = Dropped(), torch.zeros(8, 1, 5, 10)
    saved: dict[int, int] = {}
    own = {weight.untyped_storage()._cdata for weight in module.parameters()}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            saved[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        kept = module(x)
    assert kept.requires_grad
    graph = cnncost.load("alexnet")
    cuda, cpu = (training_memory(graph, batch=2, device=device).saved for device in ("cuda", "cpu"))
    values = 2 * (9216 + 4096)  # of both dropouts
    assert cpu - cuda == 3 * values
    built = from_module(module, (1, 5, 10))
    assert sum(saved.values()) == 4 * 8 * (50 + 40 + 40)
    assert training_memory(built, batch=8, device="cpu").saved == sum(saved.values())
    assert training_memory(built, batch=8, device="cuda").saved == 8 * (4 * 50 + 40 + 4 * 40)


def test_a_batch_that_pytorch_refuses_is_refused() -> None:
    graph = cnncost.load("inception_v3")
    assert refused(graph, 1)
    assert not refused(graph, 2)
    with pytest.raises(UsageError, match="which PyTorch refuses\n  pass a larger --batch"):
        training_memory(graph)
    assert training_memory(graph, batch=2).peak > 0
    (model,) = compared([graph], Run(), "sgd")
    assert model.training_bytes is None
    note = "inception_v3: PyTorch refuses to train it at batch 1."
    assert note in compare_grid([model], optimizer="sgd").notes
    two = training_memory(graph, batch=2).peak
    assert fits(graph, two).training == 2
    assert fits(graph, two - 1).training == 0


class Halves(nn.Module):
    """It reads how many images there are: right for that batch alone."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[: x.shape[0] // 2 + 1]


def test_the_largest_batch_of_what_has_one_is_refused() -> None:
    """Both doubled the batch for ever: no batch but its own was larger than the memory."""
    halves = from_module(Halves(), (3, 8, 8), batch=4)
    with pytest.raises(UsageError) as refusal:
        fits(halves, 2**30)
    assert str(refusal.value) == (
        "Halves is right for batch 4 alone: nobody knows the largest that fits\n"
        "  leave --fits out, and compare its peak"
    )
    with pytest.raises(UsageError) as refusal:
        cnncost.memory("lenet5", fits=10**30)
    assert str(refusal.value) == "fits is at most 9,223,372,036,854,775,807 bytes"
    assert fits(cnncost.load("lenet5"), 2**62).inference == (2**62 - 246_824) // 40_768  # weights, peak
