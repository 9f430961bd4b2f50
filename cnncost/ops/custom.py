"""Operators of a framework that have no name of their own here: what they give and cost is stated."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from cnncost.errors import OperatorError
from cnncost.ops.arguments import Sizes, Table
from cnncost.ops.base import POINTWISE, Operator, Reach, Weight, argument, text
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, free, same, with_batch

if TYPE_CHECKING:
    from torch import nn


class Custom(Operator):
    """An operator whose output shape and cost are stated, for inputs of stated shapes.

    What an import makes of an operator that has no name here but whose cost is known: one operation per
    value, a formula, or the sum of what the framework composes it of. A size of -k is k times the batch;
    costs are two numbers, one whatever the batch and one per image.
    """

    name = "custom"
    kin = "arithmetic"
    inputs = None

    what: str = argument(help="what its framework calls it")
    takes: Table = argument(help="the input shapes that it is stated for; -k is k times the batch")
    shape: Sizes = argument(help="shape of the output; -k is k times the batch")
    mac_counts: Sizes = argument((0, 0), minimum=0, help="MACs: of any batch, and per image")
    operations: Sizes = argument((0, 0), minimum=0, help="other operations: of any batch, and per image")
    parameters: int = argument(0, minimum=0, help="number of learned values")
    frozen: bool = argument(False, help="weights are counted but not trained")
    kept: int = argument(0, minimum=0, help="number of values that are kept but not learned")
    pointwise: bool = argument(False, help="every value sees only the input values at its own position")

    def batch(self, *inputs: Shape) -> int:
        """The batch, 1 if no input grows with it. Raises OperatorError for other inputs than stated."""
        stated = [size for each in self.takes for size in each]
        sizes = [size for shape in inputs for size in shape]
        grown = [found // -size for size, found in zip(stated, sizes, strict=False) if size < 0]
        batch = grown[0] if grown else 1
        expected = [with_batch(each, batch) for each in self.takes]
        if len(expected) != len(inputs) or not all(map(same, expected, inputs)):
            given, wanted = (" and ".join(text(shape) for shape in shapes) for shapes in (inputs, expected))
            raise OperatorError(f"custom: {self.what} is stated for {wanted}, not {given}", argument="takes")
        return batch

    def output_shape(self, *inputs: Shape) -> Shape:
        return free(with_batch(self.shape, self.batch(*inputs)))

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", self.parameters, self.frozen),) if self.parameters else ()

    def buffers(self, *inputs: Shape) -> int:
        return self.kept

    def macs(self, output: Shape, *inputs: Shape) -> int:
        fixed, per_image = self.mac_counts
        return fixed + per_image * self.batch(*inputs)

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        fixed, per_image = self.operations
        return {"operations": fixed + per_image * self.batch(*inputs)} if fixed or per_image else {}

    def receptive(self, *inputs: Shape) -> Reach | None:
        return POINTWISE if self.pointwise else None

    def module(self, *inputs: Shape) -> nn.Module:
        """Values of the inputs in the output's shape: a stand-in, so that what follows can run."""
        import torch
        from torch import nn

        def spread(module: Any, *tensors: Any) -> Any:
            shape = self.output_shape(*[free(tensor.shape) for tensor in tensors])
            values = torch.cat([tensor.flatten().float() for tensor in tensors])
            return values.repeat(-(-prod(shape) // len(values)))[: prod(shape)].reshape(shape)

        module = calling("custom", spread)
        if self.parameters:
            module.weight = nn.Parameter(torch.zeros(self.parameters), requires_grad=not self.frozen)
        if self.kept:
            module.register_buffer("kept", torch.zeros(self.kept))
        return module
