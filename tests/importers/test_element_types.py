"""Bytes of an import are those of its own element types, each tensor's; --dtype makes them others.

Right values: nbytes of PyTorch's tensors and of ONNX's initialisers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

import cnncost
from cnncost.importers import from_module, from_onnx, write
from cnncost.importers.inputs import of_tensors
from cnncost.language import zoo
from cnncost.measure.trace import inference_peak

KINDS = [torch.float16, torch.bfloat16, torch.float64, torch.float32]


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 36, 5))


def nbytes(module: nn.Module) -> int:
    """Bytes of parameters and buffers, the counters of batch norms left out."""
    buffers = (item for name, item in module.named_buffers() if "num_batches" not in name)
    return sum(item.nbytes for item in chain(module.parameters(), buffers))


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_has_its_element_type(kind: torch.dtype) -> None:
    module = network().to(kind)
    report = cnncost.analyze(module, (3, 8, 8), batch=2)
    assert report.dtype == str(kind).removeprefix("torch.")
    assert report.totals.weight_bytes == nbytes(module)
    assert report.inputs[0].dtype == report.dtype
    size = torch.empty(0, dtype=kind).element_size()
    # the convolution's and the norm's maps and the scores; flatten is a view
    assert report.totals.activation_bytes == 2 * size * (2 * 4 * 36 + 5)
    assert report.rows[0].activation_bytes in (2 * size * 4 * 36, 4 * size * 4 * 36)


@pytest.mark.parametrize("wanted", ["float32", "float16", "float64"])
def test_another_type_is_asked_for(wanted: str) -> None:
    module = network().to(torch.bfloat16)
    report = cnncost.analyze(module, (3, 8, 8), dtype=wanted)
    assert report.dtype == wanted
    assert report.totals.weight_bytes == nbytes(network().to(getattr(torch, wanted)))


class Mixed(nn.Module):
    """Norms of float32 in a network of float16, tokens, a mask and the positions of the largest."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(100, 8).half()
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 3).double()
        self.register_buffer("unread", torch.zeros(7, dtype=torch.int8))

    def forward(self, ids: Tensor) -> Tensor:
        y = self.norm(self.table(ids).float())
        return self.head(y.double()).argmax(-1)


@pytest.mark.parametrize("road", ["export", "run"])
def test_every_tensor_has_its_own(road: str) -> None:
    module = Mixed()
    ids = torch.randint(0, 100, (2, 6))
    report = cnncost.analyze(module, example_inputs=(ids,), by="op", road=road)
    assert report.dtype == "mixed"
    assert report.totals.weight_bytes == nbytes(module)
    made = {row.op: row.activation_bytes for row in report.rows}
    assert made["embedding"] == 2 * 6 * 8 * 2
    assert made["layer_norm"] == 2 * 6 * 8 * 4
    assert made["linear"] == 2 * 6 * 3 * 8
    assert report.rows[-2].activation_bytes == 2 * 6 * 8  # positions are int64
    assert report.totals.peak_bytes >= ids.nbytes


def test_memory_of_training_is_in_its_own_types() -> None:
    half, whole = (
        cnncost.memory(network().to(kind), (3, 8, 8), batch=2, train=True).document["training"]
        for kind in (torch.float64, torch.float32)
    )
    for part in ("weights", "gradients"):
        assert half[part] == 2 * whole[part]


def stored(path: Path, kind: int, dtype: Any, *, unread: bool = False) -> str:
    """A convolution of 108 weights of a type; a table that nothing reads."""
    weights = [numpy_helper.from_array(np.random.default_rng(0).random((4, 3, 3, 3)).astype(dtype), "w")]
    if unread:
        weights.append(numpy_helper.from_array(np.ones((5, 6), np.float64), "spare"))
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])], "net",
        [helper.make_tensor_value_info("x", kind, ["N", 3, 8, 8])],
        [helper.make_empty_tensor_value_info("y")], weights,
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path / "net.onnx")
    return str(path / "net.onnx")


@pytest.mark.parametrize(
    ("kind", "dtype"), [(TensorProto.FLOAT16, np.float16), (TensorProto.DOUBLE, np.float64)]
)
def test_a_file_has_its_element_types(kind: int, dtype: Any, tmp_path: Path) -> None:
    report = cnncost.analyze(from_onnx(stored(tmp_path, kind, dtype, unread=True)))
    size = np.dtype(dtype).itemsize
    assert report.totals.weight_bytes == 108 * size + 30 * 8
    assert report.totals.activation_bytes == 4 * 36 * size
    assert report.totals.peak_bytes == (192 + 4 * 36) * size


