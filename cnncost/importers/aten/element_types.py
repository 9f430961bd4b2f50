"""The element types of what a call makes, and of the weights that its layer has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncost.dtypes import NodeTypes
from cnncost.importers.aten.values import is_tensor

if TYPE_CHECKING:
    from cnncost.importers.aten.convert import Conversion


def types_of(t: Conversion, node: Any) -> NodeTypes:
    """The element types of what a call makes, and of the parameters or buffers that it reads."""
    value = node.meta["val"]
    if isinstance(value, (tuple, list)):
        value = next(item for item in value if item is not None)
    made = type_of(value)
    given = [item for item in (node, *node.all_input_nodes) if item in t.tensors.names and is_tensor(item)]
    read = [item for item in given if t.tensors.parameters.get(item) not in t.learned]
    return NodeTypes(made, type_of(read[0].meta["val"]) if read else made)


def type_of(tensor: Any) -> str:
    """The element type of a tensor, as PyTorch calls it."""
    return str(tensor.dtype).removeprefix("torch.")
