"""What acts only in training. In inference these are free and their output is the input itself.

In training they multiply by a random mask; that memory is counted with the training figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops.base import Elementwise, Storage, argument, map_of
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape

if TYPE_CHECKING:
    from torch import Tensor, nn


class Regularizer(Elementwise):
    """What the regularisers share."""

    kin = "regularization"
    shares_row = True

    p: float

    def check(self) -> None:
        if not 0 <= self.p < 1:
            raise OperatorError(
                f"{self.name}: p must be at least 0 and less than 1, not {self.p:g}", argument="p"
            )

    def storage(self, training: bool = False) -> Storage:
        return Storage.NEW if training and self.p else Storage.VIEW


class Dropout(Regularizer):
    """Dropout: in training every value is zero with probability p.

    Free in inference: the identity, since training divides by 1 - p (Srivastava et al. 2014,
    section 10).
    """

    name = "dropout"

    p: float = argument(0.5, help="probability of a zero")
    maps: bool = argument(False, help="whole maps are dropped, not single values (Tompson et al. 2015)")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return map_of(self, x) if self.maps else x

    def module(self, *inputs: Shape) -> nn.Module:
        import torch

        if self.maps:
            return calling("dropout", lambda module, x: masked(module, x, self.p, 2))

        def dropped(module: nn.Module, x: Tensor) -> Tensor:
            if not (module.training and self.p):
                return x
            if x.device.type == "cpu":  # a mask of floats
                return torch.nn.functional.dropout(x, self.p)
            return torch.native_dropout(x, self.p, True)[0]  # of bytes: what nn.Dropout calls on CUDA

        return calling("dropout", dropped)


class DropPath(Regularizer):
    """Stochastic depth: in training the whole branch of an image is zero with probability p.

    Free in inference: the identity, since training divides by 1 - p (Huang et al. 2016, section 3).
    """

    name = "drop_path"

    p: float = argument(0.1, help="probability that the branch of an image is left out")

    def module(self, *inputs: Shape) -> nn.Module:
        return calling("drop_path", lambda module, x: masked(module, x, self.p, 1))


def masked(module: nn.Module, x: Tensor, p: float, axes: int) -> Tensor:
    """In training, a tensor times a random mask of its first axes, whose mean is 1."""
    if not (module.training and p):
        return x
    kept = x.new_empty((*x.shape[:axes], *(1,) * (x.dim() - axes))).bernoulli_(1 - p)
    return x * (kept / (1 - p))
