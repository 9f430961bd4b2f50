"""Batch norms folded away: what is left, what stays, and that nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor, nn

import cnncost
from cnncost.analysis.fold import fold_batch_norms
from cnncost.graph import Graph
from cnncost.importers import from_module


def spec(folder: Path, *steps: str) -> Graph:
    file = folder / "net.yaml"
    file.write_text("family: net\ninput: [3, 8, 8]\nbody:\n" + "".join(f"  - {step}\n" for step in steps))
    return cnncost.load(str(file))


def names(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes[1:]]


@pytest.mark.parametrize("model", ["resnet50", "mobilenet_v2", "googlenet_torchvision", "vgg16_bn"])
def test_a_batch_norm_behind_every_convolution_costs_nothing(model: str) -> None:
    graph = cnncost.load(model)
    folded = fold_batch_norms(graph)
    before, after = cnncost.analyze(graph).totals, cnncost.analyze(folded).totals
    norms = [node for node in graph.without_heads().nodes if node.op.name == "bn"]
    channels = sum(node.shape[1] for node in norms)
    biased = sum(
        node.shape[1]
        for node in graph.without_heads().nodes
        if node.op.name == "conv" and vars(node.op)["bias"]
    )
    assert "bn" not in names(folded)
    assert after.macs == before.macs
    assert after.buffers == 0 and before.buffers == 2 * channels
    # a scale and a shift less per channel, a bias more where there was none
    assert after.params == before.params - 2 * channels + channels - biased
    values = sum(node.shape[1] * node.shape[2] * node.shape[3] for node in norms)
    added = 0 if biased else values
    assert after.flops == before.flops - 2 * values + added
    assert after.activation_elements == before.activation_elements - values
    assert after.peak_bytes <= before.peak_bytes
    assert folded.name == f"{model}-folded"


def test_names_places_and_outputs_stay() -> None:
    graph = cnncost.load("resnet18")
    folded = fold_batch_norms(graph)
    kept = [node for node in graph.nodes if node.op.name != "bn"]
    assert [(node.name, node.place, node.shape) for node in folded.nodes] == [
        (node.name, node.place, node.shape) for node in kept
    ]
    assert [folded.nodes[index].name for index in folded.outputs] == ["fc"]
    assert [node.index for node in folded.nodes] == list(range(len(folded.nodes)))
    assert all(source < node.index for node in folded.nodes for source in node.inputs)


def test_without_batch_norms_nothing_changes() -> None:
    graph = cnncost.load("alexnet")
    assert fold_batch_norms(graph).nodes == graph.nodes


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        (["{conv: {out: 4, bias: false}}", "bn"], ["conv"]),
        (["{conv_transpose: {out: 4, bias: false}}", "bn"], ["conv_transpose"]),
        (["flatten", "{linear: {out: 4, bias: false}}", "bn"], ["flatten", "linear"]),
        (["{conv: {out: 4}}", "relu", "bn"], ["conv", "relu", "bn"]),
        (["bn", "{conv: {out: 4}}"], ["bn", "conv"]),
        (["{conv: {out: 4}}", "{bn: {statistics: false}}"], ["conv", "bn"]),
        (["{conv: {out: 4}}", "bn", "bn"], ["conv"]),
        (["{conv: {out: 4}}", "{add: {main: [bn], identity: []}}"], ["conv", "bn", "add"]),
        (["{conv: {out: 4}}", "{concat: {one: [bn], two: [bn]}}"], ["conv", "bn", "bn", "concat"]),
    ],
)
def test_what_folds_and_what_cannot(tmp_path: Path, steps: list[str], left: list[str]) -> None:
    folded = fold_batch_norms(spec(tmp_path, *steps))
    assert names(folded) == left
    assert all(vars(node.op)["bias"] for node in folded.nodes if node.op.name in ("conv", "linear"))


def test_a_convolution_that_is_an_output_keeps_its_batch_norm(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(
        "family: net\ninput: [3, 8, 8]\noutputs: [raw, normed]\n"
        "body: [{conv: {out: 4, bias: false}, as: raw}, {bn: , as: normed}]\n"
    )
    assert names(fold_batch_norms(cnncost.load(str(file)))) == ["conv", "bn"]


class Chunks(nn.Module):
    """A batch norm whose output is cut in two by one call."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.norm(self.conv(x)).chunk(2, 1)
        return a.detach() * b


def test_what_autograd_is_told_moves_with_the_nodes() -> None:
    graph = from_module(Chunks(), (3, 8, 8), mode="train")
    folded = fold_batch_norms(graph)
    for whole, moved in zip(graph.parts, folded.parts, strict=True):
        assert [graph.nodes[index].name for index in whole] == [folded.nodes[index].name for index in moved]
    assert [graph.nodes[index].name for index in graph.detached] == [
        folded.nodes[index].name for index in folded.detached
    ]
    assert len(graph.parts) == len(graph.detached) == 1
