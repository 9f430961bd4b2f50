"""Transposed convolutions whose weights are computed, or shared: held to FlopCounterMode and the module."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.utils.flop_counter import FlopCounterMode

import cnncost
from cnncost.importers import from_module


class Shared(nn.Module):
    """One transposed convolution, called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.up(x))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (weight_norm(nn.ConvTranspose1d(4, 6, 4, stride=2, groups=2)), (4, 10)),
        (weight_norm(nn.ConvTranspose2d(4, 6, 3, bias=False)), (4, 5, 6)),
        (Shared(), (4, 5, 6)),
    ],
    ids=["1d", "2d", "shared"],
)
def test_transposed(network: nn.Module, shape: tuple[int, ...]) -> None:
    graph = from_module(network, shape)
    for batch in (1, 3):
        totals = cnncost.analyze(graph, batch=batch).totals
        with FlopCounterMode(display=False) as counter:
            output = network(torch.zeros(batch, *shape))
        assert totals.macs == counter.get_total_flops() // 2
        assert totals.params == sum(parameter.numel() for parameter in network.parameters())
        assert cnncost.analyze(graph, batch=batch, by="op").rows[-1].output_shape == tuple(output.shape[1:])
