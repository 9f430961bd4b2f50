"""A module's calls of PyTorch operators, whichever road they came by: what a conversion reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost.importers.inputs import Example
from cnncost.importers.shapes import marked

if TYPE_CHECKING:
    from cnncost.importers.aten.recording import Called


class Program(NamedTuple):
    """The calls in order, and which of the given tensors are inputs, parameters and buffers."""

    graph: Any  #: the torch.fx graph of the calls
    inner: Mapping[str, Any]  #: graphs of programs within the program, by name
    inputs: Sequence[Any]  #: the nodes of the network's inputs
    tensors: Mapping[Any, str]  #: nodes of parameters and buffers, and their names in the module
    module: Any  #: the module that the program is of, whose parameters those are
    road: str  #: torch.export, torch.fx, or one run
    batch: int | None  #: the only batch that it is right for; None: any
    example: Example  #: what it was called with
    prime: int | None = None  #: the batch of the values' sizes, where they grow with it
    training: bool = False  #: it is that of mode train
    doubts: Sequence[str] = ()  #: what its code does in training of which it is not known what that keeps
    as_run: Sequence[str] = ()  #: the user's lines at which values decided about a size or a number
    without_cuda: bool = False  #: its code asks for CUDA, and had the CPU

    #: for calls the last call while their storage lives, and the bytes of constants that are alive beside
    lifetimes: Mapping[Any, tuple[Any, tuple[int, int]]] | None = None

    def mark(self, batch: int | None) -> Program:
        """The same program, its nodes with `sizes`: those that the prime `batch` divides grow with it."""
        for graph in (self.graph, *self.inner.values()):
            mark(graph, batch)
        return self._replace(prime=batch)


def mark(graph: Any, batch: int | None) -> None:
    """Give the nodes of a graph their `sizes`, see Program.mark."""
    for node in graph.nodes:
        if "val" in node.meta:
            node.meta["sizes"] = sizes_of(node.meta["val"], batch)


def sizes_of(value: Any, batch: int | None) -> Any:
    """The shape of a tensor, or of each of several; None for what has none."""
    if isinstance(value, (tuple, list)):
        return [sizes_of(item, batch) for item in value]
    return marked(value.shape, batch) if hasattr(value, "shape") else None


def agree(one: Sequence[Called], at: int, other: Sequence[Called], batch: int) -> bool:
    """Whether two runs at two batches are the same calls, every size the same or a multiple of the batch.

    A size n at the batch `at` that is m at `batch` grows with it if n / at = m / batch.
    """
    if [target for target, _ in one] != [target for target, _ in other]:
        return False
    for (_, shapes), (_, theirs) in zip(one, other, strict=True):
        if [len(shape) for shape in shapes] != [len(shape) for shape in theirs]:
            return False
        for shape, their in zip(shapes, theirs, strict=True):
            if any(n != m and n * batch != m * at for n, m in zip(shape, their, strict=True)):
                return False
    return True
