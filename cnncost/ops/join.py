"""Joins: operators that take the outputs of several branches."""

from __future__ import annotations

import operator
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING, Any

from cnncost.errors import OperatorError
from cnncost.ops.base import Operator, argument, channel_axis, described, text
from cnncost.ops.modules import calling
from cnncost.ops.sizes import FREE, Shape, axes_of, elements, holds, maximum, named, resized, same

if TYPE_CHECKING:
    from torch import Tensor, nn


class Join(Operator):
    """What the joins share: any number of inputs, and how they refuse those that do not fit."""

    kin = "join"
    inputs = None

    def refuse(self, need: str, first: int, second: int, *inputs: Shape) -> OperatorError:
        """The error for two inputs, given by their positions, that do not fit together."""
        return OperatorError(
            f"{self.name} needs {need}, not {text(inputs[first])} and {text(inputs[second])}",
            inputs=(first, second),
        )

    def check_axes(self, *inputs: Shape) -> None:
        """Raise OperatorError if the axes of two inputs have different names: a map beside tokens."""
        known = [place for place, shape in enumerate(inputs) if axes_of(shape) != FREE]
        for other in known[1:]:
            first, second = inputs[known[0]], inputs[other]
            if axes_of(first) != axes_of(second):
                raise OperatorError(
                    f"{self.name} needs inputs of the same axes, not {described(first)} and"
                    f" {described(second)}",
                    inputs=(known[0], other),
                )


class SameShape(Join):
    """A join of inputs of one shape."""

    def output_shape(self, *inputs: Shape) -> Shape:
        first = inputs[0]
        for position, shape in enumerate(inputs):
            if not same(first, shape):
                raise self.refuse("inputs of one shape", 0, position, *inputs)
        self.check_axes(*inputs)
        return named(inputs)  # type: ignore[return-value]


class Add(SameShape):
    """Sum of the branches: n - 1 additions per value for n branches (He et al. 2015, equation 1)."""

    name = "add"

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"additions": (len(inputs) - 1) * elements(output)}

    def module(self, *inputs: Shape) -> nn.Module:
        """A sum; with its attribute `inplace` set the first branch is overwritten."""

        def total(module: Any, *branches: Tensor) -> Tensor:
            return reduce(operator.iadd if module.inplace else operator.add, branches)

        return calling("add", total, inplace=False)


class Mean(SameShape):
    """Mean of the branches: n - 1 additions and a division per value for n branches.

    (Larsson et al. 2016, section 2: the join of FractalNet.)
    """

    name = "mean"

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total = elements(output)
        return {"additions": (len(inputs) - 1) * total, "divisions": total}

    def module(self, *inputs: Shape) -> nn.Module:
        return calling("mean", lambda module, *branches: reduce(operator.add, branches) / len(branches))


class Mul(Join):
    """Product of the branches: n - 1 multiplications per value for n branches.

    An axis of size 1 is repeated as often as the others need it, and a vector counts as a
    C x 1 x 1 map beside maps (Hu et al. 2017, equation 4: the gate of squeeze-and-excitation).
    """

    name = "mul"

    def output_shape(self, *inputs: Shape) -> Shape:
        largest = max(inputs, key=len)
        shapes = [beside(shape, largest) for shape in inputs]
        for first, second in combinations(range(len(shapes)), 2):
            if not repeatable(shapes[first], shapes[second]):
                raise self.refuse("inputs whose sizes agree or are 1", first, second, *inputs)
        output = shapes[0]
        for shape in shapes[1:]:
            output = tuple([a if a is b else maximum(a, b) for a, b in zip(output, shape, strict=True)])
        return resized(largest, output)

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"multiplications": (len(inputs) - 1) * elements(output)}

    def module(self, *inputs: Shape) -> nn.Module:

        largest = max(inputs, key=len)
        ranks = [len(beside(shape, largest)) for shape in inputs]

        def product(module: nn.Module, *branches: Tensor) -> Tensor:
            factors = [
                x.reshape(*x.shape, *(1,) * (rank - x.dim())) if x.dim() < rank else x
                for x, rank in zip(branches, ranks, strict=True)
            ]
            return reduce(operator.mul, factors)

        return calling("mul", product)


class Concat(Join):
    """The channels of all branches, one after the other.

    Free: values are copied, nothing is computed (Szegedy et al. 2014, section 4; Huang et al. 2016,
    equation 2).
    """

    name = "concat"

    axis: int = argument(None, minimum=0, help="another axis than the channels; 0 is the batch")

    def along(self, x: Shape) -> int:
        """The axis that grows."""
        return channel_axis(x, self) if self.axis is None else self.axis

    def output_shape(self, *inputs: Shape) -> Shape:
        if self.axis is None:
            self.check_axes(*inputs)
        first, known = inputs[0], named(inputs)
        channels = self.along(known)  # type: ignore[arg-type]
        if channels >= len(first):
            raise OperatorError(f"concat: {text(first)} has no axis {channels}", argument="axis")
        total = first[channels]
        for position, shape in enumerate(inputs[1:], 1):
            if not same(without(first, channels), without(shape, channels)):
                axis = "their channels" if self.axis is None else f"axis {self.axis}"
                raise self.refuse(f"inputs that differ in {axis} only", 0, position, *inputs)
            total = total + shape[channels]
        return resized(known, (*first[:channels], total, *first[channels + 1 :]))

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import cat

        axis = self.along(named(inputs))  # type: ignore[arg-type]
        return calling("concat", lambda module, *branches: cat(branches, axis))


def beside(shape: Shape, largest: Shape) -> tuple[int, ...]:
    """A vector beside a map as a map of size 1; other shapes as they are."""
    is_map = axes_of(largest)[:2] == "NC" or axes_of(largest) == FREE
    return (*shape, *(1,) * (len(largest) - 2)) if len(shape) == 2 and is_map else shape


def repeatable(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two shapes agree but for axes, not the batch, that are 1 in one of them."""
    sizes = zip(a[1:], b[1:], strict=False)
    return (
        same(a[:1], b[:1])
        and len(a) == len(b)
        and all(holds((x == y) | (x == 1) | (y == 1)) for x, y in sizes)
    )


def without(shape: Shape, axis: int) -> tuple[int, ...]:
    """A shape without one of its axes."""
    return shape[:axis] + shape[axis + 1 :]
