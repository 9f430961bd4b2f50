"""How a model is run: device, batch, number format, memory layout, mode, and what is done to the network."""

from __future__ import annotations

from typing import NamedTuple

import torch

from cnncost.border import MOST_RUN, whole_number
from cnncost.errors import UsageError, known_word

TYPES = ("float32", "bfloat16", "float16")
LAYOUTS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}


class Setting(NamedTuple):
    """How a model is run."""

    device: torch.device
    batch: int = 1
    dtype: str = "float32"
    layout: str = "nchw"
    mode: str = "eval"
    graph: bool = False  #: replayed as a CUDA graph
    compile: bool = False  #: by torch.compile
    layers: bool = False  #: the time of every layer too
    threads: int | None = None  #: of the CPU


def check(setting: Setting) -> None:
    """Raise UsageError for a setting that makes no sense."""
    for what, given, known in (
        ("dtype", setting.dtype, TYPES),
        ("layout", setting.layout, tuple(LAYOUTS)),
        ("mode", setting.mode, ("eval", "train")),
    ):
        known_word(f"unknown {what}", given, known)
    whole_number("a batch", setting.batch, most=MOST_RUN)
    if setting.threads is not None:
        whole_number("a number of threads", setting.threads, most=MOST_RUN)
    if setting.device.type == "meta":
        raise UsageError("nothing runs on meta\n  pass --device cpu or --device cuda")
    if setting.graph and setting.device.type != "cuda":
        raise UsageError("--graph replays a CUDA graph\n  pass --device cuda, or leave --graph out")
