"""Factors that stand beside normalisations: one per channel, learned, or one for all values, fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.ops.base import Elementwise, Weight, argument, channel_place
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, elements

if TYPE_CHECKING:
    from torch import nn


class LayerScale(Elementwise):
    """Layer scale: a learned factor per channel.

    Parameters C; one multiplication per value (Touvron et al. 2021, equation 4).
    """

    name = "layer_scale"
    kin = "normalization"
    shares_row = True

    frozen: bool = argument(False, help="weights are counted but not trained")

    def along(self, x: Shape) -> int:
        """The axis of the channels; of a free shape the last, as a product with a vector reads it."""
        place = channel_place(x)
        return len(x) - 1 if place is None else place

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        return (Weight("scale", x[self.along(x)], self.frozen),)

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"multiplications": elements(output)}

    def module(self, *inputs: Shape) -> nn.Module:
        import torch
        from torch import nn

        (x,) = inputs
        axis = self.along(x)
        shape = (x[axis], *(1,) * (len(x) - 1 - axis))
        scale = nn.Parameter(torch.full(shape, 1e-6), requires_grad=not self.frozen)
        return calling("layer_scale", lambda module, x: x * module.scale, scale=scale)


class Scale(Elementwise):
    """A fixed factor, the same for all values: one multiplication per value.

    Residuals times 0.1 to 0.3 (Szegedy et al. 2016, section 3.3); FCN-8s' pool4 times 0.01.
    """

    name = "scale"
    kin = "normalization"
    shares_row = True

    by: float = argument(help="the factor")

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"multiplications": elements(output)}

    def module(self, *inputs: Shape) -> nn.Module:
        return calling("scale", lambda module, x: x * self.by)
