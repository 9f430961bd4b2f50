"""torchvision beside a build of PyTorch that it was not compiled for.

torchvision registers shapes of its own C++ operators at import. Where its compiled library does not load (a
build of PyTorch from another index) these operators are unknown, and the import fails. Declaring them is
enough: the shapes of a classifier need no compiled kernel. A detector runs once with values:
the two operators that it needs get plain and slow kernels.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

MISSING = "operator torchvision::"
"""How the failure begins that declaring the operators mends."""
KEPT: list[Any] = []
"""A library that is collected takes its operators with it."""


def imported(name: str) -> Any:
    """A module that may import torchvision; what stops that one is mended, with a line on stderr.

    Raises what the module's own code raises.
    """
    try:
        return importlib.import_module(name)
    except RuntimeError as error:
        if MISSING not in str(error) or KEPT:
            raise
    mend()
    print(
        "note: torchvision was compiled for another build of PyTorch; its own operators have no kernels here",
        file=sys.stderr,
    )
    module = importlib.import_module(name)
    lend_kernels()
    return module


def mend() -> None:
    """Declare torchvision's operators, and forget what was imported of it so far."""
    import torch

    for loaded in [key for key in sys.modules if key.partition(".")[0] in ("torchvision", "timm")]:
        del sys.modules[loaded]
    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define(
        "roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width,"
        " int sampling_ratio, bool aligned) -> Tensor"
    )
    library.impl("nms", suppressed, "CPU")
    KEPT.append(library)


def lend_kernels() -> None:
    """Let torchvision's functions call its operators: RoI align with torchvision's own code in Python."""
    boxes, roi_align = (sys.modules[f"torchvision.ops.{name}"] for name in ("boxes", "roi_align"))
    python = roi_align._roi_align
    KEPT[0].impl("roi_align", getattr(python, "__wrapped__", python), "CPU")
    for module in (boxes, roi_align):
        module._assert_has_ops = lambda: None  # type: ignore[attr-defined]
    roi_align._has_ops = lambda: True  # type: ignore[attr-defined]


def suppressed(dets: Any, scores: Any, iou_threshold: float) -> Any:
    """Which of the boxes [n, 4] (left, top, right, bottom) stay, the highest score first: those that no
    better one that stays overlaps by more than a share, as torchvision.ops.nms says.
    """
    import torch

    order = scores.argsort(descending=True, stable=True)
    areas = (dets[:, 2] - dets[:, 0]) * (dets[:, 3] - dets[:, 1])
    stays = []
    while order.numel():
        first, order = order[0], order[1:]
        stays.append(first)
        low = torch.maximum(dets[first, :2], dets[order, :2])
        high = torch.minimum(dets[first, 2:], dets[order, 2:])
        common = (high - low).clamp(min=0).prod(1)
        order = order[common / (areas[first] + areas[order] - common) <= iou_threshold]
    return torch.stack(stays) if stays else scores.new_zeros(0, dtype=torch.int64)
