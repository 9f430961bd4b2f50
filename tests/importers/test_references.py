"""What an imported module has alive when its own code runs, to the byte against a trace of live storages."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cnncost
from cnncost.execution.memory import liveness_bytes, peak_bytes, timeline
from cnncost.execution.plan import plan
from cnncost.graph import Graph
from cnncost.importers import from_module
from cnncost.importers.aten.exported import spelled_out
from cnncost.importers.sources import library
from cnncost.measure import build
from cnncost.measure.trace import LiveStorages, inference_peak
from cnncost.measure.verify import verify
from cnncost.tables.memory import LIVENESS, timeline_document, timeline_grid

META = torch.device("meta")


def traced(module: nn.Module, shape: tuple[int, ...], batch: int) -> int:
    """Peak bytes of a forward pass of the module itself, on tensors without memory."""
    module = module.to(META).eval()
    x = torch.empty(batch, *shape, device=META)
    weights = [*module.parameters(), *module.buffers()]
    with torch.no_grad(), spelled_out(), LiveStorages(META, [x], weights) as live:
        module(x)
    return int(live.peak)


class Frames(nn.Module):
    """Every way in which Python keeps what no operator reads any more."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.inner = nn.Sequential(nn.Conv2d(16, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1))
        self.second = nn.Conv2d(4, 16, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        wide = self.first(x)  # a variable, to the end
        kept = [self.inner(wide)]  # a list
        self.last = kept[0] + 1  # an attribute
        y = self.second(kept[0])
        y += wide.mean((2, 3), keepdim=True)
        del wide
        return self.second(self.inner(y)).relu()


class Released(nn.Module):
    """The same sizes, each value dropped at its last read."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 1), nn.ReLU(), nn.Conv2d(16, 4, 1), nn.Conv2d(4, 16, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)  # type: ignore[no-any-return]


class Asked(Frames):
    """An export writes down what a run does not call (what it asserts of a type), and leaves out `x.data`."""

    def forward(self, x: Tensor) -> Tensor:
        batch, *_ = x.data.shape
        wide = self.first(x)
        wide = wide + torch.zeros(1, 16, 10, 10, device=x.device)
        mask = torch.ones(batch, 16, 10, 10, device=x.device)  # as many as there are images
        wide = wide * mask
        self.kept = wide.float().type_as(x)
        return super().forward(x).view(batch, -1) + wide.mean()


@pytest.mark.parametrize("build", [Frames, Released, Asked], ids=lambda build: build.__name__)
@pytest.mark.parametrize("batch", [1, 8])
def test_frames_lists_and_attributes(build: Any, batch: int) -> None:
    module = build()
    graph = from_module(module, (3, 10, 10))
    assert graph.running is not None
    running = plan(graph, batch=batch)
    assert peak_bytes(running) == traced(module, (3, 10, 10), batch)
    assert liveness_bytes(running) < peak_bytes(running) or build is Released


def test_an_addition_in_place_makes_no_tensor() -> None:
    graph = from_module(Frames(), (3, 10, 10))
    (added,) = graph.in_place
    assert graph.storages[added] == graph.nodes[added].inputs[0]
    rows = cnncost.analyze(graph, by="op").rows
    assert rows[added - 1].activation_elements == 0
    assert all(check.result == "ok" for check in verify(graph, META, fvcore=False).checks)
    assert peak_bytes(plan(graph, batch=2)) >= inference_peak(build(graph), torch.zeros(2, 3, 10, 10))


def network(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    """A torchvision network without weights, and its input."""
    arguments: dict[str, Any] = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        arguments["init_weights"] = False
    if name.startswith(("fcn", "deeplab", "lraspp")):
        arguments["weights_backbone"] = None
    module = library("torchvision").get_model(name, **arguments)
    return module, (3, 299, 299) if name == "inception_v3" else (3, 224, 224)


NETWORKS = ["resnet18", "mobilenet_v3_small", "squeezenet1_1"]
SLOW = [
    "resnet50",
    "densenet121",
    "inception_v3",
    "vit_b_32",
    "swin_t",
    "efficientnet_b0",
    "regnet_x_400mf",
    "fcn_resnet50",
]


@pytest.mark.parametrize("name", [*NETWORKS, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_torchvision(name: str) -> None:
    module, shape = network(name)
    graph = from_module(module, shape)
    for batch in (1, 8):
        assert peak_bytes(plan(graph, batch=batch)) == traced(module, shape, batch)


def test_in_place_additions_are_those_of_resnet() -> None:
    """activation_elements: the outputs of resnet18's 8 additions are not counted again."""
    library("torchvision")
    graph = cnncost.load("torchvision:resnet18")
    additions = [node for node in graph.nodes if node.op.name == "add"]
    assert graph.in_place == {node.index for node in additions}
    assert len(additions) == 8


def test_it_is_said_beside_liveness() -> None:
    module, shape = network("mobilenet_v3_small")
    graph = from_module(module, shape)
    line, totals = timeline(plan(graph)), cnncost.analyze(graph).totals
    assert totals.peak_bytes == line.peak.alive
    assert totals.liveness_bytes == line.liveness == timeline_document(graph, line)["liveness_bytes"]
    assert timeline_grid(graph, 1, 0, line).notes[-1] == (
        "Tensors live as long as the module's own code refers to them; freed after their last reader they"
        " would need 2,408,448 bytes (2.30 MiB)."
    )


def test_a_spec_says_that_it_is_liveness() -> None:
    graph = cnncost.load("mobilenet_v3_small")
    line, totals = timeline(plan(graph)), cnncost.analyze(graph).totals
    assert line.liveness is None
    assert totals.peak_bytes == totals.liveness_bytes == timeline_document(graph, line)["liveness_bytes"]
    assert timeline_grid(graph, 1, 0, line).notes[-1] == LIVENESS


def test_what_is_folded_is_not_the_module(tmp_path: Any) -> None:
    from cnncost.analysis.fold import fold_batch_norms

    graph: Graph = from_module(network("resnet18")[0], (3, 224, 224))
    folded = fold_batch_norms(graph)
    assert (folded.running, folded.in_place) == (None, frozenset())
