"""Where quantised operators, ONNX's and onnxruntime's, have their weights, scales and zero points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

PAIR = (1, 2, 4, 5, 6, 7)
ONE = (1, 2, 3, 4)

WEIGHTS = {
    "QLinearConv": (3, 8), "ConvInteger": (1,), "QLinearMatMul": (0, 3), "MatMulInteger": (0, 1),
    "DequantizeLinear": (0,), "DynamicQuantizeMatMul": (1, 4), "MatMulIntegerToFloat": (1, 6),
    "MatMulNBits": (1,), "QGemm": (3, 6), "QAttention": (1,), "QLinearAdd": (0, 3), "QLinearMul": (0, 3),
    "PRelu": (1,),
}  # fmt: skip
"""Places at which weights are whole numbers, or one number; without an axis it is none."""
SCALES = {
    "QuantizeLinear": (1, 2), "DequantizeLinear": (1, 2), "QLinearConv": PAIR, "QLinearMatMul": PAIR,
    "ConvInteger": (2, 3), "MatMulInteger": (2, 3), "DynamicQuantizeMatMul": (2, 3),
    "MatMulIntegerToFloat": (2, 3, 4, 5), "MatMulNBits": (2, 3, 4), "QGemm": (1, 2, 4, 5, 7, 8),
    "QLinearAdd": PAIR, "QLinearMul": PAIR, "QLinearGlobalAveragePool": ONE, "QLinearSigmoid": ONE,
    "QLinearLeakyRelu": ONE, "QAttention": (3, 4, 6, 7),
}  # fmt: skip
"""Places of scales and zero points, which are stored beside weights and are none."""
SETTINGS = {
    **SCALES, "RotaryEmbedding": (1, 2, 3), "STFT": (2,), "OneHot": (2,), "NonMaxSuppression": (3, 4),
}  # fmt: skip
"""Those, and places of sines of positions, windows of frames, thresholds: settings, and no weights."""


def scales_of_products(nodes: Sequence[Any]) -> set[str]:
    """Tensors that are multiplied with the scale of values that were quantised as they came.

    The product is the scale of a layer of whole numbers: `quantize_dynamic` of onnxruntime writes it so.
    """
    own = {node.output[1] for node in nodes if node.op_type == "DynamicQuantizeLinear" and node.output[1:]}
    products = [node for node in nodes if node.op_type == "Mul" and own.intersection(node.input)]
    return {name for node in products for name in node.input} - own
