"""Shapes that ONNX's inference does not know: of onnxruntime's operators, and of those that are functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from onnx import helper

Shape = tuple[int, ...]
GivenShape = Callable[[Mapping[str, Any], Sequence[Shape]], Shape]
"""The shape of the first output, from the attributes and the inputs' shapes."""

DOMAIN = "com.microsoft"

STANDS_FOR = {"FusedConv": "Conv", "FusedGemm": "Gemm"}
"""Operators whose shape is that of one of ONNX's own, and its name."""


def as_first(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    return inputs[0]


def broadcast(first: int, second: int) -> GivenShape:
    """Of two inputs, axes of size 1 repeated."""

    def shape(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
        x, y = inputs[first], inputs[second]
        rank = max(len(x), len(y))
        pairs = zip((*(1,) * (rank - len(x)), *x), (*(1,) * (rank - len(y)), *y), strict=True)
        return tuple(max(pair) for pair in pairs)

    return shape


def matmul(second: int) -> GivenShape:
    """Of a product of matrices, either of which may be transposed."""

    def shape(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
        x, y = inputs[0], inputs[second]
        rows = x[-1] if a.get("transA", 0) else x[-2]
        columns = y[-2] if a.get("transB", 0) else y[-1]
        return *(x if len(x) >= len(y) else y)[:-2], rows, columns

    return shape


def attention(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    sizes = a.get("qkv_hidden_sizes")
    return *inputs[0][:2], sizes[2] if sizes else inputs[1][1] // 3


def heads(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    return *inputs[0][:2], inputs[2][-1]


def packed(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    return *inputs[0][:-1], int(a["N"])


def pooled(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    return *inputs[0][:2], *[1] * (len(inputs[0]) - 2)


SAME = """
    Gelu FastGelu BiasGelu QuickGelu SkipLayerNormalization SkipSimplifiedLayerNormalization RotaryEmbedding
    QLinearSigmoid QLinearLeakyRelu QLinearSoftmax SimplifiedLayerNormalization LayerNormalization
"""
"""Operators whose output has the shape of their first input."""

RULES: dict[str, GivenShape] = {
    **dict.fromkeys(SAME.split(), as_first),
    "QLinearAdd": broadcast(0, 3),
    "QLinearMul": broadcast(0, 3),
    "FusedMatMul": matmul(1),
    "TransposeMatMul": matmul(1),
    "MatMulIntegerToFloat": matmul(1),
    "DynamicQuantizeMatMul": matmul(1),
    "QGemm": matmul(3),
    "MatMulNBits": packed,
    "Attention": attention,
    "MultiHeadAttention": heads,
    "QLinearGlobalAveragePool": pooled,
}


FUNCTIONS: dict[str, GivenShape] = dict.fromkeys(
    ("GroupNormalization", "MeanVarianceNormalization", "SimplifiedLayerNormalization"), as_first
)
"""ONNX's own operators that are functions of others, whose shapes it leaves open."""


def rule_of(node: Any) -> GivenShape | None:
    """The rule of an operator that ONNX has no schema for, None if there is none."""
    own = node.domain in ("", "ai.onnx")
    return FUNCTIONS.get(node.op_type) if own else RULES.get(node.op_type) if node.domain == DOMAIN else None


def plain(node: Any) -> Any:
    """A node of ONNX's own operator that has its shape; the node itself if it is none of onnxruntime's."""
    if node.domain != DOMAIN or node.op_type not in STANDS_FOR:
        return node
    known = [item for item in node.attribute if not item.name.startswith("activation")]
    made = helper.make_node(STANDS_FOR[node.op_type], node.input, node.output, node.name)
    made.attribute.extend(known)
    return made
