"""What a network's own code finds around it here: no CUDA, and no weights to load.

Costs depend on neither. Code that moves its tensors to CUDA goes on with the CPU, and code that loads a file
of weights which is not here, or fetches one, goes on with those that it has.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from os import PathLike

KINDS = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
"""Of old constructors of tensors: torch.cuda.FloatTensor."""


class OnCPU(TorchFunctionMode):
    """In here what is asked for on CUDA is made, or stays, on the CPU."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.Tensor.cuda:
            return args[0]
        kwargs = {key: here(value) for key, value in (kwargs or {}).items()}
        return function(*map(here, args), **kwargs)


def here(value: Any) -> Any:
    """The CPU for a device or a kind of tensors of CUDA; any other value as it is."""
    if isinstance(value, torch.device) and value.type == "cuda":
        return torch.device("cpu")
    if isinstance(value, str) and value.partition(":")[0] == "cuda":
        return "cpu"
    if isinstance(value, str) and value.startswith("torch.cuda."):
        return value.replace("cuda.", "")
    return value


@contextlib.contextmanager
def without_cuda() -> Iterator[None]:
    """In here code that asks for CUDA has the CPU."""
    old = {f"{kind}Tensor": getattr(torch, f"{kind}Tensor") for kind in KINDS}
    with patch.multiple(torch.cuda, **old), OnCPU():
        yield


def asks_for_cuda(error: BaseException) -> bool:
    """Whether code failed since it asks for CUDA, or mixes its tensors with those of the CPU."""
    text = str(error).lower()
    return "cuda" in text or "nvidia" in text


class NoWeights(dict[Any, Any]):
    """What stands for a file of weights that is not here: empty, whatever part of it is read."""

    def __missing__(self, key: Any) -> NoWeights:
        return self


@contextlib.contextmanager
def without_loading(lacking: list[str]) -> Iterator[None]:
    """In here a file of weights that is not here is empty, and PyTorch's hub downloads nothing.

    `lacking` becomes the files that code asked for and that are not here.
    """
    load, take = torch.load, nn.Module.load_state_dict

    def loaded(file: str | PathLike[str] | Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return load(file, *args, **kwargs)
        except FileNotFoundError:
            lacking.append(str(file))
            return NoWeights()

    def taken(module: nn.Module, weights: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        if not weights:
            return nn.modules.module._IncompatibleKeys([], [])
        return take(module, weights, *args, **kwargs)

    with (
        patch.object(torch, "load", loaded),
        patch.object(torch.hub, "download_url_to_file", lambda *args, **kwargs: None),
        patch.object(nn.Module, "load_state_dict", taken),
    ):
        yield
