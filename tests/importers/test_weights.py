"""Every parameter and buffer of what is imported is counted once, read or not, trained or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cnncost
from cnncost.importers import from_module, write
from cnncost.language import zoo
from cnncost.measure.verify import verify


class Unread(nn.Module):
    """A table that nobody looks into, an auxiliary head that is half frozen, buffers that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.table = nn.ParameterList([nn.Parameter(torch.zeros(100, 150)) for _ in range(2)])
        self.register_buffer("mask", torch.ones(1, 4, 1, 1))
        self.register_buffer("order", torch.tensor([2, 0, 1]))
        self.register_buffer("never", torch.zeros(7))
        self.aux = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.aux[0].weight.requires_grad = False  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        return (self.norm(self.conv(x)) * self.mask)[:, self.order]


class HalfRead(nn.Module):
    """A layer whose bias alone is read, and one that is read for its shape."""

    def __init__(self) -> None:
        super().__init__()
        self.some, self.shape = nn.Linear(3, 4), nn.Parameter(torch.zeros(5, 5))

    def forward(self, x: Tensor) -> Tensor:
        return x.mean() + self.some.bias + torch.zeros_like(self.shape).sum()


def counted(module: nn.Module) -> tuple[int, int, int]:
    """(parameters, those that are trained, buffers but for batch norm's count of batches)"""
    params = list(module.parameters())
    kept = [item for name, item in module.named_buffers() if not name.endswith("num_batches_tracked")]
    trained = sum(item.numel() for item in params if item.requires_grad)
    return sum(item.numel() for item in params), trained, sum(item.numel() for item in kept)


@pytest.mark.parametrize("kind", [Unread, HalfRead], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("by", ["op", "layer", "block", "stage"])
@pytest.mark.parametrize("road", ["export", "run"])
def test_every_parameter_and_buffer_is_there(kind: type[nn.Module], by: str, road: str) -> None:
    module = kind()
    graph = from_module(module, (3, 8, 8), road=road)
    report = cnncost.analyze(graph, by=by)
    assert (report.totals.params, report.totals.trainable, report.totals.buffers) == counted(module)
    for name in ("params", "trainable", "buffers"):
        assert sum(getattr(row, name) for row in report.rows) == getattr(report.totals, name)


def test_what_is_not_read_is_a_row_of_its_own() -> None:
    rows = {row.name: row for row in cnncost.analyze(Unread(), (3, 8, 8)).rows}
    found = {name: (row.params, row.trainable, row.buffers) for name, row in rows.items()
             if row.op == "not used in this pass"}  # fmt: skip
    assert found == {"table": (30_000, 30_000, 0), "aux": (24, 12, 8), "never": (0, 0, 7)}
    assert all(rows[name].macs == rows[name].flops == rows[name].activation_bytes == 0 for name in found)
    read = [name for name, row in rows.items() if row.op == "constant"]
    assert [rows[name].buffers for name in read] == [4, 3]


def test_what_is_not_read_is_in_every_table_and_in_a_spec(tmp_path: Path, monkeypatch: Any) -> None:
    from cnncost.tables.layers import layer_grid
    from cnncost.tables.output import rendered

    graph = from_module(Unread(), (3, 8, 8))
    grid = layer_grid(cnncost.analyze(graph), ["name", "params", "trainable"])
    for format in ("text", "markdown", "csv", "latex"):
        assert "table, not used in this pass" in rendered([grid], None, format), format
    read = zoo.parse_text(write.text(graph), "again", "again")
    from cnncost.language.zoo import graph_of

    again = graph_of(read, None)
    assert cnncost.analyze(again).totals == cnncost.analyze(graph).totals
    assert [node.name for node in again.nodes] == [node.name for node in graph.nodes]
    assert verify(graph, fvcore=False).counted("differs") == 0
    document = json.dumps(cnncost.analyze(graph).to_dict())
    assert '"not used in this pass"' in document


def test_no_gradient_reaches_what_is_not_read() -> None:
    from cnncost.execution.training import training_memory

    module = Unread()
    module(torch.randn(2, 3, 8, 8)).sum().backward()
    gradients = sum(item.grad.numel() for item in module.parameters() if item.grad is not None)
    found = training_memory(from_module(module, (3, 8, 8)), batch=2)
    assert found.gradients == 4 * gradients
    buffers = (item.nbytes for name, item in module.named_buffers() if "num_batches" not in name)
    assert found.weights == sum(item.nbytes for item in module.parameters()) + sum(buffers)


class Siamese(nn.Module):
    """One branch, called with two halves of the channels."""

    def __init__(self, affine: bool) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(3, 8, 3),
            nn.BatchNorm2d(8, affine=affine),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return (self.branch(x[:, :3]) - self.branch(x[:, 3:])).abs().sum(1)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("road", ["export", "run"])
def test_a_batch_norm_called_twice_is_counted_once_and_costs_twice(affine: bool, road: str) -> None:
    module = Siamese(affine).eval()
    graph = from_module(module, (6, 16, 16), road=road)
    totals = cnncost.analyze(graph, by="op").totals
    assert (totals.params, totals.trainable, totals.buffers) == counted(module)
    norms = [row for row in cnncost.analyze(graph, by="op").rows if row.op == "bn"]
    assert [(row.params, row.buffers) for row in norms] == [(16 * affine, 16), (0, 0)]
    assert [row.flops for row in norms] == [2 * 8 * 14 * 14] * 2
    assert [row.activation_elements for row in norms] == [8 * 14 * 14] * 2
    assert totals.macs == 2 * 8 * 27 * 14 * 14
    assert verify(graph, fvcore=False, batch=graph.batch or 2).counted("differs") == 0


onnx = pytest.importorskip("onnx", reason="the extra onnx")


@pytest.mark.parametrize("bias", [0.0, 0.5], ids=["zeros", "halves"])
@pytest.mark.parametrize("constant", [False, True], ids=["stored", "constant nodes"])
def test_a_weight_is_a_weight_however_a_file_stores_it(bias: float, constant: bool, tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    tensors = [
        helper.make_tensor("w", TensorProto.FLOAT, [3, 4], [0.1] * 12),
        helper.make_tensor("b", TensorProto.FLOAT, [3], [bias] * 3),
        helper.make_tensor("never", TensorProto.FLOAT, [7, 2], [1.0] * 14),
    ]
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)]
    if constant:
        made = [helper.make_node("Constant", [], [item.name], value=item) for item in tensors[:2]]
        nodes, tensors = [*made, *nodes], tensors[2:]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])
    graph = helper.make_graph(nodes, "g", [given], [helper.make_tensor_value_info("y", 1, None)], tensors)
    path = tmp_path / "a.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    report = cnncost.analyze(cnncost.load(str(path)))
    assert [(row.name, row.op, row.params) for row in report.rows][1:] == [
        ("never", "not used in this pass", 14)
    ]
    assert report.totals.params == 15 + 14
    assert report.totals.macs == 12


