"""Every operator's memory against a trace of live storages, alone between made-up neighbours."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import combinations, product

import pytest
import torch
from ops.cases import CASES as ALL_CASES
from ops.cases import Case
from torch import nn

from cnncost.execution.call import Autograd, Call, Gradient
from cnncost.execution.eager import RULES, Rule, rule_of, runs
from cnncost.execution.freezing import freeze
from cnncost.execution.memory import peak_bytes
from cnncost.execution.plan import plan
from cnncost.execution.training import training_memory
from cnncost.graph import Graph, InputNode, Node
from cnncost.measure import build
from cnncost.measure.trace import inference_peak, training_step
from cnncost.ops import REGISTRY
from cnncost.ops.base import Operator, Weight
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, elements

CASES = [
    case
    for case in ALL_CASES
    if type(case.operator()) in RULES
    if not (case.name in ("fold", "unfold") and len(case.operator().windows(*case.shapes)) == 3)
    if case.name != "lp_pool" and case.arguments.get("mode") != "circular"
]
"""Memory of the others is an estimate."""


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


def borrows(case: Case) -> bool:
    """Whether a batch norm's weights are those of an earlier one."""
    return case.name == "bn" and bool(case.arguments.get("shared"))


def learns(case: Case) -> bool:
    """Whether a gradient reaches anything: a constant, say, has none.

    Not where the weights are an earlier layer's: that layer is not here, and a trace would take them for
    tensors of the pass.
    """
    return not borrows(case) and any(
        parameter.requires_grad for parameter in build(graph_of(case), "train").parameters()
    )


def twin_of(graph: Graph) -> nn.Module:
    """The graph in PyTorch, its frozen layers frozen."""
    twin = build(graph, "train")
    names = tuple(f"{graph.nodes[index].name}." for index in graph.frozen)
    for name, weight in twin.named_parameters():
        if names and name.startswith(names):
            weight.requires_grad_(False)
    return twin


@pytest.mark.parametrize("case", CASES, ids=str)
def test_inference_peak(case: Case) -> None:
    graph = graph_of(case)
    assert plan(graph).estimated == ()
    assert peak_bytes(plan(graph)) == inference_peak(build(graph), torch.zeros(1, 1))


@pytest.mark.parametrize("case", list(filter(learns, CASES)), ids=str)
def test_training(case: Case) -> None:
    check_training(graph_of(case))


@pytest.mark.parametrize("case", list(filter(learns, CASES)), ids=str)
def test_training_followed(case: Case) -> None:
    check_training(graph_of(case, followed=True))


def freezes(case: Case) -> bool:
    """Whether the operator has weights of its own, and reads something that is trained all the same."""
    if not learns(case) or not case.operator().weights(*case.shapes):
        return False
    return any(parameter.requires_grad for parameter in twin_of(frozen(case)).parameters())


def frozen(case: Case, followed: bool = False) -> Graph:
    """The case's operator with weights that are not trained."""
    return freeze(graph_of(case, followed), ["operator"])


def untrained(case: Case, places: Collection[int], followed: bool) -> Graph:
    """The case's operator, some of whose inputs need no gradient."""
    graph = graph_of(case, followed)
    names = [f"source{place}" for place in places]
    nodes = [
        node._replace(op=Source(node.shape, frozen=True)) if node.name in names else node
        for node in graph.nodes
    ]
    return replace(graph, nodes=tuple(nodes))


@pytest.mark.parametrize("case", list(filter(learns, CASES)), ids=str)
def test_training_behind_what_is_not_trained(case: Case) -> None:
    several = range(len(case.shapes) if case.target is None else 0)
    for count in range(1, len(several) + 1):
        for places, followed in product(combinations(several, count), (False, True)):
            graph = untrained(case, places, followed)
            if any(parameter.requires_grad for parameter in twin_of(graph).parameters()):
                check_training(graph)


@pytest.mark.parametrize("case", list(filter(freezes, CASES)), ids=str)
def test_training_with_frozen_weights(case: Case) -> None:
    check_training(frozen(case))
    check_training(frozen(case, followed=True))


ESTIMATED = [
    "linear_given()[(2,5,12),(7,12),(7,)]", "matmul()[(2,5,4),(4,3)]", "linear(out=7,bias=False,frozen=True)",
]  # fmt: skip
"""How the names of cases begin whose memory behind permuted axes is an estimate, and marked as one:
whether PyTorch copies a factor depends on which others have gradients."""


def turned(case: Case) -> bool:
    """Whether the inputs are tokens or maps, which may lie in memory in another order than their axes."""
    if case.name == "lrn" and len(case.shapes[0]) == 5:
        return False  # PyTorch refuses: it views a map of three axes as one of two
    return case.target is None and not case.arguments.get("connections") and max(map(len, case.shapes)) > 2


@pytest.mark.parametrize("case", list(filter(turned, CASES)), ids=str)
def test_behind_permuted_axes(case: Case) -> None:
    graph = graph_of(case, followed=True, turned=True)
    if any(str(case).startswith(name) for name in ESTIMATED):
        assert plan(graph).estimated == (case.name,)
        return
    assert plan(graph).estimated == plan(graph, training=True).estimated == ()
    twin = build(graph)
    assert peak_bytes(plan(graph)) == inference_peak(twin, torch.zeros(1, 1))
    if learns(case):
        check_training(graph)


@pytest.mark.parametrize(
    "case",
    [
        Case("rms_norm", {}, ((2, 1),), None),
        Case("rms_norm", {}, ((2, 5, 1),), None),
        Case("rms_norm", {"scale": False}, ((2, 5, 1),), None),
        Case("group_norm", {"groups": 2, "shift": False}, ((2, 4, 9, 7),), None),
    ],
    ids=str,
)
def test_corners(case: Case) -> None:
    for graph in (graph_of(case), graph_of(case, followed=True), graph_of(case, True, turned=True)):
        assert peak_bytes(plan(graph)) == inference_peak(build(graph), torch.zeros(1, 1))
        check_training(graph)


def test_a_sum_of_one_branch_is_an_estimate() -> None:
    assert plan(graph_of(Case("add", {}, ((2, 4, 9, 7),), None))).estimated == ("add",)


def check_training(graph: Graph) -> None:
    twin = twin_of(graph)
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
    traced = training_step(twin, torch.zeros(1, 1), optimizer)
    memory = training_memory(graph, device="cpu")  # whose dropout has masks of floats
    assert memory.saved == traced.saved
    assert memory.gradients == traced.gradients
    assert memory.peak - memory.weights == max(traced.backward_peak, traced.step_peak)
