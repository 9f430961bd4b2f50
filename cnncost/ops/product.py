"""Products of tensors neither of which is a layer's own weight: attention, shared or computed weights."""

from __future__ import annotations

import operator
from collections.abc import Collection
from functools import reduce
from typing import TYPE_CHECKING, Any

from cnncost.errors import OperatorError
from cnncost.ops import window
from cnncost.ops.arguments import Padding, PerAxis
from cnncost.ops.base import Operator, Reach, argument, divide, map_of
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, axes_of, elements, free, holds, maximum, resized
from cnncost.ops.window import Slides

if TYPE_CHECKING:
    from torch import nn


class Product(Operator):
    """What the products share."""

    kin = "linear"
    inputs = None

    def refused(self, inputs: tuple[Shape, ...]) -> OperatorError:
        """The error for inputs that do not fit together."""
        given = " and ".join("x".join(map(str, shape)) for shape in inputs)
        return OperatorError(f"{self.name} cannot multiply {given} (batch first)")

    def backward_macs(
        self, output: Shape, *inputs: Shape, trained: bool = True, wanted: Collection[int] = (0, 1)
    ) -> int:
        """A product for the gradient of each factor; a third input is added, and its gradient is a sum."""
        return self.macs(output, *inputs) * len([place for place in wanted if place < 2])


class MatMul(Product):
    """Matrix product of the last two axes; those before are repeated as they need.

    An m x k matrix times a k x n one: m * k * n MACs, for every matrix of the axes before.
    """

    name = "matmul"

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(inputs) != 2 or min(map(len, inputs)) < 2:
            raise self.refused(inputs)
        left, right = inputs
        if not holds(left[-1] == right[-2]):
            raise self.refused(inputs)
        rank = max(map(len, inputs)) - 2
        before = [(1,) * (rank - len(shape) + 2) + shape[:-2] for shape in inputs]
        if not all(holds((a == b) | (a == 1) | (b == 1)) for a, b in zip(*before, strict=True)):
            raise self.refused(inputs)
        return free((*(maximum(a, b) for a, b in zip(*before, strict=True)), left[-2], right[-1]))

    def macs(self, output: Shape, *inputs: Shape) -> int:
        return elements(output) * inputs[0][-1]

    def module(self, *inputs: Shape) -> nn.Module:
        return calling("matmul", lambda module, a, b: a @ b)


class Einsum(Product):
    """A product in Einstein's notation: letters that the output lacks are summed over.

    Two factors: MACs are the product of the sizes of all letters.
    """

    name = "einsum"

    equation: str = argument(help="a letter per axis of each factor and of the output: bij_bjk_bik")

    def sizes(self, *inputs: Shape) -> dict[str, int]:
        """Size of every letter."""
        found: dict[str, int] = {}
        *terms, _ = self.equation.split("_")
        if len(terms) != len(inputs) or len(inputs) != 2:
            raise OperatorError(
                f"einsum: {self.equation!r} does not name two factors and an output", argument="equation"
            )
        for term, shape in zip(terms, inputs, strict=True):
            if len(term) != len(shape):
                raise self.refused(inputs)
            for letter, size in zip(term, shape, strict=True):
                if not holds(found.setdefault(letter, size) == size):
                    raise self.refused(inputs)
        return found

    def output_shape(self, *inputs: Shape) -> Shape:
        sizes = self.sizes(*inputs)
        return free([sizes[letter] for letter in self.equation.split("_")[-1]])

    def macs(self, output: Shape, *inputs: Shape) -> int:
        return reduce(operator.mul, self.sizes(*inputs).values())

    def groups(self, position: int) -> list[list[int]]:
        """Axes of a factor that PyTorch makes one: of every matrix, of its rows, of its columns."""
        *factors, output = self.equation.split("_")
        own, other = factors[position], factors[1 - position]
        kept = [letter for letter in output if letter in own]
        matrices = [letter for letter in kept if letter in other]
        free = [letter for letter in kept if letter not in other]
        summed = [letter for letter in factors[0] if letter not in output and letter in own]
        sides = [summed, free] if position else [free, summed]
        return [[own.index(letter) for letter in group] for group in (matrices, *sides)]

    def module(self, *inputs: Shape) -> nn.Module:
        import torch

        first, second, output = self.equation.split("_")
        return calling("einsum", lambda module, a, b: torch.einsum(f"{first},{second}->{output}", a, b))


