"""Training under autocast, to the byte against a trace: operators one by one, the zoo, imports, losses."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from measure import autocasting
from measure.test_operator_memory import CASES, Case, graph_of, learns

import cnncost
from cnncost.errors import UsageError
from cnncost.execution import autocast
from cnncost.execution.budget import fitting_plan
from cnncost.execution.checkpoint import Segment, boundaries
from cnncost.execution.plan import plan
from cnncost.execution.step import TrainingStep
from cnncost.execution.training import StepSettings, training_memory
from cnncost.graph import Graph, Node
from cnncost.measure import build
from cnncost.measure.checkpointed import Checkpointed
from cnncost.measure.trace import trained
from cnncost.ops import REGISTRY
from cnncost.ops.sizes import MAPS, axes_of

ON_CPU = StepSettings(device="cpu")
SHARE = ["lenet5", "alexnet", "resnet18", "densenet121", "mobilenet_v2", "unet", "vgg11_bn", "convnext_tiny"]


def check(graph: Graph, batch: int, device: str, dtype: str = "bfloat16") -> None:
    shapes = [(batch, *graph.input_shape)]
    net, xs = autocasting.faked(lambda: build(graph, "train"), *shapes)
    found = autocasting.step(net, xs, dtype, device)
    memory = training_memory(graph, batch=batch, device=device, autocast=dtype)
    assert memory.estimated == ()
    assert (memory.saved, memory.peak - memory.weights, memory.gradients) == found


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", SHARE)
def test_the_zoo(name: str, device: str) -> None:
    check(cnncost.load(name), 2, device)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("case", list(filter(learns, CASES)), ids=str)
def test_operators(case: Case, dtype: str, device: str) -> None:
    graph = graph_of(case, followed=True)
    if training_memory(graph, device=device, autocast=dtype).estimated:
        return
    check_operator(graph, device, dtype)


def check_operator(graph: Graph, device: str, dtype: str = "bfloat16") -> None:
    try:
        found = autocasting.step(build(graph, "train"), [torch.zeros(1, 1)], dtype, device)
    except NotImplementedError as error:  # a kernel that the CPU does not have in two bytes
        pytest.skip(str(error))
    memory = training_memory(graph, device=device, autocast=dtype)
    assert (memory.saved, memory.peak - memory.weights, memory.gradients) == found


def narrowed(case: Case) -> Graph | None:
    """The case's operator behind sources in low precision (a prelu's outputs); None where none can be."""
    graph = graph_of(case, followed=True)
    if any(axes_of(shape) not in MAPS for shape in case.shapes):
        return None
    nodes: list[Node] = [graph.nodes[0]]
    places = [0]
    for node in graph.nodes[1:]:
        nodes.append(node._replace(index=len(nodes), inputs=tuple(places[index] for index in node.inputs)))
        if node.op.name == "source" and len(node.shape) > 1 and not node.op.given("frozen"):
            index = len(nodes)
            nodes.append(Node(index, f"narrow{index}", REGISTRY["prelu"](), (index - 1,), node.shape))
        places.append(len(nodes) - 1)
    return Graph("case", tuple(nodes), (places[graph.outputs[0]],))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("case", list(filter(learns, CASES)), ids=str)
def test_operators_behind_low_precision(case: Case, device: str) -> None:
    graph = narrowed(case)
    if graph is None or training_memory(graph, device=device, autocast="bfloat16").estimated:
        return
    check_operator(graph, device)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", ["lenet5", "inception_v3", "resnet18", "unet"])
def test_with_the_loss(name: str, device: str) -> None:
    graph = cnncost.load(name)
    net, xs = autocasting.faked(lambda: build(graph, "train"), (2, *graph.input_shape))
    with xs[0].fake_mode:  # type: ignore[attr-defined]
        shapes = [output.shape for output in trained(net(*xs))]
        targets = [torch.zeros(n, *rest, dtype=torch.int64) for n, _, *rest in shapes]

    def losses(outputs: list[torch.Tensor]) -> list[torch.Tensor]:
        return list(map(torch.nn.functional.cross_entropy, outputs, targets))

    found = autocasting.step(net, xs, "bfloat16", device, losses=losses, held=targets)
    memory = training_memory(graph, batch=2, device=device, autocast="bfloat16", loss="cross_entropy")
    assert (memory.saved, memory.peak - memory.weights, memory.gradients) == found


def test_a_plan_under_autocast_runs_as_it_says() -> None:
    """Autocast is chosen where it spares recomputation; the stated peak to the byte."""
    graph = cnncost.load("resnet18", input=(128, 128))
    limit = training_memory(graph, batch=8, autocast="bfloat16", device="cpu").peak
    found = fitting_plan(graph, limit, batch=8, autocast="bfloat16", settings=ON_CPU)
    assert (found.autocast, found.segments, found.micro_batches, found.extra_macs) == ("bfloat16", (), 1, 0)
    assert fitting_plan(graph, limit, batch=8, settings=ON_CPU).extra_macs > 0
    whole = training_memory(graph, batch=8).peak
    assert fitting_plan(graph, whole, batch=8, autocast="bfloat16").autocast is None
    tight = fitting_plan(graph, limit - 3_000_000, batch=8, autocast="bfloat16", settings=ON_CPU)
    assert tight.autocast == "bfloat16"
    assert tight.segments
    for plan_of_it in (found, tight):
        size = 8 // plan_of_it.micro_batches
        twin, xs = autocasting.faked(lambda: build(graph, "train"), (size, *graph.input_shape))
        net = Checkpointed(twin, plan_of_it.segments)  # type: ignore[arg-type]
        traced = autocasting.step(net, xs, "bfloat16", passes=plan_of_it.micro_batches)
        assert plan_of_it.memory.peak == plan_of_it.memory.weights + traced.peak
    recipe = cnncost.memory(graph, batch=8, plan_for=limit, device="cpu", train=True).document["plan"][
        "recipe"
    ]
    assert 'with torch.autocast("cpu", dtype=torch.bfloat16):' in recipe
    compile(recipe, "recipe", "exec")


def test_the_largest_batch_under_autocast() -> None:
    limit = 300_000_000
    options = {"train": True, "fits": limit, "device": "cpu"}
    narrow, wide = (
        cnncost.memory("resnet18", autocast=kind, **options).document["fits"]["training"]
        for kind in ("bfloat16", None)
    )
    graph = cnncost.load("resnet18")
    assert narrow > wide
    for batch, fits in ((narrow, True), (narrow + 1, False)):
        peak = training_memory(graph, batch=batch, device="cpu", autocast="bfloat16").peak
        assert (peak <= limit) == fits


def test_bad_input() -> None:
    graph = cnncost.load("lenet5")
    for asked, message in (
        (
            {"train": True, "autocast": "float8", "device": "cpu"},
            "torch.autocast on cpu has no float8: it casts to bfloat16 or float16\n"
            "  for example: autocast bfloat16",
        ),
        ({"autocast": "bfloat16"}, "autocast is of a training step\n  pass train=True"),
        (
            {"train": True, "autocast": "bfloat16", "dtype": "float16"},
            "lenet5: autocast runs a network whose weights are float32, and these are float16\n  drop dtype",
        ),
    ):
        with pytest.raises(UsageError) as error:
            cnncost.memory(graph, **asked)
        assert str(error.value) == message


@pytest.mark.parametrize("name", ["lenet5", "resnet18", "convnext_tiny"])
def test_checkpoints_and_accumulation(name: str) -> None:
    """Two passes in a row, checkpoints among them: the second adds to gradients that are there."""
    graph = cnncost.load(name)
    context = autocast.context("bfloat16", "cpu")
    running = plan(graph, batch=2, training=True, device="cpu", autocast=context)
    twin, xs = autocasting.faked(lambda: build(graph, "train"), (2, *graph.input_shape))
    cuts = boundaries(graph)
    for segments in (
        [],
        [Segment(1, cuts[-1])],
        [Segment(first + 1, last) for first, last in pairwise(cuts)][::2],
        [Segment(first + 1, last) for first, last in pairwise(cuts[::3])],
    ):
        net = Checkpointed(twin, segments)
        accumulated = 0
        for passes in (1, 2):
            step = TrainingStep(running, 1, segments, accumulated)
            step.run()
            assert step.ledger.top.alive == autocasting.step(net, xs, "bfloat16", passes=passes).peak
            accumulated = accumulated or step.made_gradients
