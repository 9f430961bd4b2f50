"""PyTorch's pooling and resampling in ours."""

from __future__ import annotations

from typing import Any

from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation, build, named
from cnncost.importers.aten.values import arguments, first_shape, shape_of
from cnncost.importers.building import Unsupported
from cnncost.importers.shapes import pair


def max_pool(t: Conversion, node: Any) -> int:
    a = arguments(node)
    op = build(
        "maxpool",
        kernel=pair(a["kernel_size"]),
        stride=pair(a["stride"] or a["kernel_size"]),
        pad=pair(a["padding"]),
        dilation=pair(a["dilation"]),
        ceil=a["ceil_mode"],
    )
    return t.emit(op, [t.node(node.args[0])], node, shape=first_shape(node))


def avg_pool(t: Conversion, node: Any) -> int:
    a = arguments(node)
    if a["divisor_override"] is not None:
        raise Unsupported("a divisor of its own")
    op = build(
        "avgpool",
        kernel=pair(a["kernel_size"]),
        stride=pair(a["stride"] or a["kernel_size"]),
        pad=pair(a["padding"]),
        ceil=a["ceil_mode"],
        count_pad=a["count_include_pad"],
    )
    return t.emit(op, [t.node(node.args[0])], node)


def adaptive_avg_pool(t: Conversion, node: Any) -> int:
    x, size = node.args
    if len(shape_of(x)) == 4:
        op = build("global_avgpool") if pair(size) == (1, 1) else build("adaptive_avgpool", size=pair(size))
        return t.emit(op, [t.node(x)], node)
    if list(size) == [1]:
        op = build("reduce", function="mean", axes=[len(shape_of(x)) - 1], keep=True)
        return t.emit(op, [t.node(x)], node)
    raise Unsupported("adaptive pooling of sequences")


def adaptive_max_pool(t: Conversion, node: Any) -> list[Any]:
    x, size = node.args
    if pair(size) != (1, 1):
        raise Unsupported("adaptive max pooling to more than one value")
    return [t.emit(build("global_maxpool"), [t.node(x)], node, shape=first_shape(node))]


def interpolate(mode: str) -> Translation:
    def translate(t: Conversion, node: Any) -> int:
        op = build("interpolate", size=shape_of(node)[2:], mode=mode)
        return t.emit(op, [t.node(node.args[0])], node)

    return translate


TRANSLATIONS: dict[str, Translation] = {
    "max_pool2d": max_pool,
    "avg_pool2d": avg_pool,
    **named("adaptive_avg_pool2d adaptive_avg_pool1d", adaptive_avg_pool),
    "adaptive_max_pool2d": adaptive_max_pool,
    "upsample_nearest2d": interpolate("nearest"),
    "upsample_bilinear2d": interpolate("bilinear"),
    "upsample_bicubic2d": interpolate("bicubic"),
}
