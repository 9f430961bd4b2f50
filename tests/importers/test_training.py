"""A module imported in mode train is what its training step runs, and is left in its own mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

import cnncost
from cnncost.execution.training import training_memory
from cnncost.importers import from_module


class Headed(nn.Module):
    """An auxiliary head and dropout in training only."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.head, self.aux = nn.Linear(4, 5), nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        y = self.drop(self.norm(self.conv(x)).relu()).mean((2, 3))
        return (self.head(y), self.aux(y)) if self.training else self.head(y)


@contextmanager
def saved_bytes(module: nn.Module) -> Iterator[dict[int, int]]:
    """Bytes that autograd saves, each storage once, parameters left out."""
    found: dict[int, int] = {}
    own = {item.untyped_storage()._cdata for item in (*module.parameters(), *module.buffers())}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            found[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield found


def test_training_reads_its_head() -> None:
    module = Headed().eval()
    train = cnncost.analyze(module, (3, 8, 8), batch=2, mode="train")
    evaluated = cnncost.analyze(module, (3, 8, 8), batch=2)
    assert not any(part.training for part in module.modules())
    assert train.totals.params == evaluated.totals.params == sum(item.numel() for item in module.parameters())
    assert train.totals.macs - evaluated.totals.macs == 2 * 4 * 5
    assert [row.name for row in evaluated.rows if row.op == "not used in this pass"] == ["aux"]
    assert [row.name for row in train.rows if row.op == "not used in this pass"] == []


def test_what_is_saved_is_what_autograd_saves() -> None:
    module = Headed().train()
    x = torch.randn(4, 3, 8, 8)
    with saved_bytes(module) as found:
        output = module(x)
    graph = from_module(module, (3, 8, 8), batch=4, mode="train")
    assert training_memory(graph, batch=4, device="cpu").saved == sum(found.values())
    del output


def test_an_import_of_inference_does_not_train() -> None:
    graph = from_module(Headed(), (3, 8, 8))
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.analyze(graph, batch=2, mode="train")
    assert str(caught.value) == (
        "Headed was imported in mode eval, without what only training runs\n"
        "  import it in mode train: cnncost.load(name, mode='train')"
    )
