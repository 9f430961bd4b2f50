"""Fully connected layers. Convolutions of size 1 x 1 are in `conv`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops.base import POINTWISE, Operator, Reach, Weight, argument, described
from cnncost.ops.modules import frozen
from cnncost.ops.sizes import FREE, Shape, axes_of, elements, free, resized

if TYPE_CHECKING:
    from torch import nn


class Linear(Operator):
    """Fully connected layer: every output is a weighted sum of all features.

    On a vector (features) or on tokens (length x features), each token by itself; with channels_last on
    anything whose last axis is the features. Parameters
    C_out * C_in, plus C_out biases; MACs C_out * C_in per vector or token (Goodfellow et al. 2016,
    section 6.1).
    """

    name = "linear"
    kin = "linear"

    out: int = argument(symbol="C_out", minimum=1, help="number of output features")
    bias: bool = argument(True, help="add a learned value per output feature")
    frozen: bool = argument(False, help="weights are counted but not trained")
    channels_last: bool = argument(
        False, help="maps come as height x width x channels, each position by itself"
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        features_last = axes_of(x)[-1:] in ("C", FREE)
        if not (features_last or self.channels_last):
            cure = "put flatten before it"
            if len(x) == 3:  # tokens with their channels in front, as MLP-Mixer mixes them
                cure += f", or reshape: {{shape: [{x[1]}, {x[2]}]}} to go along the last axis"
            raise OperatorError(f"linear needs a vector, not {described(x)}", cure=cure)
        sizes = (*x[:-1], self.out)
        return resized(x, sizes) if features_last else free(sizes)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        weight = Weight("weight", self.out * x[-1], self.frozen)
        return (weight, Weight("bias", self.out, self.frozen)) if self.bias else (weight,)

    def macs(self, output: Shape, *inputs: Shape) -> int:
        (x,) = inputs
        return elements(output) * x[-1]

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"bias additions": elements(output)} if self.bias else {}

    def receptive(self, *inputs: Shape) -> Reach | None:
        (x,) = inputs
        return POINTWISE if len(x) >= 3 else None

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        return frozen(nn.Linear(x[-1], self.out, self.bias), self.frozen)
