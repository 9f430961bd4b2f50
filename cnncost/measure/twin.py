"""The PyTorch twin of a graph: same nodes, same names, same order, same lifetimes.

Imports torch at the top: import this module only where a twin is really built.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cnncost.dtypes import is_float
from cnncost.errors import UsageError
from cnncost.execution.plan import unknown_to_eager
from cnncost.execution.storages import training_storages
from cnncost.graph import Graph, Node, at_batch
from cnncost.ops.base import Storage

Pools = nn.MaxPool1d | nn.MaxPool2d | nn.MaxPool3d


class ForwardStep(NamedTuple):
    """One node of the forward pass."""

    module: nn.Module
    reads: tuple[int, ...]  #: the values it takes
    makes: int  #: the value it gives
    frees: tuple[int, ...]  #: the values that nobody needs after it


class Twin(nn.Module):
    """A graph as an nn.Module. The output is a tensor, or a tuple if the graph has several."""

    def __init__(self, graph: Graph, layers: dict[str, nn.Module], owners: Sequence[int]):
        super().__init__()
        self.graph = graph
        self.owners = owners  #: for every node the node whose memory its output lives in
        for name, layer in layers.items():
            *path, last = name.split(".")
            parent: nn.Module = self
            for part in path:
                if part not in parent._modules:
                    parent._modules[part] = nn.Module()
                child = parent._modules[part]
                assert child is not None
                parent = child
            # Not add_module, which refuses node names that nn.Module uses itself, such as "type".
            parent._modules[last] = layer
        self.steps = steps_of(graph, list(layers.values()))

    @classmethod
    def of(cls, graph: Graph, mode: str = "eval") -> Twin:
        """The twin in mode eval (without training heads) or train."""
        if mode not in ("eval", "train"):
            raise UsageError(f"unknown mode {mode!r}\n  modes: eval, train")
        if graph.quantised:
            raise unknown_to_eager(graph)
        if mode == "eval":
            graph = graph.without_heads()
        owners = training_storages(graph) if mode == "train" else graph.storages
        layers = {}
        for node in computed(graph):
            layer = module_of(graph, node)
            if graph.storage_of(node) is Storage.IN_PLACE:
                layer.inplace = owners[node.index] != node.index  # type: ignore[assignment]
            layers[node.name] = layer
        for pool in graph.undone():
            layer = layers[graph.nodes[pool].name]
            next(part for part in layer.modules() if isinstance(part, Pools)).return_indices = True
        twin = cls(graph, layers, owners)
        return twin.train(mode == "train")

    def forward(self, *given: Tensor) -> Tensor | tuple[Tensor, ...]:
        values = self.inputs(given)
        indices: dict[int, Tensor] = {}
        for step in self.steps:
            self.take(step, values, indices)
        outputs = tuple(values[index] for index in self.graph.outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def inputs(self, given: Sequence[Tensor]) -> dict[int, Tensor]:
        """What the caller hands in, by node."""
        return {node.index: tensor for node, tensor in zip(self.graph.inputs, given, strict=True)}

    def train(self, mode: bool = True) -> Twin:
        """As nn.Module.train; batch norms that are fixed stay in eval mode."""
        super().train(mode)
        for step, node in zip(self.steps, computed(self.graph), strict=True):
            if node.op.given("fixed"):
                step.module.eval()
        return self

    def take(self, step: ForwardStep, values: dict[int, Tensor], indices: dict[int, Tensor]) -> None:
        """Run one step on the values that are alive, and free what nobody needs after it."""
        module, reads, makes, frees = step
        given = [values[index] if index >= 0 else indices.pop(~index) for index in reads]
        if makes in self.graph.detached:
            with torch.no_grad():
                result = module(*[tensor.detach() for tensor in given])
        else:
            result = module(*given)
        if makes in self.graph.in_place and self.owners[makes] != makes and not shares(result, given[0]):
            result = given[0].copy_(result)  # what only an import does in place has no layer that does
        del given
        if isinstance(result, tuple):
            values[makes], indices[makes] = result
        else:
            values[makes] = result
        for index in frees:
            del values[index]

    def walk(self, *given: Tensor) -> Iterator[tuple[Node, tuple[Tensor, ...], Tensor]]:
        """Run node by node: (node, the tensors it read, what it made). Nothing is freed early."""
        values = self.inputs(given)
        indices: dict[int, Tensor] = {}
        for step in self.steps:
            self.take(step._replace(frees=()), values, indices)
            node = self.graph.nodes[step.makes]
            yield node, tuple(values[index] for index in node.reads), values[step.makes]


def shares(tensor: Tensor, other: Tensor) -> bool:
    """Whether two tensors lie in the same storage."""
    return bool(tensor.untyped_storage()._cdata == other.untyped_storage()._cdata)


def computed(graph: Graph) -> list[Node]:
    """The nodes that are not handed in."""
    return [node for node in graph.nodes if node.op.kin != "input"]


def steps_of(graph: Graph, modules: list[nn.Module]) -> tuple[ForwardStep, ...]:
    """What to run in which order, and when each value is freed.

    The indices of a pooling that is undone are read as ~index of the pooling.
    """
    last = graph.last_uses(range(len(graph.nodes)))
    frees: dict[int, list[int]] = {}
    for index, when in enumerate(last):
        frees.setdefault(max(when, 1), []).append(index)
    steps = []
    for node, module in zip(computed(graph), modules, strict=True):
        reads = node.reads
        if node.op.undoes:
            reads = (*reads, ~node.inputs[1])
        steps.append(ForwardStep(module, reads, node.index, tuple(frees.get(node.index, ()))))
    return tuple(steps)


def module_of(graph: Graph, node: Node) -> nn.Module:
    """The module of a node; UsageError names an operator without a PyTorch counterpart."""
    try:
        return node.op.module(*graph.input_shapes(node))
    except NotImplementedError as error:
        raise UsageError(f"{graph.name}: {error} (node {node.name!r})") from None


def example_input(
    graph: Graph, batch: int, device: torch.device, dtype: torch.dtype = torch.float32
) -> Tensor:
    """A random batch for a twin of one input."""
    return example_inputs(graph, batch, device, dtype)[0]


def example_inputs(
    graph: Graph, batch: int, device: torch.device, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, ...]:
    """A random batch of everything that a twin is given; whole numbers are zeros."""
    shapes = at_batch(graph, batch)
    made = []
    for node in graph.inputs:
        own = node.types and not is_float(node.types.output)
        if own and node.types:
            kind = getattr(torch, node.types.output)
            made.append(torch.zeros(shapes[node.index], dtype=kind, device=device))
        else:
            made.append(torch.randn(shapes[node.index], dtype=dtype, device=device))
    return tuple(made)
