"""torchvision beside a build of PyTorch that it was not compiled for.

torchvision registers shapes of its own C++ operators at import. Where its compiled library does not load (a
build of PyTorch from another index) these operators are unknown, and the import fails. Declaring them is
enough: the shapes of a classifier need no compiled kernel.
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
    return importlib.import_module(name)


def mend() -> None:
    """Declare torchvision's operators, and forget what was imported of it so far."""
    import torch

    for loaded in [key for key in sys.modules if key.partition(".")[0] in ("torchvision", "timm")]:
        del sys.modules[loaded]
    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    KEPT.append(library)
