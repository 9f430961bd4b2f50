"""PyTorch's layers that read a map at computed positions, or a table at given ones, as it calls them."""

from __future__ import annotations

from math import prod
from typing import Any

from cnncost.importers import formulas
from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.general import several, stated
from cnncost.importers.aten.translation import Translation, named
from cnncost.importers.aten.values import arguments, part_shape, shape_of
from cnncost.importers.building import Unsupported
from cnncost.importers.parts import build
from cnncost.importers.recurrent import layer
from cnncost.importers.stated import custom, free

MODES = ("bilinear", "nearest", "bicubic")


def grid_sample(t: Conversion, node: Any) -> int:
    a = arguments(node)
    op = build("grid_sample", mode=MODES[a["interpolation_mode"]])
    return t.emit(op, [t.node(item) for item in node.args[:2]], node)


def deform_conv(t: Conversion, node: Any) -> int:
    """torchvision's deformable convolution."""
    a = arguments(node)
    weight, bias = a["weight"], a["bias"]
    if bias not in t.tensors.parameters:
        bias = None  # zeros: it is left out
    filters = shape_of(weight)
    sides = {name: (a[f"{name}_h"], a[f"{name}_w"]) for name in ("stride", "pad", "dilation")}
    if filters[2] != filters[3] or any(height != width for height, width in sides.values()):
        raise Unsupported("a deformable window that is not square")
    op = build(
        "deform_conv",
        out=filters[0],
        kernel=filters[2],
        groups=a["groups"],
        bias=bias is not None,
        frozen=t.frozen(weight),
        **{name: height for name, (height, _) in sides.items()},
    )
    inputs = [a["input"], a["offset"], *([a["mask"]] if a["use_mask"] else [])]
    return layer(t, node, op, [t.node(item) for item in inputs], [weight, bias], shape_of(node))


def roi_align(t: Conversion, node: Any) -> Any:
    return several(t, node, formulas.roi_align(max(arguments(node)["sampling_ratio"], 0)))


def embedding(t: Conversion, node: Any) -> int:
    """A row of a table per number; of a table that is not its own it is a choice of rows."""
    table, numbers = node.args[:2]
    shape = shape_of(table)
    if t.own(table) and t.depends(numbers):
        op = build("embedding", vocabulary=shape[0], size=shape[1], frozen=t.frozen(table))
        return t.emit(op, [t.node(numbers)], node)
    sources = [t.node(item) for item in (table, numbers) if t.depends(item) or item is table]
    return custom(t, node, "aten.embedding", sources, shape_of(node), free)


def embedding_bag(t: Conversion, node: Any) -> Any:
    """Rows of a table per number, added up by bags."""
    table, numbers = node.args[:2]
    own = t.own(table)
    sources = [t.node(item) for item in (numbers, table) if item is numbers or not own]
    parameters = prod(shape_of(table)) if own else 0
    shape = part_shape(node, 0)
    first = custom(
        t,
        node,
        "aten.embedding_bag",
        sources,
        shape,
        formulas.bag,
        parameters=parameters,
        frozen=own and t.frozen(table),
    )
    return [first]


TRANSLATIONS: dict[str, Translation] = {
    **named("grid_sampler grid_sampler_2d grid_sampler_3d", grid_sample),
    "torchvision::deform_conv2d": deform_conv,
    "torchvision::roi_align": roi_align,
    "torchvision::nms": stated(lambda node: formulas.suppression),
    "embedding": embedding,
    **named("embedding_bag _embedding_bag _embedding_bag_forward_only", embedding_bag),
}
