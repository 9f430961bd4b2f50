"""PyTorch's products of matrices in ours, attention among them."""

from __future__ import annotations

from typing import Any

from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation, named
from cnncost.importers.aten.values import arguments, shape_of
from cnncost.importers.building import Unsupported
from cnncost.importers.parts import build


def matmul(t: Conversion, node: Any) -> int:
    x, y = node.args[:2]
    if min(len(shape_of(x)), len(shape_of(y))) < 2:
        raise Unsupported("a product with a vector")
    return t.emit(build("matmul"), [t.node(x), t.node(y)], node)


def addmm(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x, y, z = node.args[:3]
    if (a.get("alpha", 1), a.get("beta", 1)) != (1, 1):
        raise Unsupported("a product with a factor")
    product = t.emit(build("matmul"), [t.node(y), t.node(z)], node)
    return t.emit(build("combine", function="add"), [product, t.node(x)], node)


def einsum(t: Conversion, node: Any) -> int:
    equation, tensors = node.args[:2]
    op = build("einsum", equation=equation.replace(" ", "").replace("->", "_").replace(",", "_"))
    return t.emit(op, [t.node(item) for item in tensors], node)


def attention(t: Conversion, node: Any) -> int:
    a = arguments(node)
    mask = a["attn_mask"]
    if a["enable_gqa"]:
        raise Unsupported("keys that several heads share")
    sources = [a["query"], a["key"], a["value"], *([] if mask is None else [mask])]
    return t.emit(build("attention"), [t.node(item) for item in sources], node)


TRANSLATIONS: dict[str, Translation] = {
    **named("matmul bmm mm", matmul),
    "addmm": addmm,
    "einsum": einsum,
    "scaled_dot_product_attention": attention,
}
