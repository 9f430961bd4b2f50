"""What only LeNet-5 has: trainable sub-sampling and the radial basis functions of its output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncost.errors import OperatorError
from cnncost.ops import window
from cnncost.ops.arguments import PerAxis
from cnncost.ops.base import Operator, Reach, Weight, argument, map_of, only_of, text
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, elements, resized, shaped
from cnncost.ops.window import Slides

if TYPE_CHECKING:
    from torch import nn


class Subsample(Operator):
    """LeNet-5's pooling: the sum of a window, times a coefficient, plus a bias, per map.

    Windows do not overlap: W' = W // K. Parameters 2 * C. For every output value K_h * K_w - 1
    additions, one multiplication and one bias addition; no MAC in our sense (LeCun et al. 1998,
    section II.B: 12 parameters and 5,880 connections in S2).
    """

    name = "subsample"
    kin = "pooling"

    kernel: PerAxis = argument(2, symbol="K", minimum=1, help="window, a number or [height, width]")

    def output_shape(self, *inputs: Shape) -> Shape:
        x = map_of(self, inputs[0])
        only_of(self, x, 2)
        space = [
            slide.positions("subsample", size) for slide, size in zip(self.windows(x), x[2:], strict=True)
        ]
        return resized(x, (*x[:2], *space))

    def windows(self, *inputs: Shape) -> Slides:
        letters = map_of(self, inputs[0]).axes[2:]
        return window.slides("subsample", letters, self.kernel, self.kernel)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        return Weight("weight", x[1]), Weight("bias", x[1])

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total = elements(output)
        return {
            "additions": total * (window.area(self.windows(*inputs)) - 1),
            "multiplications": total,
            "bias additions": total,
        }

    def receptive(self, *inputs: Shape) -> Reach | None:
        return tuple([slide.seen() for slide in self.windows(*inputs)])

    def module(self, *inputs: Shape) -> nn.Module:
        import torch
        from torch import Tensor, nn
        from torch.nn import functional

        (x,) = inputs
        slides = self.windows(x)
        kernel: Any = window.settings(slides)[0]

        def subsample(module: Any, x: Tensor) -> Tensor:
            total = functional.avg_pool2d(x, kernel, divisor_override=1)
            scaled: Tensor = total * module.weight + module.bias
            return scaled

        return calling(
            "subsample",
            subsample,
            weight=nn.Parameter(torch.full((x[1], 1, 1), 1 / window.area(slides))),
            bias=nn.Parameter(torch.zeros(x[1], 1, 1)),
        )


class Rbf(Operator):
    """LeNet-5's output: the squared Euclidean distance of the features to a fixed centre per class.

    The C_out * C_in values of the centres are given, not learned, so they count neither as parameters
    nor as buffers. Per output C_in subtractions, C_in multiplications and C_in - 1 additions
    (LeCun et al. 1998, section II.B, equation 7).
    """

    name = "rbf"
    kin = "linear"

    out: int = argument(symbol="C_out", minimum=1, help="number of classes")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if len(x) != 2:
            raise OperatorError(f"rbf needs a vector, not {text(x)}", cure="put flatten before it")
        return shaped("NC", (x[0], self.out))

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        (x,) = inputs
        differences = elements(output) * x[1]
        return {
            "subtractions": differences,
            "multiplications": differences,
            "additions": elements(output) * (x[1] - 1),
        }

    def receptive(self, *inputs: Shape) -> Reach | None:
        return None

    def module(self, *inputs: Shape) -> nn.Module:
        import torch

        (x,) = inputs
        module = calling("rbf", lambda module, x: ((x[:, None, :] - module.centres) ** 2).sum(-1))
        centres = 2.0 * torch.randint(2, (self.out, x[1])) - 1
        module.register_buffer("centres", centres, persistent=False)
        return module
