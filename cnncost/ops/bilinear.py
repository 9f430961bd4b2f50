"""Bilinear layers: products of two inputs with learned weights."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops.base import Operator, Reach, Weight, argument, text
from cnncost.ops.sizes import Shape, elements, resized, same

if TYPE_CHECKING:
    from torch import nn


class Bilinear(Operator):
    """Every output is x^T A y of two vectors, with a matrix A of its own.

    Parameters C_out * F_1 * F_2, plus C_out biases. MACs per pair of vectors C_out * F_2 * (F_1 + 1): x^T A
    first, then its product with y (Tenenbaum and Freeman 2000, equation 1).
    """

    name = "bilinear"
    kin = "linear"
    inputs = None

    out: int = argument(symbol="C_out", minimum=1, help="number of output features")
    bias: bool = argument(True, help="add a learned value per output feature")
    frozen: bool = argument(False, help="weights are counted but not trained")

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(inputs) != 2 or not same(inputs[0][:-1], inputs[1][:-1]):
            given = " and ".join(map(text, inputs))
            raise OperatorError(f"bilinear needs two inputs that differ in their features, not {given}")
        return resized(inputs[0], (*inputs[0][:-1], self.out))

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        x, y = inputs
        weight = Weight("weight", self.out * x[-1] * y[-1], self.frozen)
        return (weight, Weight("bias", self.out, self.frozen)) if self.bias else (weight,)

    def macs(self, output: Shape, *inputs: Shape) -> int:
        x, y = inputs
        return elements(output) * y[-1] * (x[-1] + 1)

    def backward_macs(
        self, output: Shape, *inputs: Shape, trained: bool = True, wanted: Collection[int] = (0, 1)
    ) -> int:
        """As many for the gradient of each vector and of the matrices."""
        return self.macs(output, *inputs) * (trained + len(wanted))

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"bias additions": elements(output)} if self.bias else {}

    def receptive(self, *inputs: Shape) -> Reach | None:
        return None

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        x, y = inputs
        layer = nn.Bilinear(x[-1], y[-1], self.out, self.bias)
        return layer.requires_grad_(not self.frozen)
