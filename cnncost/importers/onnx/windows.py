"""ONNX's pooling and resampling, as its files state them, and its padding of windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost.importers import arithmetic, windows
from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.translation import Translation, attributes, named, optional
from cnncost.ops.window import extent, same_padding


def sides(a: dict[str, Any], size: Sequence[int], kernel: Sequence[int]) -> Any:
    """The padding of a window: (before, after) of every axis, or same."""
    rank = len(kernel)
    kind = a.get("auto_pad", "NOTSET")
    if kind == "SAME_UPPER":
        return "same"
    pads = list(a.get("pads", [0] * 2 * rank)) if kind == "NOTSET" else [0] * 2 * rank
    if kind.startswith("SAME"):
        strides, dilations = (a.get(name, [1] * rank) for name in ("strides", "dilations"))
        for at in range(rank):
            few, many = same_padding(size[at], extent(kernel[at], dilations[at]), strides[at])
            pads[at], pads[rank + at] = (few, many) if kind == "SAME_UPPER" else (many, few)
    return [pads[place] for at in range(rank) for place in (at, rank + at)]


def pool(t: Conversion, node: Any) -> dict[str, Any]:
    """The window of a pooling."""
    a = attributes(node)
    kernel = a["kernel_shape"]
    return {
        "shape": t.shape(node.output[0]),
        "kernel": kernel,
        "stride": a.get("strides", [1] * len(kernel)),
        "pad": sides(a, t.shape(node.input[0])[2:], kernel),
        "ceil": bool(a.get("ceil_mode", 0)),
    }


def max_pool(t: Conversion, node: Any) -> int:
    if len(node.output) > 1 and t.uses[node.output[1]]:
        raise Unsupported("pooling whose positions are read")
    given = pool(t, node)
    dilation = attributes(node).get("dilations", [1] * len(given["kernel"]))
    return windows.pool(t, node, node.input[0], "maxpool", **given, dilation=dilation)


def avg_pool(t: Conversion, node: Any) -> int:
    a = attributes(node)
    if set(a.get("dilations", [1])) != {1}:
        raise Unsupported("average pooling with gaps")
    given = pool(t, node)
    counted = bool(a.get("count_include_pad", 0))
    if given["pad"] == "same" and counted:
        raise Unsupported("automatic padding that counts as zeros of the mean")
    is_padded = given["pad"] == "same" or any(given["pad"]) or given["ceil"]
    return windows.pool(t, node, node.input[0], "avgpool", **given, count_pad=counted or not is_padded)


def global_pool(function: str) -> Translation:
    """One value for every map."""

    def translate(t: Conversion, node: Any) -> int:
        x = node.input[0]
        over = tuple(range(2, len(t.shape(x))))
        return arithmetic.reduced(t, node, function, x, over, True, t.shape(node.output[0]))

    return translate


LINEAR = ("linear", "bilinear", "trilinear")
"""What linear interpolation is called, by the number of axes."""


def resize(t: Conversion, node: Any) -> int:
    a = attributes(node)
    before, after = t.shape(node.input[0]), t.shape(node.output[0])
    if len(before) < 3 or before[:2] != after[:2]:
        raise Unsupported("resizing of other axes than those of space")
    if a.get("coordinate_transformation_mode") == "tf_crop_and_resize" and optional(node, 1):
        raise Unsupported("resizing of a part")
    mode = {"cubic": "bicubic"}.get(a.get("mode", "nearest"), a.get("mode", "nearest"))
    mode = LINEAR[len(before) - 3] if mode in LINEAR else mode
    return windows.interpolated(t, node, node.input[0], after, mode, bool(a.get("antialias", 0)))


TRANSLATIONS: dict[str, Translation] = {
    "MaxPool": max_pool,
    "AveragePool": avg_pool,
    "GlobalAveragePool": global_pool("mean"),
    "GlobalMaxPool": global_pool("max"),
    **named("Resize Upsample", resize),
}
