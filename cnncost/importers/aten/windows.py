"""PyTorch's pooling, resampling and other windows, as it calls them."""

from __future__ import annotations

from typing import Any

from cnncost.importers import windows
from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation, named
from cnncost.importers.aten.values import arguments, first_shape, shape_of
from cnncost.importers.building import Unsupported
from cnncost.importers.parts import build
from cnncost.importers.shapes import axis, pair, per_axis


def window(a: dict[str, Any], rank: int) -> dict[str, Any]:
    """The window of a pooling over `rank` axes."""
    return {
        "kernel": per_axis(a["kernel_size"], rank),
        "stride": per_axis(a["stride"] or a["kernel_size"], rank),
        "pad": per_axis(a["padding"], rank),
        "ceil": a["ceil_mode"],
    }


def max_pool(t: Conversion, node: Any) -> int:
    a = arguments(node)
    shape = first_shape(node)
    dilation = per_axis(a["dilation"], len(shape) - 2)
    given = window(a, len(shape) - 2)
    return windows.pool(t, node, node.args[0], "maxpool", shape, **given, dilation=dilation)


def avg_pool(t: Conversion, node: Any) -> int:
    a = arguments(node)
    shape = shape_of(node)
    if a.get("divisor_override") is not None:
        raise Unsupported("a divisor of its own")
    given = window(a, len(shape) - 2)
    return windows.pool(t, node, node.args[0], "avgpool", shape, **given, count_pad=a["count_include_pad"])


def adaptive(function: str) -> Translation:
    def translate(t: Conversion, node: Any) -> Any:
        shape = first_shape(node)
        made = windows.adaptive(t, node, node.args[0], function, shape[2:], shape)
        return [made] if isinstance(node.meta["val"], (tuple, list)) else made

    return translate


def interpolate(mode: str, antialias: bool = False) -> Translation:
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


TRANSLATIONS: dict[str, Translation] = {
    **named("max_pool1d max_pool2d max_pool3d", max_pool),
    **named("avg_pool1d avg_pool2d avg_pool3d", avg_pool),
    **named("adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d", adaptive("avg")),
    **named("adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d", adaptive("max")),
    "upsample_nearest2d": interpolate("nearest"),
    "upsample_bilinear2d": interpolate("bilinear"),
    "upsample_bicubic2d": interpolate("bicubic"),
    "_upsample_bilinear2d_aa": interpolate("bilinear", antialias=True),
    "_upsample_bicubic2d_aa": interpolate("bicubic", antialias=True),
    "unfold": overlapping,
    "im2col": unfold,
    "col2im": fold,
}
