"""PyTorch modules for operators that `torch.nn` has no class for: one class around a function.

Imported without torch; the class is made when the first module is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


def calling(name: str, function: Callable[..., Tensor], **parts: Any) -> nn.Module:
    """A module called `name` whose forward is `function(module, *tensors)`.

    `parts` become its attributes: parameters, submodules and settings that the function reads.
    """
    module: nn.Module = _function_module()(name, function)
    for part, value in parts.items():
        setattr(module, part, value)
    return module


@cache
def _function_module() -> Any:
    from torch import nn

    class FunctionModule(nn.Module):
        """A module around a function."""

        def __init__(self, name: str, function: Callable[..., Tensor]) -> None:
            super().__init__()
            self.name = name
            self.function = function

        def forward(self, *tensors: Tensor) -> Tensor:
            return self.function(self, *tensors)

        def extra_repr(self) -> str:
            return self.name

    return FunctionModule


def frozen(module: nn.Module, freeze: bool) -> nn.Module:
    """The module, its parameters no longer trained if `freeze`."""
    return module.requires_grad_(False) if freeze else module


def unowned(name: str, module: nn.Module) -> nn.Module:
    """A module around another, whose parameters and buffers it has not: they are counted elsewhere."""
    outer = calling(name, lambda outer, *tensors: outer.inner[0].train(outer.training)(*tensors))
    vars(outer)["inner"] = (module,)  # in a tuple it is no part
    return outer
