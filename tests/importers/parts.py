"""A network of three parts that tests run in ways of their own: frozen, detached, as checkpoints."""

from __future__ import annotations

from torch import Tensor, nn


def layer(inside: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inside, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU())


class ThreeParts(nn.Module):
    """Three parts, one after the other, by a way of their own."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.first, self.second, self.third = layer(3, 24), layer(24, 16), layer(16, 8)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(getattr(self, self.way)(x).mean((2, 3)))  # type: ignore[no-any-return]
