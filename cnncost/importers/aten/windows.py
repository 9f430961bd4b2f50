"""PyTorch's pooling, resampling and other windows in ours."""

from __future__ import annotations

from typing import Any

from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.sequences import as_map, emit_map, sides
from cnncost.importers.aten.translation import Translation, named
from cnncost.importers.aten.values import arguments, first_shape, shape_of
from cnncost.importers.building import Unsupported
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis, pair


def window(a: dict[str, Any], rank: int) -> dict[str, Any]:
    """The window of a pooling, of maps (rank 4) or sequences (3)."""
    return {
        "kernel": sides(a["kernel_size"], rank, 1),
        "stride": sides(a["stride"] or a["kernel_size"], rank, 1),
        "pad": sides(a["padding"], rank, 0),
        "ceil": a["ceil_mode"],
    }


def max_pool(t: Conversion, node: Any) -> int:
    a = arguments(node)
    rank = len(first_shape(node))
    op = build("maxpool", dilation=sides(a["dilation"], rank, 1), **window(a, rank))
    return emit_map(t, op, [as_map(t, node.args[0])], node)


def avg_pool(t: Conversion, node: Any) -> int:
    a = arguments(node)
    rank = len(shape_of(node))
    if a.get("divisor_override") is not None:
        raise Unsupported("a divisor of its own")
    op = build("avgpool", count_pad=a["count_include_pad"], **window(a, rank))
    return emit_map(t, op, [as_map(t, node.args[0])], node)


def adaptive_avg_pool(t: Conversion, node: Any) -> int:
    x, size = node.args
    size = sides(size, len(shape_of(x)), 1)
    op = build("global_avgpool") if size == (1, 1) else build("adaptive_avgpool", size=size)
    return emit_map(t, op, [as_map(t, x)], node)


def adaptive_max_pool(t: Conversion, node: Any) -> list[Any]:
    x, size = node.args
    size = sides(size, len(shape_of(x)), 1)
    op = build("global_maxpool") if size == (1, 1) else build("adaptive_maxpool", size=size)
    return [emit_map(t, op, [as_map(t, x)], node)]


def interpolate(mode: str, antialias: bool = False) -> Translation:
    def translate(t: Conversion, node: Any) -> int:
        op = build("interpolate", size=shape_of(node)[2:], mode=mode, antialias=antialias)
        return t.emit(op, [t.node(node.args[0])], node)

    return translate


def windows(t: Conversion, node: Any) -> int:
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


TRANSLATIONS: dict[str, Translation] = {
    **named("max_pool2d max_pool1d", max_pool),
    **named("avg_pool2d avg_pool1d", avg_pool),
    **named("adaptive_avg_pool2d adaptive_avg_pool1d", adaptive_avg_pool),
    **named("adaptive_max_pool2d adaptive_max_pool1d", adaptive_max_pool),
    "upsample_nearest2d": interpolate("nearest"),
    "upsample_bilinear2d": interpolate("bilinear"),
    "upsample_bicubic2d": interpolate("bicubic"),
    "_upsample_bilinear2d_aa": interpolate("bilinear", antialias=True),
    "_upsample_bicubic2d_aa": interpolate("bicubic", antialias=True),
    "unfold": windows,
    "im2col": unfold,
    "col2im": fold,
}
