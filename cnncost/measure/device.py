"""torch and the device that a command asks for, or an error that says what to install or pass."""

from __future__ import annotations

import importlib
import importlib.util
import re
from typing import TYPE_CHECKING

from cnncost.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    import torch

PIP = 'pip install "cnncost[torch]"'


def require_torch() -> None:
    """Import torch. Raises UnavailableError, with the pip line, if it is not installed or broken."""
    if importlib.util.find_spec("torch") is None:
        raise UnavailableError(f"this needs PyTorch, which is not installed\n  {PIP}")
    try:
        importlib.import_module("torch.nn")
    except (Exception, SystemExit) as error:
        said = str(error).partition("\n")[0]
        raise UnavailableError(
            f"PyTorch is installed, but cannot be imported: {type(error).__name__}: {said}\n"
            f"  install it anew: {PIP} --force-reinstall"
        ) from None


def device(name: str) -> torch.device:
    """The device `cpu`, `meta`, `cuda` or `cuda:i`.

    Raises UsageError for another word, UnavailableError if it is not there.
    """
    if not re.fullmatch(r"cpu|meta|cuda(:\d+)?", name):
        raise UsageError(f"unknown device {name!r}\n  devices: cpu, cuda, cuda:1")
    require_torch()
    import torch

    if name.startswith("cuda"):
        if not torch.cuda.is_available():
            built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
            raise UnavailableError(
                f"there is no CUDA device (torch {torch.__version__} is built {built})\n"
                "  pass --device cpu, or install a CUDA build of torch and NVIDIA's driver: "
                "https://pytorch.org/get-started/locally"
            )
        count = torch.cuda.device_count()
        index = int(name.partition(":")[2] or torch.cuda.current_device())
        if index >= count:
            last = count - 1
            raise UnavailableError(
                f"there is no device {name!r}, the last one is 'cuda:{last}'\n  pass --device cuda:{last}"
            )
        return torch.device("cuda", index)
    return torch.device(name)
