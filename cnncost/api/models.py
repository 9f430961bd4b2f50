"""What a function of Python takes for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from cnncost.graph import Graph

if TYPE_CHECKING:
    from torch import nn

ModelLike = Union[str, Graph, "nn.Module"]
