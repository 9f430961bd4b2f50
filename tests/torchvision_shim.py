"""Import torchvision beside a CPU build of torch from another index.

torchvision registers fake kernels for its own C++ operators at import. Its compiled library does
not load beside a torch from another index, so that `torchvision::nms` and its kin are unknown and
the import fails. Declaring them is enough: no classifier calls them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch


@cache
def models() -> Any:
    """The module torchvision.models."""
    library = torch.library.Library("torchvision", "DEF")
    KEPT.append(library)
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision import models

    return models


KEPT: list[torch.library.Library] = []
"""A library that is collected takes its operators with it."""
