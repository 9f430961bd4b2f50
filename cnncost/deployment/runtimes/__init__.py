"""The runtimes, one file each: their kernels, what these need, how they plan.

    tflm.py        TensorFlow Lite Micro
    tinyengine.py  TinyEngine
    executorch.py  ExecuTorch

Eager PyTorch is what `cnncost.execution` describes.
"""

from __future__ import annotations

from cnncost.deployment.runtimes.executorch import EXECUTORCH
from cnncost.deployment.runtimes.tflm import TFLM
from cnncost.deployment.runtimes.tinyengine import TINYENGINE

RUNTIMES = {runtime.name: runtime for runtime in (TFLM, TINYENGINE, EXECUTORCH)}
"""Every runtime that lowers a graph, by its name."""
