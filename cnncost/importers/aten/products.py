"""PyTorch's products of matrices, as it calls them, attention among them."""

from __future__ import annotations

from typing import Any

from cnncost.importers import arithmetic, products
from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation, named
from cnncost.importers.aten.values import arguments, shape_of
from cnncost.importers.parts import build
from cnncost.importers.recurrent import layer


def matmul(t: Conversion, node: Any) -> int:
    return products.matmul(t, node, *node.args[:2])


def added(t: Conversion, node: Any) -> int:
    """A matrix plus a product: beta x + alpha y z."""
    a = arguments(node)
    x, y, z = node.args[:3]
    product = t.emit(build("matmul"), [t.node(y), t.node(z)], node)
    if a.get("alpha", 1) != 1:
        product = t.emit(build("scale", by=a["alpha"]), [product], node, within=True)
    summand = arithmetic.scaled(t, node, x, a.get("beta", 1))
    return t.emit(build("combine", function="add"), [product, summand], node)


def bilinear(t: Conversion, node: Any) -> int:
    x, y, weight, bias = node.args
    op = build("bilinear", out=shape_of(weight)[0], bias=bias is not None, frozen=t.frozen(weight))
    return layer(t, node, op, [t.node(x), t.node(y)], [weight, bias], shape_of(node))


def einsum(t: Conversion, node: Any) -> int:
    return products.einsum(t, node, *node.args[:2])


def attention(t: Conversion, node: Any) -> int:
    a = arguments(node)
    return products.attention(t, node, a["query"], a["key"], a["value"], a["attn_mask"])


TRANSLATIONS: dict[str, Translation] = {
    **named("matmul bmm mm mv dot", matmul),
    **named("addmm baddbmm", added),
    "bilinear": bilinear,
    "einsum": einsum,
    "scaled_dot_product_attention": attention,
}
