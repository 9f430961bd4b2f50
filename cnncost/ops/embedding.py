"""Embeddings: a learned vector for every number of a vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.ops.base import Operator, Weight, argument
from cnncost.ops.modules import calling
from cnncost.ops.sizes import FREE, Shape, shaped

if TYPE_CHECKING:
    from torch import nn


class Embedding(Operator):
    """A learned vector per word of a vocabulary: the input's numbers choose among them.

    Parameters V * D. Free: a row of the table is copied per number (Bengio et al. 2003,
    section 2).
    """

    name = "embedding"
    kin = "linear"

    vocabulary: int = argument(symbol="V", minimum=1, help="how many vectors there are")
    size: int = argument(symbol="D", minimum=1, help="number of features of a vector")
    frozen: bool = argument(False, help="weights are counted but not trained")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return shaped("NLC" if len(x) == 2 else FREE, (*x, self.size))

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", self.vocabulary * self.size, self.frozen),)

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        table = nn.Embedding(self.vocabulary, self.size)
        table.weight.requires_grad_(not self.frozen)
        return calling(
            "embedding", lambda module, x: module.table(x.abs().long() % self.vocabulary), table=table
        )
