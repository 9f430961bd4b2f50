"""ONNX's pooling and resampling in ours, and its padding of windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.translation import Translation, attributes, named, optional
from cnncost.importers.parts import build
from cnncost.ops.window import extent, same_padding


def sides(a: dict[str, Any], size: Sequence[int], kernel: Sequence[int]) -> Any:
    """The padding of a window: (top, bottom, left, right), or same. One axis is a map of height 1."""
    rank = len(kernel)
    kind = a.get("auto_pad", "NOTSET")
    if kind == "SAME_UPPER" and rank == 2:
        return "same"
    pads = list(a.get("pads", [0] * 2 * rank)) if kind == "NOTSET" else [0] * 2 * rank
    if kind.startswith("SAME"):
        strides, dilations = (a.get(name, [1] * rank) for name in ("strides", "dilations"))
        for at in range(rank):
            few, many = same_padding(size[at], extent(kernel[at], dilations[at]), strides[at])
            pads[at], pads[rank + at] = (few, many) if kind == "SAME_UPPER" else (many, few)
    if rank == 1:
        return [0, 0, *pads]
    return [pads[0], pads[2], pads[1], pads[3]]


def pool(t: Conversion, node: Any) -> dict[str, Any]:
    """The window of a pooling."""
    a = attributes(node)
    kernel = a["kernel_shape"]
    if len(kernel) != 2:
        raise Unsupported(f"pooling over {len(kernel)} axes")
    return {
        "kernel": kernel,
        "stride": a.get("strides", [1, 1]),
        "pad": sides(a, t.shape(node.input[0])[2:], kernel),
        "ceil": bool(a.get("ceil_mode", 0)),
    }


def max_pool(t: Conversion, node: Any) -> int:
    if len(node.output) > 1 and t.uses[node.output[1]]:
        raise Unsupported("pooling whose positions are read")
    op = build("maxpool", **pool(t, node), dilation=attributes(node).get("dilations", [1, 1]))
    return t.emit(op, [t.node(node.input[0])], node)


def avg_pool(t: Conversion, node: Any) -> int:
    a = attributes(node)
    if set(a.get("dilations", [1])) != {1}:
        raise Unsupported("average pooling with gaps")
    window = pool(t, node)
    counted = bool(a.get("count_include_pad", 0))
    if window["pad"] == "same" and counted:
        raise Unsupported("automatic padding that counts as zeros of the mean")
    padded = window["pad"] == "same" or any(window["pad"]) or window["ceil"]
    op = build("avgpool", **window, count_pad=counted or not padded)
    return t.emit(op, [t.node(node.input[0])], node)


def global_pool(function: str) -> Translation:
    def translate(t: Conversion, node: Any) -> int:
        shape = t.shape(node.input[0])
        if len(shape) == 4:
            op = build("global_avgpool" if function == "mean" else "global_maxpool")
        else:
            op = build("reduce", function=function, axes=list(range(2, len(shape))), keep=True)
        return t.emit(op, [t.node(node.input[0])], node)

    return translate


MODES = {"nearest": "nearest", "linear": "bilinear", "bilinear": "bilinear", "cubic": "bicubic"}


def resize(t: Conversion, node: Any) -> int:
    a = attributes(node)
    before, after = t.shape(node.input[0]), t.shape(node.output[0])
    if len(before) != 4 or before[:2] != after[:2]:
        raise Unsupported("resizing of other axes than height and width")
    if a.get("coordinate_transformation_mode") == "tf_crop_and_resize" and optional(node, 1):
        raise Unsupported("resizing of a part")
    settings: dict[str, Any] = {"size": after[2:], "mode": MODES[a.get("mode", "nearest")]}
    if a.get("antialias", 0):
        settings["antialias"] = True
    return t.emit(build("interpolate", **settings), [t.node(node.input[0])], node)


TRANSLATIONS: dict[str, Translation] = {
    "MaxPool": max_pool,
    "AveragePool": avg_pool,
    "GlobalAveragePool": global_pool("mean"),
    "GlobalMaxPool": global_pool("max"),
    **named("Resize Upsample", resize),
}
