"""Networks that are already written, as graphs: nn.Module, torchvision, timm; and graphs as YAML.

    names.py     which names mean an import: torchvision:resnet50, package.module:factory
    sources.py   such a name -> an nn.Module without weights, and its usual input
    aten/        an nn.Module -> Graph
    building.py  a graph that grows node by node, held to the framework's shapes
    shapes.py    sizes, axes and shapes as frameworks write them
    write.py     Graph -> a spec that reads back as the same graph

Importing a module runs its code. Nothing is unpickled and nothing downloaded, and no weight is read:
shapes are all that is asked for. Only `names` and `write` may be imported without torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnncost.graph import Graph

if TYPE_CHECKING:
    from torch import nn

__all__ = ["from_module", "from_name"]


def from_name(
    name: str,
    *,
    input: Sequence[int] | None = None,
    arguments: Mapping[str, Any] | None = None,
    allow_unknown: bool = False,
) -> Graph:
    """The graph of `torchvision:resnet50`, `timm:convnext_tiny` or `package.module:factory`.

    `arguments` are keyword arguments of what builds the network, `input` is (channels, height, width);
    torchvision and timm know their own. Runs the code of the module named. Raises UsageError, and
    UnavailableError without torch or the package in question.
    """
    from cnncost.importers.sources import build

    module, shape = build(name, input, arguments or {})
    return from_module(module, shape, name=name, allow_unknown=allow_unknown)


def from_module(
    module: nn.Module,
    input: Sequence[int],
    *,
    name: str | None = None,
    allow_unknown: bool = False,
) -> Graph:
    """The inference graph of a module for an input (channels, height, width), without the batch.

    The module is left as it was. An operator that is not declared raises UsageError with its place,
    or becomes a node "unknown" if that is allowed.
    """
    from cnncost.importers.aten.convert import Conversion
    from cnncost.importers.aten.exported import export
    from cnncost.importers.aten.table import TRANSLATIONS

    title = name or type(module).__name__
    program = export(module, tuple(input), title)
    return Conversion(program, title, TRANSLATIONS, allow_unknown).graph()