def test_a_quantised_file_stores_bytes(tmp_path: Path) -> None:
    """Weights that are dequantised before a convolution are stored as int8, their scale as a float32."""
    weights = [
        numpy_helper.from_array(np.ones((4, 3, 3, 3), np.int8), "q"),
        numpy_helper.from_array(np.array(0.1, np.float32), "s"),
    ]
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s"], ["w"]), helper.make_node("Conv", ["x", "w"], ["y"])
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8, 8])],
        [helper.make_empty_tensor_value_info("y")], weights,
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "net.onnx")
    totals = cnncost.analyze(from_onnx(str(tmp_path / "net.onnx"))).totals
    assert (totals.params, totals.weight_bytes) == (108, 108 + 4)


def test_the_command_line_counts_in_them_too(tmp_path: Path) -> None:
    """Every command that counts bytes; --dtype asks for another type."""
    path = stored(tmp_path, TensorProto.FLOAT16, np.float16)

    def run(*arguments: str) -> Any:
        command = [sys.executable, "-m", "cnncost", *arguments, "--format", "json"]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    (own,) = run("table", path)["models"]
    assert (own["dtype"], own["totals"]["weight_bytes"]) == ("float16", 216)
    (asked,) = run("table", path, "--dtype", "float32")["models"]
    assert (asked["dtype"], asked["totals"]["weight_bytes"]) == ("float32", 432)
    assert run("memory", path)["weight_bytes"] == 216
    assert run("memory", path, "--dtype", "float64")["weight_bytes"] == 864
    assert run("compare", path, "lenet5")["models"][0]["totals"]["weight_bytes"] == 216


def test_a_text_form_says_the_type_that_was_asked_for(tmp_path: Path) -> None:
    from cnncost.models import graph
    from cnncost.request import parse

    path = stored(tmp_path, TensorProto.FLOAT16, np.float16)
    assert parse(path).text() == path
    asked = parse(f"{path} --dtype float32")
    assert asked.text() == f"{path} --dtype float32"
    assert graph(asked.model).dtype == "float32" != graph(parse(path).model).dtype


def imported(module: nn.Module, given: Tensor) -> cnncost.Graph:
    return from_module(module, of_tensors((given,), {})[0])


class Half(nn.Sequential):
    """Most of it in float16, its norm in float32; the positions of the largest are int64."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 4, 3).half(), nn.Conv2d(4, 4, 1).half(), nn.GroupNorm(2, 4))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        y = self[1](self[0](x)).float()
        return self[2](y), (y > 0).sum((2, 3)).argmax(1)


@pytest.mark.parametrize(
    ("module", "given"),
    [
        (Mixed(), torch.randint(0, 100, (2, 6))), (Half(), torch.zeros(2, 3, 8, 8).half()),
        *[(network().to(kind), torch.zeros(2, 3, 8, 8, dtype=kind)) for kind in KINDS],
    ],
)  # fmt: skip
def test_a_spec_keeps_them(module: nn.Module, given: Tensor) -> None:
    graph = imported(module, given)
    read = zoo.graph_of(zoo.parse_text(write.text(graph), "read back", "model"), None)
    for batch in (1, 2):
        whole, again = (cnncost.analyze(each, batch=batch) for each in (graph, read))
        # A spec keeps liveness, an import what its own code refers to: `y` until it returns, for one.
        assert again.totals == whole.totals._replace(peak_bytes=whole.totals.liveness_bytes)
        assert again.totals.weight_bytes == nbytes(module)
        assert whole.totals.peak_bytes == inference_peak(module.eval(), given[:batch].clone())
    assert [item.dtype for item in again.inputs] == [item.dtype for item in whole.inputs]
    assert write.text(read).splitlines()[2:] == write.text(graph).splitlines()[2:]
    asked = cnncost.analyze(graph, dtype="float64")
    again = cnncost.analyze(read, dtype="float64")
    assert again.totals == asked.totals._replace(peak_bytes=asked.totals.liveness_bytes)


@pytest.mark.parametrize("kind", [torch.float16, torch.float32])
def test_time_is_predicted_in_them(kind: torch.dtype) -> None:
    """Its own type, without a word, is that type asked for; another one is that one."""
    module, named = network().to(kind), str(kind).removeprefix("torch.")

    def seconds(**asked: str) -> float:
        answer = cnncost.latency(module, on="a100-80gb", input_shape=(3, 64, 64), **asked)  # type: ignore[arg-type]
        return float(answer.document["models"][0]["predicted"]["latency_ms"])

    module[3] = nn.Linear(4 * 62 * 62, 5).to(kind)
    assert seconds() == seconds(dtype=named)
    assert seconds(dtype="float32") > seconds(dtype="float16")


def test_of_mixed_types_a_prediction_says_which_it_takes() -> None:
    answer = cnncost.latency(imported(Half(), torch.zeros(2, 3, 8, 8).half()), on="a100-80gb")
    (model,) = answer.document["models"]
    assert (
        "its tensors are of several element types; all of it is predicted in float32"
        in model["predicted"]["warnings"]
    )
