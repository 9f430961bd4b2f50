"""PyTorch's products of matrices, as it calls them, attention among them."""

from __future__ import annotations

from typing import Any

from cnncost.importers import arithmetic, moves, products
from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.general import general
from cnncost.importers.aten.translation import Translation, named
from cnncost.importers.aten.values import arguments, is_strided, shape_of
from cnncost.importers.parts import build
from cnncost.importers.recurrent import layer


def matmul(t: Conversion, node: Any) -> int:
    x, y = node.args[:2]
    if is_sparse(x) or is_sparse(y):
        t.taken.append(f"{t.title}: a product with a sparse matrix is counted as one with all its zeros")
    return products.matmul(t, node, x, y)


def is_sparse(item: Any) -> bool:
    """Whether the zeros of a tensor are not stored."""
    return item.meta.get("sparse", False) or not is_strided(item.meta["val"])


def added(t: Conversion, node: Any) -> int:
    """A matrix plus a product: beta x + alpha y z."""
    a = arguments(node)
    x, y, z = node.args[:3]
    product = products.matmul(t, node, y, z)
    if a.get("alpha", 1) != 1:
        product = t.emit(build("scale", by=a["alpha"]), [product], node, within=True)
    summand = arithmetic.scaled(t, node, x, a.get("beta", 1))
    return t.emit(build("combine", function="add"), [product, summand], node)


def bilinear(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x, y, weight, bias = (a[name] for name in ("input1", "input2", "weight", "bias"))
    op = build("bilinear", out=shape_of(weight)[0], bias=bias is not None, frozen=t.frozen(weight))
    return layer(t, node, op, [t.node(x), t.node(y)], [weight, bias], shape_of(node))


def einsum(t: Conversion, node: Any) -> Any:
    """A product of two tensors; of one or of several it is what PyTorch composes it of."""
    equation, tensors = node.args[:2]
    if len(tensors) != 2 or "->" not in equation or "." in equation:
        return general(t, node)
    return products.einsum(t, node, equation, tensors)


def attention(t: Conversion, node: Any) -> int:
    a = arguments(node)
    heads = shape_of(a["query"])[-3] if a["enable_gqa"] else 0
    key, value = (per_head(t, node, a[name], heads) for name in ("key", "value"))
    mask = None if a["attn_mask"] is None else t.node(a["attn_mask"])
    return products.attention(t, node, t.node(a["query"]), key, value, mask)


def per_head(t: Conversion, node: Any, item: Any, heads: int) -> int:
    """Keys or values that several heads share, copied for each; 0 heads: as they are."""
    shape = shape_of(item)
    if heads in (0, shape[-3]):
        return t.node(item)
    once, after = (*shape[:-2], 1, *shape[-2:]), (*shape[:-3], heads, *shape[-2:])
    many = (*shape[:-2], heads // shape[-3], *shape[-2:])
    return moves.spread(t, node, t.node(item), once, many, after)


TRANSLATIONS: dict[str, Translation] = {
    **named("matmul bmm mm mv dot vdot _sparse_mm", matmul),
    **named("addmm baddbmm addmv", added),
    "bilinear": bilinear,
    "einsum": einsum,
    "scaled_dot_product_attention": attention,
}
