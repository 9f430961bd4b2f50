"""Shapes that ONNX's inference does not know: of onnxruntime's operators, and of those that are functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from onnx import helper

from cnncost.importers.building import Unsupported

Shape = tuple[int, ...]
GivenShape = Callable[[Mapping[str, Any], Sequence[Shape]], Shape]
"""The shape of the first output, from the attributes and the inputs' shapes."""

DOMAIN = "com.microsoft"

STANDS_FOR = {
    "FusedConv": ("Conv", 3), "FusedGemm": ("Gemm", 3), "GemmFastGelu": ("MatMul", 2),
    "QLinearAveragePool": ("AveragePool", 1), "GridSample": ("GridSample", 2), "Trilu": ("Trilu", 2),
}  # fmt: skip
"""Operators whose shape is that of one of ONNX's own: its name, and of how many of their inputs."""


def as_first(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    """That of the first input."""
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
    """Of attention whose queries, keys and values one product makes."""
    sizes = a.get("qkv_hidden_sizes")
    return *inputs[0][:2], sizes[2] if sizes else inputs[1][1] // 3


def heads(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    """Of attention over three inputs; Unsupported where they are packed, or have an axis of heads."""
    if [len(shape) for shape in inputs[:3]] != [3, 3, 3]:
        raise Unsupported("queries, keys and values in one tensor, or with an axis of heads")
    return *inputs[0][:2], inputs[2][-1]


def queries(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    """Of attention whose values are as wide as its queries; Unsupported as `heads`."""
    heads(a, inputs)
    return inputs[0]


def packed(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    """Of a product with a packed matrix, whose width is an attribute."""
    return *inputs[0][:-1], int(a["N"])


def halved(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    """Half as wide: one half gates the other."""
    return *inputs[0][:-1], inputs[0][-1] // 2


def embedded(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    """A row of a table for every number."""
    return *inputs[0], inputs[2][-1]


def joined(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    """Of tensors that stand at every third place, behind a scale and a zero point of the output."""
    given = inputs[2::3]
    along = int(a["axis"]) % len(given[0])
    return *given[0][:along], sum(each[along] for each in given), *given[0][along + 1 :]


def pooled(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    """One value for every map."""
    return *inputs[0][:2], *[1] * (len(inputs[0]) - 2)


SAME = """
    Gelu FastGelu BiasGelu QuickGelu SkipLayerNormalization SkipSimplifiedLayerNormalization RotaryEmbedding
    QLinearSigmoid QLinearLeakyRelu QLinearSoftmax SimplifiedLayerNormalization LayerNormalization
    GroupNorm SkipGroupNorm BiasAdd Inverse QuantizeLinear DequantizeLinear
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
    "GroupQueryAttention": queries,
    "QAttention": attention,
    "EmbedLayerNormalization": embedded,
    "BiasSplitGelu": halved,
    "QLinearConcat": joined,
    "QLinearGlobalAveragePool": pooled,
}


TYPED_AS = {
    "EmbedLayerNormalization": 2, "QAttention": 3, "QuantizeLinear": 2, "DequantizeLinear": 1,
    "MatMulIntegerToFloat": 2, "QLinearConcat": 2,
}  # fmt: skip
"""The inputs whose element type the output has, where that is not the first."""


def remembered(a: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    """Keys or values as a later call takes them: the heads an axis."""
    rows, length, width = inputs[1]
    return rows, a["kv_num_heads"], length, width // a["kv_num_heads"]


FURTHER: dict[str, tuple[GivenShape, ...]] = {
    "GroupQueryAttention": (remembered, remembered),
    "EmbedLayerNormalization": (lambda a, inputs: inputs[0][:1], embedded),
}
"""The shapes of further outputs; else they are that of the first."""


FUNCTIONS: dict[str, GivenShape] = dict.fromkeys(
    ("GroupNormalization", "MeanVarianceNormalization", "SimplifiedLayerNormalization"), as_first
)
"""ONNX's own operators that are functions of others, whose shapes it leaves open."""


def rule_of(node: Any) -> GivenShape | None:
    """The rule of an operator that ONNX has no schema for, None if there is none."""
    own = node.domain in ("", "ai.onnx")
    return FUNCTIONS.get(node.op_type) if own else RULES.get(node.op_type) if node.domain == DOMAIN else None


OWN = ("activation", "channels_last")
"""What attributes begin with that ONNX's own operators do not have."""


def plain(node: Any) -> Any:
    """A node of ONNX's own operator that has its shape; the node itself if it is none of onnxruntime's."""
    if node.op_type == "STFT" and all(item.name != "onesided" for item in node.attribute):
        made = type(node)()
        made.CopyFrom(node)
        made.attribute.append(
            helper.make_attribute("onesided", 1)
        )  # ONNX's inference takes 0 for its default
        return made
    if node.domain != DOMAIN or node.op_type not in STANDS_FOR:
        return node
    known = [item for item in node.attribute if not item.name.startswith(OWN)]
    name, count = STANDS_FOR[node.op_type]
    made = helper.make_node(name, node.input[:count], node.output, node.name)
    made.attribute.extend(known)
    return made
