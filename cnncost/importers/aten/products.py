"""PyTorch's products of matrices, as it calls them, attention among them."""

from __future__ import annotations

from typing import Any

from cnncost.importers import products
from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation, named
from cnncost.importers.aten.values import arguments
from cnncost.importers.building import Unsupported
from cnncost.importers.parts import build


def matmul(t: Conversion, node: Any) -> int:
    return products.matmul(t, node, *node.args[:2])


def addmm(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x, y, z = node.args[:3]
    if (a.get("alpha", 1), a.get("beta", 1)) != (1, 1):
        raise Unsupported("a product with a factor")
    product = t.emit(build("matmul"), [t.node(y), t.node(z)], node)
    return t.emit(build("combine", function="add"), [product, t.node(x)], node)


def einsum(t: Conversion, node: Any) -> int:
    return products.einsum(t, node, *node.args[:2])


def attention(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if a["enable_gqa"]:
        raise Unsupported("keys that several heads share")
    return products.attention(t, node, a["query"], a["key"], a["value"], a["attn_mask"])


TRANSLATIONS: dict[str, Translation] = {
    **named("matmul bmm mm", matmul),
    "addmm": addmm,
    "einsum": einsum,
    "scaled_dot_product_attention": attention,
}
