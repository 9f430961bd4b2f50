"""An operator alone in a graph, between made-up neighbours that make its inputs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import torch
from ops.cases import Case
from torch import nn

from cnncost.execution.call import Autograd, Call, Gradient
from cnncost.execution.eager import Rule, rule_of, runs
from cnncost.graph import Graph, InputNode, Node
from cnncost.measure import build
from cnncost.ops import REGISTRY
from cnncost.ops.base import Operator, Weight
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, elements


class Source(Operator):
    """Makes a tensor of any shape, whatever it reads: its weights, times one."""

    name = "source"
    kin = "test"

    def __init__(self, shape: Shape, frozen: bool = False):
        super().__init__()
        vars(self).update(shape=shape, frozen=frozen)

    def output_shape(self, *inputs: Shape) -> Shape:
        return self.shape

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", elements(self.shape), self.frozen),)

    def module(self, *inputs: Shape) -> nn.Module:
        weight = nn.Parameter(torch.randn(self.shape), requires_grad=not self.frozen)
        return calling("source", lambda module, x: module.weight * 1.0, weight=weight)


@runs(Source)
class Sourced(Rule[Source]):
    """A product with a number."""

    def autograd(self, call: Call[Source]) -> Autograd:
        return Autograd()


def graph_of(case: Case, followed: bool = False, turned: bool = False) -> Graph:
    """The case's operator behind one source per input; an unpooling behind its pooling.

    `turned`: the inputs come with their axes in another order in memory.
    """
    nodes = [Node(0, "input", InputNode(), (), (1, 1))]
    operator = case.operator()

    def add(name: str, op: Operator, *inputs: int) -> int:
        shapes = [nodes[index].shape for index in inputs]
        nodes.append(Node(len(nodes), name, op, inputs, op.output_shape(*shapes)))
        return nodes[-1].index

    if case.target is not None:
        source = add("source", Source(case.shapes[2]), 0)
        pool = add("pool", REGISTRY["maxpool"](**case.target), source)
        sources = [pool, pool, source]
    else:
        reads = len(case.shapes) if operator.inputs is None else operator.inputs
        rule = rule_of(operator).autograd(Call(operator, case.shapes, operator.output_shape(*case.shapes)))
        sources = []
        for place, shape in enumerate(case.shapes):
            frozen = place >= reads or not passes(rule, place)
            axes = sorted(range(len(shape)), key=lambda axis: (axis % 2, axis)) if turned else []
            made = REGISTRY["permute"](axes=axes).output_shape(shape) if turned else shape
            sources.append(add(f"source{place}", Source(made, frozen), 0))
            if turned:
                back = REGISTRY["permute"](axes=[axes.index(axis) for axis in range(len(shape))])
                sources[-1] = add(f"turned{place}", back, sources[-1])
    last = add("operator", operator, *sources)
    if followed:  # then nobody holds the gradient of its output but the operator itself
        last = add("scale", REGISTRY["scale"](by=2.0), last)
    return Graph("case", tuple(nodes), (last,))


def passes(rule: Autograd, place: int) -> bool:
    """Whether an input gets a gradient."""
    return rule.gradient_of(place) is not Gradient.NONE


def untrained(case: Case, places: Collection[int], followed: bool) -> Graph:
    """The case's operator, some of whose inputs need no gradient."""
    graph = graph_of(case, followed)
    names = [f"source{place}" for place in places]
    nodes = [
        node._replace(op=Source(node.shape, frozen=True)) if node.name in names else node
        for node in graph.nodes
    ]
    return replace(graph, nodes=tuple(nodes))


def twin_of(graph: Graph) -> nn.Module:
    """The graph in PyTorch, its frozen layers frozen."""
    twin = build(graph, "train")
    names = tuple(f"{graph.nodes[index].name}." for index in graph.frozen)
    for name, weight in twin.named_parameters():
        if names and name.startswith(names):
            weight.requires_grad_(False)
    return twin
