"""Import torchvision, also beside a build of torch for which it was not compiled.

torchvision registers fake kernels for its own C++ operators at import. Beside a torch of another
index (a CPU build, say) its compiled library does not load, `torchvision::nms` is unknown and the
import fails. Declaring the operators is then enough: no classifier calls them.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import torch

KEPT: list[torch.library.Library] = []
"""A library that is collected takes its operators with it."""


@cache
def models() -> Any:
    """The module torchvision.models."""
    try:
        from torchvision import models
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        KEPT.append(library)
        from torchvision import models
    return models
