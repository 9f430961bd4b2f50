"""Activation functions. Each counts the operations of its formula, once per value (E values)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from cnncost.errors import OperatorError
from cnncost.ops.base import (
    Elementwise,
    Storage,
    Weight,
    argument,
    channel_axis,
    channels_first,
    text,
)
from cnncost.ops.modules import calling, frozen
from cnncost.ops.sizes import Shape, elements

if TYPE_CHECKING:
    from torch import nn


class Activation(Elementwise):
    """What the activations share; `per_value` says what one value costs."""

    kin = "activation"
    shares_row = True
    per_value: ClassVar[dict[str, int]] = {}

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total = elements(output)
        return {kind: total if count == 1 else count * total for kind, count in self.per_value.items()}


OVERWRITES = "overwrite the input, where nothing else still needs it"


class InPlace(Activation):
    """An activation with PyTorch's argument `inplace`; here it is off where a class does not turn it on."""

    inplace: bool = argument(False, help=OVERWRITES)

    def storage(self, training: bool = False) -> Storage:
        return Storage.IN_PLACE if self.inplace else Storage.NEW


class Relu(InPlace):
    """Rectifier max(x, 0): one comparison per value (Nair and Hinton 2010)."""

    name = "relu"
    per_value = {"comparisons": 1}

    inplace: bool = argument(True, help=OVERWRITES)

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.ReLU(self.inplace)


class Relu6(InPlace):
    """Clipped rectifier min(max(x, 0), 6): two comparisons per value (Krizhevsky 2010)."""

    name = "relu6"
    per_value = {"comparisons": 2}

    inplace: bool = argument(True, help=OVERWRITES)

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.ReLU6(self.inplace)


class PRelu(Activation):
    """Rectifier with a learned slope per channel for negative values: max(x, 0) + a * min(x, 0).

    Parameters C, or 1; a comparison and a multiplication per value (He et al. 2015, equation 1).
    """

    name = "prelu"
    per_value = {"comparisons": 1, "multiplications": 1}

    shared: bool = argument(False, help="one slope for all channels")
    frozen: bool = argument(False, help="weights are counted but not trained")

    def output_shape(self, *inputs: Shape) -> Shape:
        return channels_first(self, inputs[0])

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        return (Weight("weight", 1 if self.shared else x[1], self.frozen),)

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        return frozen(nn.PReLU(1 if self.shared else x[1]), self.frozen)


class Elu(InPlace):
    """Exponential linear unit: x if positive, else e^x - 1.

    A comparison, an exponential and a subtraction per value, as if all were negative (Clevert et
    al. 2015, equation 16).
    """

    name = "elu"
    per_value = {"comparisons": 1, "exponentials": 1, "subtractions": 1}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.ELU(inplace=self.inplace)


class LeakyRelu(InPlace):
    """Rectifier with a small fixed slope for negative values: max(x, 0) + slope * min(x, 0).

    A comparison and a multiplication per value (Maas et al. 2013, section 2).
    """

    name = "leaky_relu"
    per_value = {"comparisons": 1, "multiplications": 1}

    slope: float = argument(0.01, help="slope for negative values")

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.LeakyReLU(self.slope, self.inplace)


class Mish(InPlace):
    """Self-gated x * tanh(log(1 + e^x)).

    Two exponentials, a logarithm, two additions, a subtraction, a division and two multiplications
    per value: tanh written out as for the operator of that name (Misra 2019, equation 3).
    """

    name = "mish"
    per_value = {
        "exponentials": 2, "logarithms": 1, "additions": 2, "subtractions": 1, "divisions": 1,
        "multiplications": 2,
    }  # fmt: skip

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Mish(self.inplace)


class Sigmoid(Activation):
    """Logistic function 1 / (1 + e^-x): an exponential, an addition and a division per value."""

    name = "sigmoid"
    per_value = {"exponentials": 1, "additions": 1, "divisions": 1}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Sigmoid()


class Tanh(Activation):
    """Hyperbolic tangent (e^2x - 1) / (e^2x + 1).

    A multiplication, an exponential, an addition, a subtraction and a division per value.
    """

    name = "tanh"
    per_value = {"multiplications": 1, "exponentials": 1, "additions": 1, "subtractions": 1, "divisions": 1}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Tanh()


class ScaledTanh(Activation):
    """LeNet-5's squashing function 1.7159 * tanh(2/3 * x).

    As tanh, and one more multiplication for the amplitude; the slope is part of the exponent
    (LeCun et al. 1998, appendix A).
    """

    name = "scaled_tanh"
    per_value = {"multiplications": 2, "exponentials": 1, "additions": 1, "subtractions": 1, "divisions": 1}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import tanh

        return calling("scaled_tanh", lambda module, x: 1.7159 * tanh(2 / 3 * x))


class Silu(InPlace):
    """Swish x / (1 + e^-x): an exponential, an addition and a division per value.

    (Ramachandran et al. 2017, section 4, with beta 1.)
    """

    name = "silu"
    per_value = {"exponentials": 1, "additions": 1, "divisions": 1}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.SiLU(self.inplace)


class Gelu(Activation):
    """Gaussian error linear unit x / 2 * (1 + erf(x / sqrt 2)).

    An error function, an addition and three multiplications per value (Hendrycks and Gimpel 2016,
    section 2).
    """

    name = "gelu"
    per_value = {"error functions": 1, "additions": 1, "multiplications": 3}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.GELU()


class HardSigmoid(InPlace):
    """Piecewise linear sigmoid min(max(x + 3, 0), 6) / 6.

    An addition, two comparisons and a multiplication per value (Howard et al. 2019, section 5.2).
    """

    name = "hardsigmoid"
    per_value = {"additions": 1, "comparisons": 2, "multiplications": 1}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Hardsigmoid(self.inplace)


class HardSwish(InPlace):
    """Piecewise linear swish x * min(max(x + 3, 0), 6) / 6.

    An addition, two comparisons and two multiplications per value (Howard et al. 2019, section
    5.2).
    """

    name = "hardswish"
    per_value = {"additions": 1, "comparisons": 2, "multiplications": 2}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Hardswish(self.inplace)


class Softmax(Activation):
    """Softmax over the channels: e^x divided by the sum of them.

    With n channels at each of E / n positions: n - 1 comparisons for the largest value, n
    subtractions of it, n exponentials, n - 1 additions and n divisions (Goodfellow et al. 2016,
    section 4.1).
    """

    name = "softmax"

    axis: int = argument(None, minimum=0, help="another axis than the channels; 0 is the batch")

    def along(self, x: Shape) -> int:
        """The axis whose values sum to 1."""
        return channel_axis(x, self) if self.axis is None else self.axis

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.along(x) >= len(x):
            raise OperatorError(f"softmax: {text(x)} has no axis {self.axis}", argument="axis")
        return x

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total = elements(output)
        positions = total // output[self.along(output)]
        return {
            "comparisons": total - positions,
            "subtractions": total,
            "exponentials": total,
            "additions": total - positions,
            "divisions": total,
        }

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        return nn.Softmax(self.along(x))
