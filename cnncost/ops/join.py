"""Joins: operators that take the outputs of several branches."""

from __future__ import annotations

from cnncost.errors import OperatorError
from cnncost.ops.base import Operator, channel_axis, text
from cnncost.ops.sizes import Shape, elements, holds, maximum


class Join(Operator):
    """What the joins share: any number of inputs, and how they refuse those that do not fit."""

    kin = "join"
    inputs = None

    def refuse(self, position: int, need: str, *inputs: Shape) -> OperatorError:
        """The error for the first input and the one at `position` that does not fit it."""
        return OperatorError(
            f"{self.name} needs {need}, not {text(inputs[0])} and {text(inputs[position])}",
            inputs=(0, position),
        )


class SameShape(Join):
    """A join of inputs of one shape."""

    def output_shape(self, *inputs: Shape) -> Shape:
        first = inputs[0]
        for position, shape in enumerate(inputs):
            if len(shape) != len(first) or not all(holds(a == b) for a, b in zip(first, shape)):
                raise self.refuse(position, "inputs of one shape", *inputs)
        return first


class Add(SameShape):
    """Sum of the branches: n - 1 additions per value for n branches (He et al. 2015, equation 1)."""

    name = "add"

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"additions": (len(inputs) - 1) * elements(output)}


class Mean(SameShape):
    """Mean of the branches: n - 1 additions and a division per value for n branches.

    (Larsson et al. 2016, section 2: the join of FractalNet.)
    """

    name = "mean"

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total = elements(output)
        return {"additions": (len(inputs) - 1) * total, "divisions": total}


class Mul(Join):
    """Product of the branches: n - 1 multiplications per value for n branches.

    An axis of size 1 is repeated as often as the others need it, and a vector counts as a
    C x 1 x 1 map beside maps (Hu et al. 2017, equation 4: the gate of squeeze-and-excitation).
    """

    name = "mul"

    def output_shape(self, *inputs: Shape) -> Shape:
        rank = max(map(len, inputs))
        shapes = [(*shape, 1, 1) if len(shape) == 2 and rank == 4 else shape for shape in inputs]
        output = shapes[0]
        for position, shape in enumerate(shapes):
            if len(shape) != len(output):
                raise self.refuse(position, "inputs of one shape, or of size 1", *inputs)
            output = tuple(a if a is b else maximum(a, b) for a, b in zip(output, shape))
        for position, shape in enumerate(shapes):
            for axis, (size, common) in enumerate(zip(shape, output)):
                if not holds((size == common) | ((size == 1) & (axis > 0))):
                    raise self.refuse(position or 1, "inputs of one shape, or of size 1", *inputs)
        return output

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"multiplications": (len(inputs) - 1) * elements(output)}


class Concat(Join):
    """The channels of all branches, one after the other.

    Free: values are copied, nothing is computed (Szegedy et al. 2014, section 4; Huang et al. 2016,
    equation 2).
    """

    name = "concat"

    def output_shape(self, *inputs: Shape) -> Shape:
        first = inputs[0]
        channels = channel_axis(first)
        for position, shape in enumerate(inputs):
            fits = len(shape) == len(first) and all(
                holds(a == b) for axis, (a, b) in enumerate(zip(first, shape)) if axis != channels
            )
            if not fits:
                raise self.refuse(position, "inputs that differ in their channels only", *inputs)
        total = first[channels]
        for shape in inputs[1:]:
            total = total + shape[channels]
        return *first[:channels], total, *first[channels + 1 :]
