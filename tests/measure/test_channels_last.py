"""Layer norm in a map turns its axes: what follows lies with channels last, and memory is exact all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from measure.test_zoo import check_inference, check_training

import cnncost

CONV = "conv: {out: 16, kernel: 3, pad: 1, bias: false}"
BODIES = {
    "conv": f"[{CONV}, layer_norm, {CONV}]",
    "relu": f"[{CONV}, layer_norm, relu, {CONV}]",
    "gelu": f"[{CONV}, layer_norm, gelu, {CONV}]",
    "pooling": f"[{CONV}, layer_norm, relu, maxpool: {{kernel: 2}}, {CONV}, bn, relu]",
    "depthwise": f"[{CONV}, layer_norm, relu, conv: {{out: 16, kernel: 3, groups: 16}}, bn, relu6, {CONV}]",
    "flatten": f"[{CONV}, layer_norm, relu, flatten, linear: {{out: 3}}]",
    "global pooling": f"[{CONV}, layer_norm, relu, global_avgpool, flatten, linear: {{out: 3}}]",
    "residual": f"[{CONV}, layer_norm, relu, add: {{main: [{CONV}, layer_norm, relu, {CONV}], shortcut: []}}, relu]",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_memory(body: str, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(f"input: [3, 8, 8]\nbody: {body}\n")
    graph = cnncost.load(str(path))
    check_inference(graph)
    check_training(graph, (1, 8))
