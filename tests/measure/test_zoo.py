"""The whole zoo against PyTorch: every node's figures, and memory to the byte, eval and train."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from cnncost.execution.memory import peak_bytes
from cnncost.execution.plan import plan
from cnncost.execution.training import training_memory
from cnncost.graph import Graph
from cnncost.language import zoo
from cnncost.language.instance import graph_of
from cnncost.measure import build
from cnncost.measure.trace import inference_peak, training_step
from cnncost.measure.twin import example_input
from cnncost.measure.verify import verify

META = torch.device("meta")
FILES = sorted(zoo.specs_directory().glob("*.yaml"))


def graphs(path: Any, first: bool = False) -> list[Graph]:
    """Every variant of a family, or the first."""
    family = zoo.parse(path)
    variants = list(family.variants.values()) or [None]
    return [graph_of(family, variant) for variant in (variants[:1] if first else variants)]


def least_batch(graph: Graph) -> int:
    """1, but 2 where batch norm of a 1 x 1 map sees one value per channel, which PyTorch refuses in training."""
    single = any(node.op.name == "bn" and node.shape[2:] == (1, 1) for node in graph.nodes)
    return 2 if single else 1


def check_inference(graph: Graph) -> None:
    with META:
        twin = build(graph)
    for batch in (1, 8):
        expected = peak_bytes(plan(twin.graph, batch=batch))
        assert inference_peak(twin, example_input(graph, batch, META)) == expected, (graph.name, batch)


def check_training(graph: Graph, batches: tuple[int, ...]) -> None:
    with META:
        twin = build(graph, "train")
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
    for batch in batches:
        traced = training_step(twin, example_input(graph, batch, META), optimizer)
        memory = training_memory(graph, batch=batch)
        expected = memory.saved, memory.peak - memory.weights, memory.gradients
        found = traced.saved, max(traced.backward_peak, traced.step_peak), traced.gradients
        assert found == expected, (graph.name, batch)


def trains(graph: Graph) -> bool:
    """Whether anything is learned (Haar-like cells and single blocks without weights are not)."""
    return any(node.op.weights(*graph.input_shapes(node)) for node in graph.nodes[1:])


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_node_is_verified(path: Any) -> None:
    for graph in graphs(path):
        # Without training heads the nodes are the same.
        heads = any(node.head for node in graph.nodes)
        for mode in ("eval", "train") if heads else ("eval",):
            found = verify(graph, META, mode, fvcore=False)
            assert [check for check in found.checks if check.result != "ok"] == [], graph.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_inference_memory_of_the_first(path: Any) -> None:
    for graph in graphs(path, first=True):
        check_inference(graph)


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_inference_memory(path: Any) -> None:
    for graph in graphs(path)[1:]:
        check_inference(graph)


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_training_memory(path: Any) -> None:
    """Batch 8 of every variant, batch 1 of the first too: the model is the same for every batch."""
    for place, graph in enumerate(graphs(path)):
        if trains(graph):
            check_training(graph, (8,) if place else (least_batch(graph), 8))


@pytest.mark.parametrize("name", ["lenet5", "resnet20_cifar", "squeezenet1_1"])
@pytest.mark.parametrize(
    ("optimizer", "make"),
    [
        ("momentum", lambda weights: torch.optim.SGD(weights, lr=0.1, momentum=0.9)),
        ("adam", lambda weights: torch.optim.Adam(weights)),
    ],
)
def test_optimizers(name: str, optimizer: str, make: Any) -> None:
    graph = zoo.load(name)
    with META:
        twin = build(graph, "train")
    traced = training_step(twin, example_input(graph, 8, META), make(twin.parameters()))
    memory = training_memory(graph, batch=8, optimizer=optimizer)
    fixed = memory.weights + memory.optimizer_state
    assert memory.peak - fixed == max(traced.backward_peak, traced.step_peak)


def test_the_known_peak_of_alexnet() -> None:
    graph = zoo.load("alexnet", input=(3, 224, 224))
    assert peak_bytes(plan(graph)) == 1_936_384


@pytest.mark.parametrize("name", ["vgg11", "vgg16", "vgg19"])
def test_the_peak_of_vgg_is_in_the_backward_pass(name: str) -> None:
    assert training_memory(zoo.load(name), batch=8).phase == "backward"


@pytest.mark.parametrize(
    "name",
    ["lenet5_1998", "resnext50_32x4d", "mobilenet_v3_small", "convnext_tiny", "segnet", "shufflenet_v1_g1"],
)
def test_the_cpu_and_fvcore_agree(name: str) -> None:
    graph = zoo.load(name, input=None if name == "lenet5_1998" else (3, 64, 64))
    found = verify(graph, torch.device("cpu"))
    macs = [check for check in found.checks if check.quantity == "MACs (fvcore)"]
    assert len(macs) == len(graph.nodes) - 1
    assert {check.result for check in found.checks} == {"ok"}
