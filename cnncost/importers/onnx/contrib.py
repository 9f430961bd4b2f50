"""onnxruntime's own operators (com.microsoft): several of ONNX's as one, and one node here."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from cnncost.importers import arithmetic, formulas, layers, products
from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.general import always
from cnncost.importers.onnx.given_shapes import plain as stand_in
from cnncost.importers.onnx.layers import conv, gemm
from cnncost.importers.onnx.naming import operator
from cnncost.importers.onnx.quantised import product
from cnncost.importers.onnx.sampling import grid_sample
from cnncost.importers.onnx.translation import Translation, attributes, optional
from cnncost.importers.onnx.windows import avg_pool
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis
from cnncost.importers.stated import CostFormula, StatedCost, custom, free, of, per_output
from cnncost.ops.sizes import Shape, elements


def fused(t: Conversion, node: Any, formula: CostFormula, weights: Iterable[int]) -> list[Any]:
    """One node of a stated cost; `weights` are the places of weights, its own if nothing else reads them."""
    own = [name for name in (optional(node, place) for place in weights) if name and t.own(name)]
    given = [name for name in node.input if name and name not in own]
    sources = [t.node(name) for name in given if t.depends(name) or name in t.learned]
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
    if optional(node, 8 if node.op_type == "QAttention" else 4):
        raise Unsupported("attention with a memory")
    inner, depth = t.shape(node.input[1])[1], t.shape(node.input[0])[-1]

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        batch, length, _ = inputs[0]
        size = (inner - output[-1]) // 2
        weights = batch * length * length * attributes(node)["num_heads"]
        macs = batch * length * depth * inner + batch * length * length * (size + output[-1])
        return StatedCost(macs, batch * length * inner + 6 * weights)

    return fused(t, node, cost, [1, 2])


def multi_head(t: Conversion, node: Any) -> list[Any]:
    """Attention of queries, keys and values whose heads stand side by side; several may share keys."""
    grouped = node.op_type == "GroupQueryAttention"
    if any(optional(node, place) for place in ((3, 4) if grouped else (6, 7))):
        raise Unsupported("attention with a memory")
    query, length = t.shape(node.input[0]), t.shape(node.input[1])[1]
    count = attributes(node)["num_heads"]

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        pairs = output[0] * output[1] * length
        return StatedCost(pairs * (query[-1] + output[-1]), 6 * pairs * count)

    return fused(t, node, cost, [] if grouped else [3])


def embedded(t: Conversion, node: Any) -> list[Any]:
    """Rows of tables (words, positions, segments if there are any), added, and a layer norm."""
    tables = 3 if optional(node, 4) else 2

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        flat = (elements(output[:-1]), output[-1])
        norm = of(build("layer_norm"))(flat, flat).operations
        return StatedCost(operations=(tables - 1) * elements(output) + norm)

    return fused(t, node, cost, [2, 3, 4, 5, 6])


def group_norm(t: Conversion, node: Any) -> list[Any]:
    """Group norm of a map whose channels stand last, with what is added before and SiLU behind."""
    a = attributes(node)
    skip = node.op_type == "SkipGroupNorm"

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        turned = (output[0], output[-1], *output[1:-1])
        norm = of(build("group_norm", groups=a["groups"]))(turned, turned).operations
        silu = of(build("silu"))(turned, turned).operations if a.get("activation", 0) else 0
        before = len(inputs) - 1 if skip else 0
        return StatedCost(operations=norm + silu + before * elements(output))

    return fused(t, node, cost, [1, 2, 4] if skip else [1, 2])


def gemm_gelu(t: Conversion, node: Any) -> list[Any]:
    """A product with a matrix, a bias, and GELU."""
    bias = bool(optional(node, 2))

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        gelu = of(build("gelu"))(output, output).operations
        return StatedCost(elements(output) * inputs[0][-1], gelu + bias * elements(output))

    return fused(t, node, cost, [1, 2])


def split_gelu(output: Shape, *inputs: Shape) -> StatedCost:
    """A bias on both halves, GELU of the second, and the product of the halves."""
    gelu = of(build("gelu"))(output, output).operations
    return StatedCost(operations=3 * elements(output) + gelu)


def weighted(formula: CostFormula, *weights: int) -> Translation:
    """A node of a stated cost, with weights at these places."""
    return lambda t, node: fused(t, node, formula, weights)


def softmax(t: Conversion, node: Any) -> list[Any]:
    along = axis(attributes(node).get("axis", -1), len(t.shape(node.input[0])))

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        rows = (elements(output[:along]), elements(output[along:]))
        return of(build("softmax"))(rows, rows)

    return fused(t, node, cost, [])


def packed(t: Conversion, node: Any) -> list[Any]:
    """A product with a matrix whose values are packed, a few bits each: N x K of them are learned."""
    a = attributes(node)
    own = t.own(node.input[1])

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        return StatedCost(elements(output) * int(a["K"]))

    x = t.node(node.input[0])
    parameters = int(a["N"]) * int(a["K"]) if own else 0
    shape = t.shape(node.output[0])
    index = custom(t, node, operator(node), [x], shape, cost, parameters=parameters)
    t.building.retype(index, f"uint{a.get('bits', 4)}")
    return [index]


def quantised_pair(function: str) -> Translation:
    """A function of every pair of quantised values."""
    return lambda t, node: arithmetic.per_pair(t, node, function, node.input[0], node.input[3])


def quantised_pool(t: Conversion, node: Any) -> int:
    x = node.input[0]
    over = tuple(range(2, len(t.shape(x))))
    return arithmetic.reduced(t, node, "mean", x, over, True, t.shape(node.output[0]))


def quantised_average(t: Conversion, node: Any) -> int:
    if attributes(node).get("channels_last", 0):
        raise Unsupported("a map whose channels stand last")
    return avg_pool(t, stand_in(node))


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
        "GemmFastGelu": gemm_gelu,
        "TransposeMatMul": fused_matmul,
        **dict.fromkeys(("Gelu", "FastGelu", "BiasGelu", "QuickGelu"), gelu),
        **dict.fromkeys(("SkipLayerNormalization", "SkipSimplifiedLayerNormalization"), skip_norm),
        "SimplifiedLayerNormalization": simplified_norm,
        "Attention": attention,
        "QAttention": attention,
        **dict.fromkeys(("MultiHeadAttention", "GroupQueryAttention"), multi_head),
        "EmbedLayerNormalization": embedded,
        **dict.fromkeys(("GroupNorm", "SkipGroupNorm"), group_norm),
        "BiasSplitGelu": weighted(split_gelu, 1),
        "BiasAdd": weighted(per_output(2), 1),
        "Inverse": always(formulas.inverse),
        "GridSample": lambda t, node: grid_sample(t, stand_in(node)),
        "Trilu": always(free),
        "QuantizeLinear": always(per_output(4), pointwise=True),
        "DequantizeLinear": always(per_output(2), pointwise=True),
        "QLinearConcat": always(per_output(4)),
        "QLinearAveragePool": quantised_average,
        "QLinearSoftmax": softmax,
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
