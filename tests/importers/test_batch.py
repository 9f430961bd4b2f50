"""No size of a network is taken for its batch, and code that asks for the batch gets the one of the report."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import cnncost
from cnncost.importers import from_module


class Branch(nn.Module):
    """More than one image has a layer more."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.deep = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return self.deep(y) if x.shape[0] > 1 else y


class Halves(nn.Module):
    """A siamese network: two halves of the batch are compared."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.conv(x).chunk(2, 0)
        return first - second


def two_convolutions() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 8, 3, padding=1))


def macs(network: nn.Module, *shape: int) -> int:
    """Multiply-accumulates as PyTorch's own counter has them, on tensors without memory."""
    with FlopCounterMode(display=False) as counter:
        network.to("meta")(torch.zeros(*shape, device="meta"))
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize("size", [1009, 2018, 4036, 11, 13 * 1009, 16777213])
def test_a_class_or_channel_more_is_a_size_like_others(size: int) -> None:
    with torch.device("meta"):
        network = nn.Sequential(
            nn.Conv2d(1, size, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(size, 2)
        )
    totals = cnncost.analyze(network, (1, 4, 4), batch=3).totals
    assert totals.macs == 3 * (16 * size + 2 * size)
    assert totals.params == size + size + 2 * size + 2


@pytest.mark.parametrize("shape", [(3, 1009, 1009), (3, 600, 1009), (3, 2018, 2018), (3, 22, 143)])
def test_a_height_is_no_batch(shape: tuple[int, int, int]) -> None:
    for batch in (1, 2):
        report = cnncost.analyze(two_convolutions(), shape, batch=batch)
        assert report.totals.macs == macs(two_convolutions(), batch, *shape)
        assert report.input_shape == shape
        assert report.rows[-1].output_shape == (8, *shape[1:])


def test_whole_of_reports_of_users() -> None:
    found = cnncost.analyze(two_convolutions(), (3, 1009, 1009)).totals.macs
    assert found == 1009 * 1009 * (432 + 1152) == 1_612_640_304


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_code_that_asks_for_the_batch_gets_that_of_the_report(batch: int) -> None:
    network = Branch()
    report = cnncost.analyze(network, (3, 8, 8), batch=batch)
    assert report.totals.macs == macs(Branch(), batch, 3, 8, 8)

    assert report.rows[0].output_shape == (4, 6, 6)


def test_what_depends_on_the_batch_is_right_for_one() -> None:
    graph = from_module(Branch(), (3, 8, 8), batch=2)
    assert graph.batch == 2
    assert cnncost.analyze(graph, batch=2).totals.macs == macs(Branch(), 2, 3, 8, 8)
    for batch in (1, 4):
        with pytest.raises(
            cnncost.UsageError, match=f"was imported at batch 2.*\n  import it at batch {batch}"
        ):
            cnncost.analyze(graph, batch=batch)


def test_parts_of_a_batch() -> None:
    report = cnncost.analyze(Halves(), (3, 8, 8), batch=6, by="op")
    assert report.totals.macs == 6 * 4 * 27 * 36
    assert (
        report.totals.flops == 2 * 6 * 4 * 27 * 36 + 6 * 4 * 36 + 3 * 4 * 36
    )  # products, biases, differences


pytest.importorskip("onnx", reason="the extra onnx")


@pytest.mark.parametrize(("channels", "height", "width"), [(1009, 4, 4), (3, 1009, 1009), (2018, 1, 4036)])
def test_onnx_sizes_are_no_batch(channels: int, height: int, width: int, tmp_path: Any) -> None:
    from onnx import TensorProto, helper

    weight = helper.make_tensor("w", TensorProto.FLOAT, [2, channels, 1, 1], [0.5] * (2 * channels))
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", channels, height, width])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"])], "g", [given], [made], [weight])
    path = tmp_path / "a.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    report = cnncost.analyze(cnncost.load(str(path)), batch=2)
    assert report.totals.macs == 2 * 2 * channels * height * width
    assert report.totals.params == 2 * channels
