"""Tensors that do not come from the image: learned ones, and constants. And what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.ops.arguments import Sizes
from cnncost.ops.base import Operator, Storage, Weight, argument
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, elements, free, with_batch

if TYPE_CHECKING:
    from torch import nn


class Given(Operator):
    """What both share: they read nothing of their input but its batch, and need no memory of their own."""

    kin = "weights"

    def storage(self, training: bool = False) -> Storage:
        return Storage.OUTSIDE


class Learned(Given):
    """A learned tensor as a value of its own: a class token, positions, weights used twice.

    Parameters: its elements. Free otherwise. Start it `from: input`.
    """

    name = "learned"

    shape: Sizes = argument(minimum=1, help="its shape; nothing in it depends on the batch")
    frozen: bool = argument(False, help="it is counted but not trained")

    def output_shape(self, *inputs: Shape) -> Shape:
        return free(self.shape)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", elements(self.shape or (1,)), self.frozen),)

    def module(self, *inputs: Shape) -> nn.Module:
        import torch
        from torch import nn

        value = nn.Parameter(torch.randn(self.shape) * 0.02, requires_grad=not self.frozen)
        return calling("learned", lambda module, x: module.value, value=value)


class Constant(Given):
    """A tensor that is the same for every image: a mask, a table of positions. Free.

    It is computed once, not per image. A size of -k is k times the batch. Start it `from: input`.
    """

    name = "constant"

    shape: Sizes = argument(help="its shape; -1 is the batch, -k is k times the batch")
    value: float = argument(0.0, help="what all its elements are in the PyTorch twin")

    def output_shape(self, *inputs: Shape) -> Shape:
        return free(with_batch(self.shape, inputs[0][0]))

    def module(self, *inputs: Shape) -> nn.Module:
        import torch

        fixed = torch.full([max(size, 1) for size in self.shape], self.value)
        module = calling(
            "constant",
            lambda module, x: module.fixed.expand(with_batch(self.shape, x.shape[0])),
        )
        module.register_buffer("fixed", fixed)
        return module


class Unknown(Operator):
    """An operator that nobody has declared: its shape is known, its cost is not.

    Not part of the vocabulary of specs: only an import that allows it makes one. Every total with
    such a row is a lower bound.
    """

    name = "unknown"
    kin = "unknown"
    inputs = None

    what: str = argument(help="what its framework calls it")
    shape: Sizes = argument(help="shape of the output; -k is k times the batch of the last input")

    def output_shape(self, *inputs: Shape) -> Shape:
        return free(with_batch(self.shape, inputs[-1][0]))

    def module(self, *inputs: Shape) -> nn.Module:
        raise NotImplementedError(f"{self.what} is not declared, so it has no PyTorch counterpart here")
