"""Checkpoints and accumulated gradients to the byte against a traced run, and plans against all others."""

from __future__ import annotations

import time
from itertools import pairwise, product

import pytest
import torch

import cnncost
from cnncost.errors import UsageError
from cnncost.execution.budget import fitting_plan
from cnncost.execution.checkpoint import Segment, boundaries
from cnncost.execution.plan import plan
from cnncost.execution.step import TrainingStep
from cnncost.execution.training import training_memory
from cnncost.graph import Graph
from cnncost.measure.checkpointed import Checkpointed
from cnncost.measure.trace import LiveStorages, backward, run_step, states
from cnncost.measure.twin import Twin

NETWORKS = [
    "lenet5", "vgg11", "resnet18",
    *[pytest.param(name, marks=pytest.mark.slow) for name in ("alexnet", "mobilenet_v2", "googlenet", "squeezenet1_0")],
]  # fmt: skip


def choices(cuts: list[int]) -> dict[str, list[Segment]]:
    """Some choices of checkpoints."""
    pieces = [Segment(first + 1, last) for first, last in pairwise(cuts)]
    thirds = [Segment(first + 1, last) for first, last in pairwise(cuts[::3])]
    return {
        "none": [],
        "all": [Segment(1, cuts[-1])],
        "the first half": [Segment(1, cuts[len(cuts) // 2])],
        "each": pieces,
        "every second": pieces[::2],
        "by three": thirds,
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_checkpoints_and_accumulation_to_the_byte(name: str) -> None:
    """Two passes in a row: the second adds to gradients that are there."""
    graph = cnncost.load(name)
    running = plan(graph, batch=2, training=True)
    twin = Twin.of(graph, "train").to("meta")
    x = torch.zeros(2, *graph.input_shape, device="meta")
    for what, segments in choices(boundaries(graph)).items():
        twin.zero_grad(set_to_none=True)
        net = Checkpointed(twin, segments)
        with LiveStorages(x.device, [x], states(twin)) as live:
            accumulated = 0
            for _ in range(2):
                live.peak = live.live
                backward(net, x)  # type: ignore[arg-type]
                step = TrainingStep(running, 1, segments, accumulated)
                step.run()
                assert step.ledger.top.alive == live.peak, what
                accumulated = accumulated or step.made_gradients


@pytest.mark.parametrize("name", ["lenet5", "resnet18"])
def test_a_checkpointed_network_computes_the_same(name: str) -> None:
    torch.manual_seed(0)
    graph = cnncost.load(name, input=(32, 32))
    twin = Twin.of(graph, "train")
    x = torch.randn(4, *graph.input_shape)
    gradients = []
    for segments in ([], [Segment(a + 1, b) for a, b in pairwise(boundaries(graph)[::2])]):
        twin.zero_grad(set_to_none=True)
        backward(Checkpointed(twin, segments), x)  # type: ignore[arg-type]
        gradients.append([weight.grad.clone() for weight in twin.parameters() if weight.grad is not None])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def every(cuts: list[int]) -> list[list[Segment]]:
    """All choices: which cuts end a piece, and which pieces are checkpoints."""
    found = []
    for ends in product((False, True), repeat=len(cuts) - 2):
        chosen = [cuts[0], *[cut for cut, end in zip(cuts[1:-1], ends, strict=True) if end], cuts[-1]]
        pieces = [Segment(first + 1, last) for first, last in pairwise(chosen)]
        for again in product((False, True), repeat=len(pieces)):
            found.append([piece for piece, one in zip(pieces, again, strict=True) if one])
    return [list(choice) for choice in {tuple(choice) for choice in found}]


SMALL = {
    "chain": """
  - {conv: {out: 16, kernel: 3, pad: 1}}
  - relu
  - {conv: {out: 32, kernel: 3, pad: 1, stride: 2}}
  - bn
  - {conv: {out: 64, kernel: 3, pad: 1}}
  - {conv: {out: 8}}
  - global_avgpool
""",
    "residual": """
  - {conv: {out: 16, kernel: 3, pad: 1}}
  - add: {main: [{conv: {out: 64}}, bn, relu, {conv: {out: 16, kernel: 3, pad: 1}}], identity: []}
  - relu
  - {conv: {out: 32, kernel: 3, stride: 2, pad: 1}}
  - bn
  - {conv: {out: 48, kernel: 3, pad: 1}}
  - {linear: {out: 10}}
""".replace("  - {linear: {out: 10}}\n", "  - flatten\n  - {linear: {out: 10}}\n"),
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("share", [0.35, 0.5, 0.65, 0.8, 0.95])
def test_within_two_percent_of_the_best_of_all(name: str, share: float) -> None:
    """All choices of cuts and checkpoints, each simulated; the plan runs again at most 2 % more than the best."""
    from cnncost.language.zoo import graph_of, parse_text

    text = f"family: net\ninput: [3, 24, 24]\nbody:{SMALL[name]}"
    graph = graph_of(parse_text(text, "net.yaml", "net"), None)
    running = plan(graph, batch=4, training=True)

    def simulated(segments: list[Segment]) -> tuple[int, int]:
        step = TrainingStep(running, 1, segments)
        step.run()
        return training_memory(graph, batch=4, segments=segments).peak, step.recomputed_macs

    found = [simulated(segments) for segments in every(boundaries(graph))]
    low, high = min(peak for peak, _ in found), simulated([])[0]
    limit = int(low + share * (high - low))
    best = min(macs for peak, macs in found if peak <= limit)
    ours = fitting_plan(graph, limit, batch=4)
    assert ours.micro_batches == 1
    assert ours.memory.peak <= limit
    assert ours.extra_macs <= 1.02 * best


def test_resnet152_in_a_second() -> None:
    graph = cnncost.load("resnet152")
    start = time.process_time()
    found = fitting_plan(graph, 24 * 2**30, batch=256)
    assert time.process_time() - start < 5  # 0.3 s on an idle core
    assert found.micro_batches == 1
    assert found.memory.peak <= 24 * 2**30 < training_memory(graph, batch=256).peak
    assert 0 < found.extra_macs < 0.25 * found.macs


def test_a_plan_runs_as_it_says() -> None:
    """Two micro-batches under the trace of live storages, weights beside: the stated peak to the byte."""
    graph = cnncost.load("resnet18", input=(64, 64))
    found = fitting_plan(graph, 56_000_000 + 46_796_448, batch=8)
    assert found.segments or found.micro_batches > 1
    twin = Twin.of(graph, "train").to("meta")
    net = Checkpointed(twin, found.segments)
    size = 8 // found.micro_batches
    x = torch.zeros(size, *graph.input_shape, device="meta")
    with LiveStorages(x.device, [x], states(twin)) as live:
        for _ in range(found.micro_batches):
            backward(net, x)  # type: ignore[arg-type]
        peak = live.peak
    weights = sum(value.nbytes for value in states(twin) if value.is_floating_point())
    assert found.memory.weights == weights
    assert found.memory.peak == weights + peak


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("how", ["loop", "foreach", "fused"])
def test_optimizers_to_the_byte(name: str, how: str) -> None:
    """What an update needs beside weights, gradients and state; the counts of steps, 4 bytes each, are left out."""
    graph: Graph = cnncost.load("lenet5")
    twin = Twin.of(graph, "train")
    options = {"foreach": how == "foreach"} if how != "fused" else {"fused": True}
    makers = {
        "sgd": lambda: torch.optim.SGD(twin.parameters(), 0.1, **options),
        "momentum": lambda: torch.optim.SGD(twin.parameters(), 0.1, momentum=0.9, **options),
        "adam": lambda: torch.optim.Adam(twin.parameters(), **options),
        "adamw": lambda: torch.optim.AdamW(twin.parameters(), **options),
    }
    optimizer = makers[name]()
    x = torch.zeros(1, *graph.input_shape)
    run_step(twin, x, optimizer)
    backward(twin, x)
    gradients = [weight.grad for weight in twin.parameters() if weight.grad is not None]
    state = [
        value
        for group in optimizer.state.values()
        for value in group.values()
        if torch.is_tensor(value) and value.dim()
    ]
    steps = [
        value
        for group in optimizer.state.values()
        for value in group.values()
        if torch.is_tensor(value) and not value.dim()
    ]
    with LiveStorages(x.device, gradients, [*states(twin), *state, *steps]) as live:
        before = live.live
        optimizer.step()
        beside = live.peak - before
    found = training_memory(graph, optimizer=name, together=how == "foreach", fused=how == "fused")
    assert found.optimizer_state == sum(value.nbytes for value in state)
    whole = sum(weight.nbytes for weight in twin.parameters())
    sizes = [weight.nbytes for weight in twin.parameters()]
    loop = max(2 * size + before for size, before in zip(sizes, [0, *sizes], strict=False))
    wanted = {"loop": loop, "foreach": whole, "fused": 0}[how] if name.startswith("adam") else 0
    assert beside == wanted
    update = found.weights + found.optimizer_state + x.nbytes + found.gradients + beside
    assert found.peak >= update
    if found.phase == "update":
        assert found.peak == update


def test_nothing_fits() -> None:
    with pytest.raises(UsageError) as error:
        fitting_plan(cnncost.load("vgg16"), 2**30, batch=4)
    assert str(error.value) == (
        "no plan of vgg16 fits into 1,073,741,824 bytes: with everything in checkpoints batch 1 needs"
        " 1,158,695,808, 84,953,984 more\n  pass a larger --fits"
    )
    with pytest.raises(UsageError) as error:
        training_memory(cnncost.load("lenet5"), batch=8, micro_batches=3)
    assert str(error.value) == "3 micro-batches do not divide a batch of 8\n  they can be 1, 2, 4, 8"
    with pytest.raises(UsageError) as error:
        training_memory(cnncost.load("lenet5"), segments=[Segment(1, 4), Segment(4, 6)])
    assert str(error.value) == "checkpoints overlap or are outside of the network: 4 to 6"
