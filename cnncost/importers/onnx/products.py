"""ONNX's products of matrices, as its files state them, attention among them."""

from __future__ import annotations

from typing import Any

from cnncost.importers import layers, products
from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.translation import Translation, attributes, optional


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


def attention(t: Conversion, node: Any) -> int:
    query, key, value = node.input[:3]
    if len(t.shape(query)) != 4 or any(node.input[4:]) or any(t.uses[name] for name in node.output[1:]):
        raise Unsupported("attention whose heads are not an axis, or with a memory")
    if t.shape(query)[1] != t.shape(key)[1]:
        raise Unsupported("keys that several heads share")
    mask = optional(node, 3)
    read = [t.node(query), t.node(key), t.node(value)]
    return products.attention(t, node, read[0], read[1], read[2], t.node(mask) if mask else None)


TRANSLATIONS: dict[str, Translation] = {"MatMul": matmul, "Einsum": einsum, "Attention": attention}
