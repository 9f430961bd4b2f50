"""PyTorch's pooling, resampling and other windows, as it calls them."""

from __future__ import annotations

from math import prod
from typing import Any

from cnncost.importers import windows
from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.general import several
from cnncost.importers.aten.translation import Translation, named
from cnncost.importers.aten.values import arguments, first_shape, operator_name, shape_of
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis, pair, per_axis
from cnncost.importers.stated import custom, free


def window(a: dict[str, Any], x: Any) -> dict[str, Any]:
    """The window of a pooling of a tensor.

    Rounding up lets a window reach beyond the map; PyTorch cuts it off there, even one that is larger than
    the whole map.
    """
    size = shape_of(x)[2:]
    rank = len(size)
    kernel, pad = per_axis(a["kernel_size"], rank), per_axis(a["padding"], rank)
    if a["ceil_mode"] and set(per_axis(a.get("dilation", 1), rank)) == {1}:
        kernel = [min(k, n + 2 * p) for k, n, p in zip(kernel, size, pad, strict=True)]
    stride = per_axis(a["stride"] or a["kernel_size"], rank)
    return {"kernel": kernel, "stride": stride, "pad": pad, "ceil": a["ceil_mode"]}


def max_pool(t: Conversion, node: Any) -> int:
    a = arguments(node)
    shape = first_shape(node)
    dilation = per_axis(a["dilation"], len(shape) - 2)
    given = window(a, node.args[0])
    return windows.pool(t, node, node.args[0], "maxpool", shape, **given, dilation=dilation)


def max_pool_and_positions(t: Conversion, node: Any) -> list[Any]:
    """A max pooling, and the positions that it finds, which an unpooling needs of it."""
    index = max_pool(t, node)

    def positions() -> int:
        return custom(t, node, "positions", [index], first_shape(node), free)

    taken = [user for user in node.users if operator_name(user) == "getitem" and user.args[1] == 1]
    undone = all(operator_name(reader).startswith("max_unpool") for user in taken for reader in user.users)
    return [index, index if undone else positions]


def max_unpool(t: Conversion, node: Any) -> int:
    """What undoes a max pooling, whose positions it is given."""
    x, positions, size = node.args[:3]
    source = t.places.get(positions)
    pool = t.building.nodes[source] if isinstance(source, int) else None
    if pool is None or pool.op.name != "maxpool":
        return several(t, node, free)  # type: ignore[no-any-return]
    op = build("max_unpool", pool=pool.op.name, size=size).refer(pool.op)
    return t.emit(op, [t.node(x), pool.index, *pool.inputs], node)


def avg_pool(t: Conversion, node: Any) -> int:
    a = arguments(node)
    shape = shape_of(node)
    divisor = a.get("divisor_override")
    given = window(a, node.args[0])
    if divisor is not None:  # the mean, zeros counted, times the window's size over the divisor
        mean = windows.pool(t, node, node.args[0], "avgpool", shape, **given, count_pad=True)
        return t.emit(build("scale", by=prod(given["kernel"]) / divisor), [mean], node, within=True)
    return windows.pool(t, node, node.args[0], "avgpool", shape, **given, count_pad=a["count_include_pad"])


def adaptive(function: str) -> Translation:
    """A pooling to a given size."""

    def translate(t: Conversion, node: Any) -> Any:
        shape = first_shape(node)
        made = windows.adaptive(t, node, node.args[0], function, shape[2:], shape)
        return [made] if isinstance(node.meta["val"], (tuple, list)) else made

    return translate


def interpolate(mode: str, antialias: bool = False) -> Translation:
    """A map in another size."""
    return lambda t, node: windows.interpolated(t, node, node.args[0], shape_of(node), mode, antialias)


def overlapping(t: Conversion, node: Any) -> int:
    a = arguments(node)
    x = node.args[0]
    op = build("windows", axis=axis(a["dimension"], len(shape_of(x))), size=a["size"], stride=a["step"])
    return t.emit(op, [t.node(x)], node)


def patches(a: dict[str, Any]) -> dict[str, Any]:
    """The windows of an unfolding or a folding."""
    names = {"kernel": "kernel_size", "stride": "stride", "pad": "padding", "dilation": "dilation"}
    return {name: pair(a[theirs]) for name, theirs in names.items()}


def unfold(t: Conversion, node: Any) -> int:
    a = arguments(node)
    return t.emit(build("unfold", **patches(a)), [t.node(node.args[0])], node)


def fold(t: Conversion, node: Any) -> int:
    a = arguments(node)
    return t.emit(build("fold", size=pair(a["output_size"]), **patches(a)), [t.node(node.args[0])], node)


WITH_POSITIONS = "max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices"

TRANSLATIONS: dict[str, Translation] = {
    **named("max_pool1d max_pool2d max_pool3d", max_pool),
    **named(WITH_POSITIONS, max_pool_and_positions),
    **named("max_unpool2d max_unpool3d", max_unpool),
    **named("avg_pool1d avg_pool2d avg_pool3d", avg_pool),
    **named("adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d", adaptive("avg")),
    **named("_adaptive_avg_pool2d _adaptive_avg_pool3d", adaptive("avg")),
    **named("adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d", adaptive("max")),
    **named("upsample_nearest1d upsample_nearest2d upsample_nearest3d", interpolate("nearest")),
    "upsample_linear1d": interpolate("linear"),
    "upsample_bilinear2d": interpolate("bilinear"),
    "upsample_trilinear3d": interpolate("trilinear"),
    "upsample_bicubic2d": interpolate("bicubic"),
    **named(
        "_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d",
        interpolate("nearest-exact"),
    ),
    "_upsample_bilinear2d_aa": interpolate("bilinear", antialias=True),
    "_upsample_bicubic2d_aa": interpolate("bicubic", antialias=True),
    "unfold": overlapping,
    "im2col": unfold,
    "col2im": fold,
}
