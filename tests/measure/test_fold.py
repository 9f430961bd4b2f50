"""A folded twin gives what the twin gives, and has the parameters that the analysis says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import cnncost
from cnncost.measure.fold import fold_twin
from cnncost.measure.twin import Twin

LAYERS = {
    "conv": "{conv: {out: 6, kernel: 3, bias: false}}, bn",
    "biased": "{conv: {out: 6, kernel: 3}}, bn, relu",
    "grouped": "{conv: {out: 6, kernel: 3, groups: 3}}, bn",
    "padded": "{conv: {out: 6, kernel: 4, stride: 2, pad: same}}, bn",
    "twice": "{conv: {out: 6, kernel: 3}}, bn, bn",
    "unscaled": "{conv: {out: 6}}, {bn: {scale: false}}",
    "unshifted": "{conv: {out: 6}}, {bn: {shift: false}}",
    "linear": "flatten, {linear: {out: 6, bias: false}}, bn",
    "transposed": "{conv_transpose: {out: 4, kernel: 4, stride: 2, pad: 1}}, bn",
    "transposed_grouped": "{conv_transpose: {out: 6, kernel: 2, stride: 2, groups: 3, bias: false}}, bn",
    "kept": "{conv: {out: 6}}, relu, bn, {conv: {out: 6}}, {add: {main: [bn], identity: []}}",
    "connections": "{conv: {out: 2, kernel: 3, connections: [[0, 1], [2]]}}, bn",
}


def trained(twin: Twin) -> Twin:
    """The twin with statistics, scales and shifts that are not those of a fresh batch norm."""
    generator = torch.Generator().manual_seed(1)
    for module in twin.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor in (module.running_mean, module.running_var, module.weight, module.bias):
                if tensor is not None:
                    tensor.data.uniform_(0.5, 2, generator=generator)
    return twin


def check(twin: Twin) -> Twin:
    x = torch.randn(
        2, *twin.graph.input_shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    folded = fold_twin(trained(twin.double()))
    with torch.no_grad():
        torch.testing.assert_close(folded(x), twin(x), rtol=1e-9, atol=1e-9)
    totals = cnncost.analyze(folded.graph).totals
    assert sum(parameter.numel() for parameter in folded.parameters()) == totals.params
    return folded


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS.keys())
def test_every_kind_of_layer(layers: str, tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(f"family: net\ninput: [3, 8, 8]\nbody: [{layers}]\n")
    check(Twin.of(cnncost.load(str(file))))


@pytest.mark.parametrize("model", ["resnet18", "densenet121", "googlenet_torchvision"])
def test_whole_models(model: str) -> None:
    folded = check(Twin.of(cnncost.load(model, input=(3, 64, 64))))
    left = [module for module in folded.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(left) == (62 if model == "densenet121" else 0)  # those behind a concatenation or a pool


def test_the_twin_itself_stays() -> None:
    twin = trained(Twin.of(cnncost.load("resnet18", input=(3, 64, 64))))
    before = {name: tensor.clone() for name, tensor in twin.state_dict().items()}
    fold_twin(twin)
    assert all(torch.equal(tensor, before[name]) for name, tensor in twin.state_dict().items())
