"""ONNX's products of matrices, as its files state them, attention among them."""

from __future__ import annotations

from functools import partial
from typing import Any

from cnncost.importers import layers, products
from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.translation import Translation, attributes, optional
from cnncost.importers.stated import StatedCost, custom, free
from cnncost.ops.sizes import Shape


def matmul(t: Conversion, node: Any) -> int:
    """A product; times a weight of its own it is a linear layer, which takes a bias that is added over."""
    x, y = node.input[:2]
    weight = t.shape(y)
    if len(t.shape(x)) > 1 and len(weight) == 2 and x in t.varies and t.own(y):
        bias = t.bias(node, weight[1]) or None
        index = layers.linear(t, node, x, y, bias, weight[1])
        return t.stands_for(node, index) if bias else index
    return products.matmul(t, node, x, y)


def einsum(t: Conversion, node: Any) -> int:
    return products.einsum(t, node, attributes(node)["equation"], node.input)


def attention(t: Conversion, node: Any) -> Any:
    query, key, value = node.input[:3]
    others = any(node.input[4:]) or any(t.uses[name] for name in node.output[1:])
    if others or len(t.shape(query)) != 4 or t.shape(query)[1] != t.shape(key)[1]:
        return of_heads(t, node)
    mask = optional(node, 3)
    read = [t.node(query), t.node(key), t.node(value)]
    return products.attention(t, node, read[0], read[1], read[2], t.node(mask) if mask else None)


def of_heads(t: Conversion, node: Any) -> list[Any]:
    """Attention whose heads stand side by side in a row, share keys, or remember those of earlier calls."""
    if any(node.input[6:]):
        raise Unsupported("attention to a part of its memory, which values tell")
    a = attributes(node)
    query, key, value = (t.shape(name) for name in node.input[:3])
    apart = len(query) == 4
    count = query[1] if apart else a["q_num_heads"]
    rows, length = query[-2], key[-2]
    depth = query[-1] if apart else query[-1] // count
    width = value[-1] if apart else value[-1] // a["kv_num_heads"]
    before = optional(node, 4)
    length += t.shape(before)[2] if before else 0

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        pairs = output[0] * count * rows * length
        return StatedCost(pairs * (depth + width), 6 * pairs)

    names = [name for name in node.input[:6] if name and (t.depends(name) or name in t.learned)]
    made = partial(custom, t, node, "attention", [t.node(name) for name in names])
    rest = [made(t.shape(name), free) if name and t.uses[name] else None for name in node.output[1:]]
    return [made(t.shape(node.output[0]), cost), *rest]


TRANSLATIONS: dict[str, Translation] = {"MatMul": matmul, "Einsum": einsum, "Attention": attention}
