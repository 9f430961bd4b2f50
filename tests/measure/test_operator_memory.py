"""Every operator's memory against a trace of live storages, alone between made-up neighbours."""

from __future__ import annotations

from itertools import combinations, product

import pytest
import torch
from measure.alone import graph_of, twin_of, untrained
from ops.cases import CASES as ALL_CASES
from ops.cases import Case

from cnncost.execution.eager import RULES
from cnncost.execution.freezing import freeze
from cnncost.execution.memory import peak_bytes
from cnncost.execution.plan import plan
from cnncost.execution.training import training_memory
from cnncost.graph import Graph
from cnncost.language import zoo
from cnncost.measure import build
from cnncost.measure.trace import LiveStorages, backward, inference_peak, states, training_step
from cnncost.ops.sizes import Shape

CASES = [
    case
    for case in ALL_CASES
    if type(case.operator()) in RULES
    if not (case.name in ("fold", "unfold") and len(case.operator().windows(*case.shapes)) == 3)
    if case.name != "lp_pool" and case.arguments.get("mode") != "circular"
]
"""Memory of the others is an estimate."""


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


def check_accumulation(graph: Graph, shape: Shape) -> None:
    """The second of two micro-batches, whose gradients are added to those of the first."""
    twin, x = twin_of(graph), torch.zeros(shape)
    with LiveStorages(x.device, [x], states(twin)) as live:
        for _ in range(2):
            live.peak = live.live
            backward(twin, x)
    memory = training_memory(graph, batch=2 * shape[0], micro_batches=2, device="cpu")
    assert memory.peak - memory.weights == live.peak


@pytest.mark.parametrize("case", list(filter(learns, CASES)), ids=str)
def test_accumulation(case: Case) -> None:
    check_accumulation(graph_of(case), (1, 1))


def test_accumulation_where_branches_meet() -> None:
    """Weights' gradients, large beside the maps, are there while the gradients of one map are summed."""
    branches = ", ".join(f"b{place}: [{{conv: {{out: 8, kernel: 3, pad: 1}}}}]" for place in range(3))
    body = f"  - {{conv: {{out: 64, kernel: 1}}}}\n  - {{concat: {{{branches}}}}}\n"
    text = "family: net\ninput: [64, 2, 2]\nbody:\n" + body
    graph = zoo.graph_of(zoo.parse_text(text, "net.yaml", "net"), None)
    check_accumulation(graph, (1, 64, 2, 2))