class Attention(Product):
    """Scaled dot-product attention: softmax(Q K^T / sqrt d + mask) V of queries, keys, values.

    For each of H heads of each image L_q * L_k * d MACs for the weights and L_q * L_k * d_v for the
    values. Per weight a multiplication by the scale, an addition of the mask if there is one, and the
    operations of a softmax over the keys (Vaswani et al. 2017, equation 1). Memory is that of PyTorch's
    plain kernel, which makes the weights; its fused kernels do not.
    """

    name = "attention"

    def output_shape(self, *inputs: Shape) -> Shape:
        if not 3 <= len(inputs) <= 4 or min(map(len, inputs[:3])) < 2:
            raise self.refused(inputs)
        query, key, value = inputs[:3]
        fits = (query[-1] == key[-1]) & (key[-2] == value[-2])
        if not len(query) == len(key) == len(value) or not holds(fits):
            raise self.refused(inputs)
        weights = *query[:-1], key[-2]
        for mask in inputs[3:]:
            sizes = zip(reversed(mask), reversed(weights), strict=False)
            if len(mask) > len(weights) or not all(holds((a == b) | (a == 1)) for a, b in sizes):
                raise OperatorError(f"attention: a mask of {mask} does not fit weights of {weights}")
        made = (*query[:-1], value[-1])
        return resized(query, made) if axes_of(query)[-1:] == "C" else free(made)

    def weighed(self, *inputs: Shape) -> int:
        """Number of attention weights."""
        query, key = inputs[:2]
        return elements(query[:-1]) * key[-2]

    def macs(self, output: Shape, *inputs: Shape) -> int:
        return self.weighed(*inputs) * (inputs[0][-1] + inputs[2][-1])

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total = self.weighed(*inputs)
        rows = elements(inputs[0][:-1])
        return {
            "scaling": total,
            "mask": total * (len(inputs) == 4),
            "comparisons": total - rows,
            "subtractions": total,
            "exponentials": total,
            "additions": total - rows,
            "divisions": total,
        }

    def module(self, *inputs: Shape) -> nn.Module:
        from torch.nn import functional

        def attend(module: Any, query: Any, key: Any, value: Any, mask: Any = None) -> Any:
            return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)

        return calling("attention", attend)


class ConvGiven(Product):
    """A convolution whose filters are its second input, and its biases the third, if there is one.

    Cost as of conv, but without parameters: those belong to what the filters come from. For weights
    that several layers share or that are computed (standardised) first. Channels of the map over
    channels of a filter is the number of groups, one for every image where each has its own filters.
    """

    name = "conv_given"
    kin = "convolution"

    stride: PerAxis = argument(1, symbol="S", minimum=1, help="step of the window")
    pad: Padding = argument(
        0, symbol="P", minimum=0, help="a number, one per axis, or before and after of each"
    )
    dilation: PerAxis = argument(1, symbol="D", minimum=1, help="distance of neighbouring taps")

    def check(self) -> None:
        if isinstance(self.pad, str):
            raise OperatorError("conv_given: pad must be numbers", argument="pad")

    def output_shape(self, *inputs: Shape) -> Shape:
        x, filters = map_of(self, inputs[0]), inputs[1]
        channels = x[1]
        if len(filters) != len(x) or not holds(channels % filters[1] == 0):
            raise self.refused(inputs[:2])
        divide(self, filters[0], channels // filters[1], "output")
        slides = self.windows(*inputs)
        space = [slide.positions(self.name, size) for slide, size in zip(slides, x[2:], strict=True)]
        return resized(x, (x[0], filters[0], *space))

    def windows(self, *inputs: Shape) -> Slides:
        letters, kernel = map_of(self, inputs[0]).axes[2:], tuple(inputs[1][2:])
        return window.slides(self.name, letters, kernel, self.stride, self.pad, self.dilation)

    def macs(self, output: Shape, *inputs: Shape) -> int:
        return elements(output) * elements(inputs[1][1:])

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"bias additions": elements(output)} if len(inputs) == 3 else {}

    def receptive(self, *inputs: Shape) -> Reach | None:
        return tuple([slide.seen() for slide in self.windows(*inputs)])

    def module(self, *inputs: Shape) -> nn.Module:
        from torch.nn import functional

        slides = self.windows(*inputs)
        _, stride, dilation = window.settings(slides)
        even = all(slide.before == slide.after for slide in slides)
        sides = window.flat([(slide.before, slide.after) for slide in slides])
        pad = tuple([slide.before for slide in slides]) if even else 0
        name = f"conv{len(slides)}d"  # looked up when it runs: some programs put theirs in its place

        def convolve(module: Any, x: Any, filters: Any, biases: Any = None) -> Any:
            x = x if even else functional.pad(x, sides)
            groups = x.shape[1] // filters.shape[1]
            return getattr(functional, name)(x, filters, biases, stride, pad, dilation, groups=groups)

        return calling("conv_given", convolve)


class LinearGiven(Product):
    """A fully connected layer whose weights are its second input, and its biases the third.

    Cost as of linear, along the last axis, but without parameters: those belong to what the weights
    come from.
    """

    name = "linear_given"

    def output_shape(self, *inputs: Shape) -> Shape:
        x, weight = inputs[:2]
        if len(weight) != 2 or not holds(x[-1] == weight[1]):
            raise self.refused(inputs[:2])
        made = (*x[:-1], weight[0])
        return resized(x, made) if axes_of(x)[-1:] == "C" else free(made)

    def macs(self, output: Shape, *inputs: Shape) -> int:
        return elements(output) * inputs[0][-1]

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"bias additions": elements(output)} if len(inputs) == 3 else {}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch.nn import functional

        return calling("linear_given", lambda module, *tensors: functional.linear(*tensors))
