"""Tensors that do not come from the image: learned ones, and constants. And what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncost.ops.arguments import Sizes
from cnncost.ops.base import Operator, Storage, Weight, argument
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, elements, free, with_batch

if TYPE_CHECKING:
    from torch import Tensor, nn


class WeightValue(Operator):
    """What both share: they read nothing of their input but its batch, and need no memory of their own."""

    kin = "weights"
    moves_batch = True

    def storage(self, training: bool = False) -> Storage:
        return Storage.OUTSIDE


class Learned(WeightValue):
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


class Constant(WeightValue):
    """A tensor that is the same for every image: a mask, a table of positions. Free.

    It is computed once, not per image. A size of -k is k times the batch. Start it `from: input`.
    Of a buffer, a tensor that the network keeps, the elements are counted as buffers. One that every pass
    makes anew (a mask of random numbers) takes memory in training, where it may be saved.
    """

    name = "constant"

    shape: Sizes = argument(help="its shape; -1 is the batch, -k is k times the batch")
    value: float = argument(0.0, help="what all its elements are in the PyTorch twin")
    buffer: bool = argument(False, help="the network keeps it, and it is counted as a buffer")
    made: bool = argument(False, help="every training pass makes it anew")

    def storage(self, training: bool = False) -> Storage:
        return Storage.NEW if training and self.made else Storage.OUTSIDE

    def output_shape(self, *inputs: Shape) -> Shape:
        return free(with_batch(self.shape, inputs[0][0]))

    def buffers(self, *inputs: Shape) -> int:
        return elements(self.shape) if self.buffer else 0

    def module(self, *inputs: Shape) -> nn.Module:
        import torch

        name = "kept" if self.buffer else "fixed"

        def constant(module: Any, x: Tensor) -> Tensor:
            shape = with_batch(self.shape, x.shape[0])
            if self.made and module.training:
                return x.new_full(shape, self.value)
            fixed: Tensor = getattr(module, name).expand(shape)
            return fixed

        fixed = torch.full([max(size, 1) for size in self.shape], self.value)
        module = calling("constant", constant)
        module.register_buffer(name, fixed)
        return module


class Unused(WeightValue):
    """Weights and buffers that the network has and this pass does not read.

    Heads of training, branches that another input takes, a table that nobody looks into. They are
    counted and free; nothing in a training step gives them a gradient. Start it `from: input`.
    """

    name = "unused"
    title = "not used in this pass"

    trained: int = argument(0, minimum=0, help="learnable values that would be trained")
    frozen: int = argument(0, minimum=0, help="learnable values that would not be trained")
    kept: int = argument(0, minimum=0, help="values of buffers")

    def output_shape(self, *inputs: Shape) -> Shape:
        return free(())

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        found = (Weight("weight", self.trained, read=False), Weight("weight", self.frozen, True, read=False))
        return tuple(weight for weight in found if weight.count)

    def buffers(self, *inputs: Shape) -> int:
        return self.kept

    def module(self, *inputs: Shape) -> nn.Module:
        import torch
        from torch import nn

        module = calling("unused", lambda module, x: module.nothing)
        module.register_buffer("nothing", torch.zeros(()), persistent=False)
        if self.trained:
            module.register_parameter("trained", nn.Parameter(torch.zeros(self.trained)))
        if self.frozen:
            module.register_parameter("fixed", nn.Parameter(torch.zeros(self.frozen), requires_grad=False))
        if self.kept:
            module.register_buffer("kept", torch.zeros(self.kept))
        return module


class Unknown(Operator):
    """An operator that nobody has declared: its shape is known, its cost is not.

    Not part of the vocabulary of specs: only an import that allows it makes one. Every total with
    such a row is a lower bound.
    """

    name = "unknown"
    moves_batch = True
    kin = "unknown"
    inputs = None

    what: str = argument(help="what its framework calls it")
    shape: Sizes = argument(help="shape of the output; -k is k times the batch of the last input")

    def output_shape(self, *inputs: Shape) -> Shape:
        return free(with_batch(self.shape, inputs[-1][0]))

    def module(self, *inputs: Shape) -> nn.Module:
        raise NotImplementedError(f"{self.what} is not declared, so it has no PyTorch counterpart here")
