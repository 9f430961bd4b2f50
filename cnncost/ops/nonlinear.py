"""Activations beside the rectifiers and sigmoids: self-normalising, gated, and the logarithm of softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops.activation import InPlace, Softmax
from cnncost.ops.base import Operator, Reach, argument, channel_axis, divide, text
from cnncost.ops.sizes import FREE, Shape, axes_of, elements, resized

if TYPE_CHECKING:
    from torch import nn


class Selu(InPlace):
    """Scaled exponential linear unit: 1.0507 * (x if positive, else 1.6733 * (e^x - 1)).

    A comparison, an exponential, a subtraction and two multiplications per value, as if all were negative
    (Klambauer et al. 2017, equation 2).
    """

    name = "selu"
    per_value = {"comparisons": 1, "exponentials": 1, "subtractions": 1, "multiplications": 2}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.SELU(self.inplace)


class Celu(InPlace):
    """Continuously differentiable exponential linear unit: x if positive, else alpha * (e^(x / alpha) - 1).

    A comparison, an exponential, a subtraction, a division and a multiplication per value, as if all were
    negative (Barron 2017, equation 2).
    """

    name = "celu"
    per_value = {"comparisons": 1, "exponentials": 1, "subtractions": 1, "divisions": 1, "multiplications": 1}

    alpha: float = argument(1.0, help="the largest value below zero")

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.CELU(self.alpha, self.inplace)


class LogSoftmax(Softmax):
    """Logarithm of the softmax over the channels: x less the logarithm of the sum of e^x.

    With n channels at each of E / n positions: n - 1 comparisons for the largest value, n subtractions of it,
    n exponentials, n - 1 additions, a logarithm and n subtractions of that.
    """

    name = "log_softmax"

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total = elements(output)
        positions = total // output[self.along(output)]
        return {
            "comparisons": total - positions,
            "subtractions": 2 * total,
            "exponentials": total,
            "additions": total - positions,
            "logarithms": positions,
        }

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        return nn.LogSoftmax(self.along(x))


class Glu(Operator):
    """Gated linear unit: the first half of the channels times the sigmoid of the second.

    Per value of the output an exponential, an addition and a division of the sigmoid, and a multiplication
    (Dauphin et al. 2017, equation 1).
    """

    name = "glu"
    kin = "activation"

    axis: int = argument(None, minimum=0, help="another axis than the channels; 0 is the batch")

    def along(self, x: Shape) -> int:
        """The axis that is halved."""
        return channel_axis(x, self) if self.axis is None else self.axis

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        along = self.along(x)
        if along >= len(x):
            raise OperatorError(f"glu: {text(x)} has no axis {self.axis}", argument="axis")
        half = divide(self, x[along], 2, "input", "halves")
        return resized(x, (*x[:along], half, *x[along + 1 :]))

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total = elements(output)
        kinds = ("exponentials", "additions", "divisions", "multiplications")
        return dict.fromkeys(kinds, total)

    def receptive(self, *inputs: Shape) -> Reach | None:
        (x,) = inputs
        return None if axes_of(x) != FREE and axes_of(x)[self.along(x)] != "C" else super().receptive(*inputs)

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        return nn.GLU(self.along(x))
