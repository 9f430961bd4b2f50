"""Every operator's memory against a trace of live storages, alone between made-up neighbours."""

from __future__ import annotations

import pytest
import torch
from ops.cases import CASES, Case
from torch import nn

from cnncost.analysis.memory import peak_bytes
from cnncost.analysis.training import training_memory
from cnncost.graph import Graph, InputNode, Node
from cnncost.measure import build
from cnncost.measure.trace import inference_peak, training_step
from cnncost.ops import REGISTRY
from cnncost.ops.base import Autograd, Operator, Weight
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

    def autograd(
        self, output: Shape, *inputs: Shape, element_bytes: int = 4, in_place: bool = False
    ) -> Autograd:
        return Autograd()

    def module(self, *inputs: Shape) -> nn.Module:
        weight = nn.Parameter(torch.randn(self.shape), requires_grad=not self.frozen)
        return calling("source", lambda module, x: module.weight * 1.0, weight=weight)


def graph_of(case: Case, followed: bool = False) -> Graph:
    """The case's operator behind one source per input; an unpooling behind its pooling."""
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
        sources = [
            add(f"source{place}", Source(shape, frozen=place >= reads), 0)
            for place, shape in enumerate(case.shapes)
        ]
    last = add("operator", operator, *sources)
    if followed:  # then nobody holds the gradient of its output but the operator itself
        last = add("scale", REGISTRY["scale"](by=2.0), last)
    return Graph("case", tuple(nodes), (last,))


ESTIMATED = {
    "attention",
    "conv_given",
    "elementwise",
    "combine",
    "reduce",
    "learned",
    "constant",
    "expand",
    "gather",
    "rms_norm",
}
"""Operators of imported networks only: what they keep is modelled, what PyTorch makes beside it is not."""


def inexact(case: Case) -> str | None:
    """Why a case is not exact to the byte, if it is not; no model of the zoo has such a node."""
    if case.name in ESTIMATED:
        return "arithmetic of imported networks: temporaries of the backward pass are not modelled"
    if case.name == "mul" and len(case.shapes) > 2:
        return (
            "a product of three frees its last factor before the first ones; the model frees all at the end"
        )
    if case.arguments.get("connections") and case.arguments.get("pad") == "same":
        return "a connection table behind a padded copy: the copy is counted until the last map"
    return None


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    reason = inexact(request.param)
    if reason:
        request.applymarker(pytest.mark.xfail(reason=reason))
    return request.param


def test_inference_peak(case: Case) -> None:
    graph = graph_of(case)
    twin = build(graph)
    shapes = [node.shape for node in graph.nodes]
    assert peak_bytes(graph, shapes, 4) == inference_peak(twin, torch.zeros(1, 1))


@pytest.mark.parametrize("followed", [False, True])
def test_training(case: Case, followed: bool) -> None:
    graph = graph_of(case, followed)
    twin = build(graph, "train")
    traced = training_step(twin, torch.zeros(1, 1), torch.optim.SGD(twin.parameters(), lr=0.1))
    memory = training_memory(graph)
    assert memory.saved == traced.saved
    assert memory.gradients == traced.gradients
    assert memory.peak - memory.weights == max(traced.backward_peak, traced.step_peak)
