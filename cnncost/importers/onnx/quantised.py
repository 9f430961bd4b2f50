"""ONNX's quantised layers: products of whole numbers, and the steps to whole numbers and back.

Quantising a value is a division, a rounding, an addition of the zero point and a comparison; back it is a
subtraction and a multiplication (Jacob et al. 2018, equation 1).
"""

from __future__ import annotations

from typing import Any

from cnncost.importers import layers, products
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.general import always, several
from cnncost.importers.onnx.layers import window_of
from cnncost.importers.onnx.translation import Translation, optional
from cnncost.importers.stated import StatedCost, per_output
from cnncost.ops.sizes import Shape, elements


def given(t: Conversion, node: Any, place: int) -> str | None:
    """The name of a weight that may be left out."""
    name = optional(node, place)
    return None if t.absent(name) else name


def linear_conv(t: Conversion, node: Any) -> int:
    """QLinearConv: its input, weight and bias stand among scales and zero points."""
    x, weight, bias = node.input[0], node.input[3], given(t, node, 8)
    window = window_of(t, node, x, weight)
    return layers.conv(t, node, x, weight, bias, shape=t.shape(node.output[0]), **window)


def conv_integer(t: Conversion, node: Any) -> int:
    x, weight = node.input[:2]
    window = window_of(t, node, x, weight)
    return layers.conv(t, node, x, weight, None, shape=t.shape(node.output[0]), **window)


def product(second: int) -> Translation:
    """A product of matrices of whole numbers; `second` is the place of the second."""

    def translate(t: Conversion, node: Any) -> int:
        x, y = node.input[0], node.input[second]
        weight = t.shape(y)
        if len(t.shape(x)) > 1 and len(weight) == 2 and t.depends(x) and t.own(y):
            return layers.linear(t, node, x, y, None, weight[1])
        return products.matmul(t, node, x, y)

    return translate


def dynamic(output: Shape, *inputs: Shape) -> StatedCost:
    """The smallest and the largest value, then as quantising: six operations per value."""
    return StatedCost(operations=6 * elements(inputs[0]))


def dynamically(t: Conversion, node: Any) -> list[Any]:
    return several(t, node, dynamic, pointwise=True)


TRANSLATIONS: dict[str, Translation] = {
    "QuantizeLinear": always(per_output(4), pointwise=True),
    "DequantizeLinear": always(per_output(2), pointwise=True),
    "DynamicQuantizeLinear": dynamically,
    "QLinearConv": linear_conv,
    "ConvInteger": conv_integer,
    "QLinearMatMul": product(3),
    "MatMulInteger": product(1),
}
