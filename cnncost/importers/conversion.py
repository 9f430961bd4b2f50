"""What a translation asks of a framework's conversion: the same for every framework.

A tensor of the framework is an *item*, a call of one of its operators a *call*; what they are is known to
the framework's reader alone. None is a tensor that is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from cnncost.importers.building import Building
from cnncost.importers.shapes import Shape
from cnncost.ops.base import Operator


class Conversion(Protocol):
    """A framework's network on its way to a graph."""

    building: Building

    def shape(self, item: Any) -> Shape:
        """The shape of a tensor, its batch that of the import."""

    def node(self, item: Any) -> int:
        """The graph's node of a tensor; what is learned or constant gets a node of its own."""

    def own(self, *items: Any) -> bool:
        """Whether these (None left out) are weights that no other call reads."""

    def frozen(self, item: Any) -> bool:
        """Whether a weight is counted but not trained."""

    def depends(self, item: Any) -> bool:
        """Whether the values of a tensor depend on the network's input."""

    def emit(
        self,
        op: Operator,
        inputs: Sequence[int],
        call: Any,
        *,
        shape: Shape | None = None,
        within: bool = False,
    ) -> int:
        """Append a node that makes a call's first tensor, or a tensor of `shape`. Its index.

        `within`: it is only part of what the call does, and does not have its module's name. Raises
        Unsupported where the operator's shape is not the framework's, OperatorError.
        """
