"""Receptive fields against two oracles: the decks' figures, and PyTorch's gradients."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cnncost
from cnncost.analysis.receptive import receptive_fields


def field_of(name: str, node: str) -> tuple[int, int]:
    graph = cnncost.load(name)
    (index,) = [n.index for n in graph.nodes if n.name == node or n.name == f"{node}.conv"]
    height, width = receptive_fields(graph)[index].size
    return int(height), int(width)


# Known from the literature: VGG-16 sees 212 pixels after pool5 (Araujo et al. 2019), AlexNet's 195 after pool5.
@pytest.mark.parametrize(
    ("name", "node", "size"), [("vgg16", "pool5", 212), ("alexnet_torchvision", "pool5", 195)]
)
def test_known_sizes(name: str, node: str, size: int) -> None:
    assert field_of(name, node) == (size, size)


NETS = {
    "chain": "- conv: {out: 2, kernel: 3, stride: 2}\n  - conv: {out: 2, kernel: [1, 5], dilation: 2}\n  - maxpool: {kernel: 2}",
    "residual": "- add: {main: [{conv: {out: 1, kernel: 3, pad: 1}}, {conv: {out: 1, kernel: 3, pad: 1}}], shortcut: []}",
    "inception": "- concat: {a: [{conv: {out: 1}}], b: [{conv: {out: 1, kernel: 5, pad: 2}}], "
    "c: [{avgpool: {kernel: 3, stride: 1, pad: 1}}]}\n  - conv: {out: 1, kernel: 3}",
    "dilated": "- conv: {out: 1, kernel: 3, pad: 4, dilation: 4}\n  - conv: {out: 1, kernel: 3, stride: 3}",
}


@pytest.mark.parametrize("name", NETS)
def test_gradients_reach_as_far(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(f"input: [1, 41, 41]\nbody:\n  {NETS[name]}\n")
    graph = cnncost.load(str(path))
    twin = cnncost.build(graph)
    for parameter in twin.parameters():
        torch.nn.init.ones_(parameter)
    x = torch.rand(1, 1, 41, 41, requires_grad=True)
    y = twin(x)
    y[:, :, y.shape[2] // 2, y.shape[3] // 2].sum().backward()
    assert x.grad is not None
    reached = x.grad[0, 0].nonzero()
    low, high = reached.min(0).values, reached.max(0).values
    seen = (high - low + 1).tolist()
    exact = [int(size) for size in receptive_fields(graph)[-1].size]
    if "maxpool" in NETS[name]:  # the gradient goes through one of the pooled values only
        assert all(part <= whole for part, whole in zip(seen, exact, strict=True))
    else:
        assert seen == exact
