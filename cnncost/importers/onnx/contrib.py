"""onnxruntime's own operators (com.microsoft): several of ONNX's as one, and one node here."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from cnncost.importers import arithmetic, layers, products
from cnncost.importers.onnx.convert import Conversion, operator
from cnncost.importers.onnx.general import always
from cnncost.importers.onnx.given_shapes import plain as stand_in
from cnncost.importers.onnx.layers import conv, gemm
from cnncost.importers.onnx.quantised import product
from cnncost.importers.onnx.translation import Translation, attributes, optional
from cnncost.importers.parts import build
from cnncost.importers.stated import CostFormula, StatedCost, custom, free, of, per_output
from cnncost.ops.sizes import Shape, elements


def fused(t: Conversion, node: Any, formula: CostFormula, weights: Iterable[int]) -> list[Any]:
    """One node of a stated cost; `weights` are the places of weights, its own if nothing else reads them."""
    own = [name for name in (optional(node, place) for place in weights) if name and t.own(name)]
    given = [name for name in node.input if name and name not in own]
    sources = [t.node(name) for name in dict.fromkeys(given) if t.depends(name) or name in t.learned]
    parameters = sum(prod(t.shape(name)) for name in own)
    shape = t.shape(node.output[0])
    first = custom(t, node, operator(node), sources, shape, formula, parameters=parameters)
    rest = [
        custom(t, node, operator(node), [first], t.shape(name), free) if name and t.uses[name] else None
        for name in node.output[1:]
    ]
    return [first, *rest]


ACTIVATIONS = {
    "Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "LeakyRelu": "leaky_relu", "Clip": "relu6",
    "HardSigmoid": "hardsigmoid",
}  # fmt: skip
"""Activations that are fused into what they follow."""


def activated(translation: Translation) -> Translation:
    """A layer of ONNX's own and the activation fused into it."""

    def translate(t: Conversion, node: Any) -> int:
        index: int = translation(t, stand_in(node))
        name = attributes(node).get("activation", "")
        return t.emit(build(ACTIVATIONS[name]), [index], node, within=True) if name in ACTIVATIONS else index

    return translate


def fused_matmul(t: Conversion, node: Any) -> list[Any]:
    """alpha times a product of matrices, either of which may be transposed."""
    a = attributes(node)

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        depth = inputs[0][-2] if a.get("transA", 0) else inputs[0][-1]
        return StatedCost(elements(output) * depth, elements(output) if a.get("alpha", 1.0) != 1 else 0)

    return fused(t, node, cost, [1])


def gelu(t: Conversion, node: Any) -> Any:
    if node.op_type == "BiasGelu" or optional(node, 1):
        return fused(t, node, lambda output, *inputs: of(build("gelu"))(output, output)._replace(), [1])
    return t.emit(build("gelu"), [t.node(node.input[0])], node)


def skip_norm(t: Conversion, node: Any) -> list[Any]:
    """A sum and a layer norm of it: (x, skip, scale, shift, bias)."""
    root = "Simplified" in node.op_type
    op = build("rms_norm") if root else build("layer_norm")

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        flat = (elements(output[:-1]), output[-1])
        return StatedCost(operations=elements(output) + of(op)(flat, flat).operations)

    return fused(t, node, cost, [2, 3] if root else [2, 3, 4])


def simplified_norm(t: Conversion, node: Any) -> int:
    a = attributes(node)
    first, eps = a.get("axis", -1), a.get("epsilon", 1e-5)
    return layers.rms_norm(t, node, *node.input[:2], first=first, eps=eps)


def attention(t: Conversion, node: Any) -> list[Any]:
    """Queries, keys and values of one tensor by one product, then attention among its positions."""
    inner, depth = t.shape(node.input[1])[1], t.shape(node.input[0])[-1]

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        batch, length, _ = inputs[0]
        size = (inner - output[-1]) // 2
        weights = batch * length * length * attributes(node)["num_heads"]
        macs = batch * length * depth * inner + batch * length * length * (size + output[-1])
        return StatedCost(macs, batch * length * inner + 6 * weights)

    return fused(t, node, cost, [1, 2])


def multi_head(t: Conversion, node: Any) -> list[Any]:
    """Attention of queries, keys and values whose heads stand side by side."""

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        query, key = inputs[:2]
        pairs = query[0] * query[1] * key[1]
        return StatedCost(pairs * (query[-1] + output[-1]), 6 * pairs * attributes(node)["num_heads"])

    return fused(t, node, cost, [3])


def packed(t: Conversion, node: Any) -> list[Any]:
    """A product with a matrix whose values are packed, a few bits each: N x K of them are learned."""
    a = attributes(node)
    own = t.own(node.input[1])

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        return StatedCost(elements(output) * int(a["K"]))

    x = t.node(node.input[0])
    parameters = int(a["N"]) * int(a["K"]) if own else 0
    shape = t.shape(node.output[0])
    return [custom(t, node, operator(node), [x], shape, cost, parameters=parameters)]


def quantised_pair(function: str) -> Translation:
    return lambda t, node: arithmetic.per_pair(t, node, function, node.input[0], node.input[3])


def quantised_pool(t: Conversion, node: Any) -> int:
    x = node.input[0]
    over = tuple(range(2, len(t.shape(x))))
    return arithmetic.reduced(t, node, "mean", x, over, True, t.shape(node.output[0]))


def quantised_gemm(t: Conversion, node: Any) -> int:
    """QGemm: its matrix and bias stand among scales and zero points."""
    x, weight = node.input[0], node.input[3]
    bias = None if t.absent(optional(node, 6)) else node.input[6]
    if t.own(weight, bias):
        return layers.linear(t, node, x, weight, bias, t.shape(node.output[0])[-1])
    return products.matmul(t, node, x, weight)


def ours(translations: dict[str, Translation]) -> dict[str, Translation]:
    """Names with the domain."""
    return {f"com.microsoft::{name}": translation for name, translation in translations.items()}


TRANSLATIONS: dict[str, Translation] = {
    "SimplifiedLayerNormalization": simplified_norm,
    **ours({
        "FusedConv": activated(conv),
        "FusedGemm": activated(gemm),
        "FusedMatMul": fused_matmul,
        "TransposeMatMul": fused_matmul,
        **dict.fromkeys(("Gelu", "FastGelu", "BiasGelu", "QuickGelu"), gelu),
        **dict.fromkeys(("SkipLayerNormalization", "SkipSimplifiedLayerNormalization"), skip_norm),
        "SimplifiedLayerNormalization": simplified_norm,
        "Attention": attention,
        "MultiHeadAttention": multi_head,
        "MatMulNBits": packed,
        "MatMulIntegerToFloat": product(1),
        "DynamicQuantizeMatMul": product(1),
        "QGemm": quantised_gemm,
        "QLinearAdd": quantised_pair("add"),
        "QLinearMul": quantised_pair("mul"),
        "QLinearGlobalAveragePool": quantised_pool,
        "QLinearSigmoid": always(per_output(3), pointwise=True),
        "QLinearLeakyRelu": always(per_output(2), pointwise=True),
        "RotaryEmbedding": always(per_output(3)),
    }),
}  # fmt: skip
"""Of onnxruntime's operators; their shapes are in given_shapes."""