def test_a_bias_that_reaches_its_sum_through_a_reshape_is_counted(tmp_path: Path) -> None:
    """As Paddle2ONNX writes a convolution's bias."""
    from onnx import TensorProto, helper

    tensors = {
        "w": helper.make_tensor("w", TensorProto.FLOAT, [4, 3, 1, 1], [0.1] * 12),
        "b": helper.make_tensor("b", TensorProto.FLOAT, [4], [0.0] * 4),
        "to": helper.make_tensor("to", TensorProto.INT64, [4], [1, 4, 1, 1]),
    }
    nodes = [
        *(helper.make_node("Constant", [], [name], value=item) for name, item in tensors.items()),
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Reshape", ["b", "to"], ["r"]),
        helper.make_node("Add", ["c", "r"], ["y"]),
    ]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])
    graph = helper.make_graph(nodes, "g", [given], [helper.make_tensor_value_info("y", 1, None)])
    path = tmp_path / "a.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    totals = cnncost.analyze(cnncost.load(str(path))).totals
    assert (totals.params, totals.macs) == (16, 12 * 64)


def test_a_parameter_that_is_lost_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a total that is wrong."""
    from cnncost.ops.linear import Linear

    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 5))
    monkeypatch.setattr(Linear, "weights", lambda self, *inputs: ())
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.analyze(module, (3, 8, 8))
    assert str(caught.value) == (
        "Sequential: 112 parameters would come in, and it has 837: the first that differs is 2.weight\n"
        "  this is a fault of cnncost's import: please report the module"
    )


@pytest.mark.parametrize("kind", ["conv", "linear", "norm"])
@pytest.mark.parametrize("which", ["weight", "bias"])
def test_a_layer_of_which_a_part_learns(kind: str, which: str) -> None:
    """A frozen weight beside a bias that learns, and the other way round."""
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 5))
    part: Any = module[{"conv": 0, "norm": 1, "linear": 3}[kind]]
    getattr(part, which).requires_grad_(False)
    totals = cnncost.analyze(module, (3, 8, 8)).totals
    assert totals.params == sum(item.numel() for item in module.parameters())
    assert totals.trainable == sum(item.numel() for item in module.parameters() if item.requires_grad)
    assert totals.macs == 36 * 108 + 144 * 5


def test_spectral_norm() -> None:
    """As a parametrisation: 4 x 27 products of the weight with a vector, 4 more, beside 36 places of 108."""
    module = nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3))
    totals = cnncost.analyze(module, (3, 8, 8)).totals
    assert (totals.params, totals.macs) == (112, 36 * 108 + 108 + 4)
