"""Images put behind each other, parts of a batch, and a batch cut in two: moved values cost nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import cnncost
from cnncost.importers import from_module, write


class Behind(nn.Module):
    """The images and their doubles are one batch, which is cut again; the first image is added to all."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.conv(x)
        both = self.last(torch.cat([y, y * 2]))
        one, two = both.chunk(2)
        return one + two + both[:1], torch.stack(y.unbind(0)[:1])


@pytest.mark.parametrize("batch", [1, 3])
def test_images_behind_each_other(batch: int) -> None:
    network = Behind()
    graph = from_module(network, (3, 8, 8), batch=batch)
    totals = cnncost.analyze(graph, batch=batch).totals
    assert totals.macs == batch * 64 * (12 + 2 * 8)
    assert totals.params == sum(parameter.numel() for parameter in network.parameters())
    with pytest.raises(cnncost.UsageError, match="no spec says it"):
        write.text(graph)  # a spec is right for every batch, this is not


class Halves(nn.Module):
    """A batch that is any number of images, beside itself: twice as many at every batch."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(torch.cat([x, x.flip(1)]))


def test_twice_the_batch_is_right_for_every_batch() -> None:
    graph = from_module(Halves(), (3, 8, 8))
    assert graph.batch is None
    assert cnncost.analyze(graph, batch=5).totals.macs == 10 * 64 * 12
