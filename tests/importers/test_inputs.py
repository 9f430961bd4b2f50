"""What a network is called with is what the user says: shapes without the batch, element types, structures."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import cnncost
from cnncost.importers.inputs import GivenTensor, call


class Perceptron(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


class Reader(nn.Module):
    """Tokens through a table and a layer; a mask that may be left out."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.layer = nn.Embedding(30522, 16), nn.Linear(16, 4)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        y = self.layer(self.table(ids))
        return y if mask is None else y * mask


class Pair(nn.Module):
    """Two images of different sizes, together."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(1, 4, 3)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.first(x).mean((2, 3)) + self.second(y).mean((2, 3))


class Structured(Pair):
    """The same images in a dictionary and a list."""

    def forward(self, batch: dict[str, list[Tensor]]) -> dict[str, Tensor]:  # type: ignore[override]
        x, y = batch["images"]
        return {"sum": super().forward(x, y)}


def macs(module: nn.Module, *args: Any, **kwargs: Any) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*args, **kwargs)
    return int(counter.get_total_flops()) // 2


def test_one_number_is_one_size() -> None:
    totals = cnncost.analyze(Perceptron(), (784,)).totals
    assert totals.macs == 784 * 128 + 128 * 10 == 101_632


@pytest.mark.parametrize("batch", [1, 8])
def test_a_tensor_has_its_batch(batch: int) -> None:
    report = cnncost.analyze(Perceptron(), torch.randn(batch, 784))
    assert (report.batch, report.input_shape) == (batch, (784,))
    assert report.totals.macs == batch * 101_632


@pytest.mark.parametrize("road", ["export", "run"])
def test_tokens(road: str) -> None:
    ids = torch.randint(0, 30522, (2, 7))
    report = cnncost.analyze(Reader(), example_inputs=(ids,), road=road)
    assert report.totals.macs == macs(Reader(), ids) == 2 * 7 * 64
    assert report.totals.params == 30522 * 16 + 68
    assert report.input_shape == (7,)


def test_several_inputs_by_position_and_by_name() -> None:
    x, y = torch.randn(2, 3, 8, 8), torch.randn(2, 1, 6, 6)
    wanted = macs(Pair(), x, y)
    for report in (
        cnncost.analyze(Pair(), example_inputs=(x, y)),
        cnncost.analyze(Pair(), example_kwargs={"x": x, "y": y}),
        cnncost.analyze(Structured(), example_inputs=({"images": [x, y]},)),
    ):
        assert report.totals.macs == wanted
        assert (report.batch, report.input_shape) == (2, (3, 8, 8))
        inputs = {name for row in report.rows for name in row.inputs} - {row.name for row in report.rows}
        assert len(inputs) == 2
    assert report.totals.peak_bytes >= 4 * (x.numel() + y.numel())


def test_a_report_of_several_inputs_serves_every_batch() -> None:
    x, y = torch.randn(1, 3, 8, 8), torch.randn(1, 1, 6, 6)
    one = cnncost.analyze(Pair(), example_inputs=(x, y)).totals.macs
    assert cnncost.analyze(Pair(), example_inputs=(x, y), batch=5).totals.macs == 5 * one


@pytest.mark.parametrize(
    ("texts", "args", "kwargs"),
    [
        ((784,), (GivenTensor("input", (784,)),), {}),
        ((3, 16, 112, 112), (GivenTensor("input", (3, 16, 112, 112)),), {}),
        (("int64:128",), (GivenTensor("input", (128,), "int64"),), {}),
        (
            ("image=3x224x224", "ids=int64:128:0..30522"),
            (),
            {
                "image": GivenTensor("image", (3, 224, 224)),
                "ids": GivenTensor("ids", (128,), "int64", 0, 30522),
            },
        ),
        (("3x8x8", "bool:4"), (GivenTensor("input", (3, 8, 8)), GivenTensor("input1", (4,), "bool")), {}),
        (
            ("images[0]=3x8x8", "images[1]=3x4x4", "meta.size=int64"),
            (),
            {
                "images": [GivenTensor("images[0]", (3, 8, 8)), GivenTensor("images[1]", (3, 4, 4))],
                "meta": {"size": GivenTensor("meta.size", (), "int64")},
            },
        ),
    ],
)
def test_what_the_command_line_says(texts: Any, args: Any, kwargs: Any) -> None:
    found = call(texts)
    assert (found.args, found.kwargs) == (args, kwargs)


@pytest.mark.parametrize("text", ["3x", "x=", "int99:3", "a b=3", "images[2]=3x4", "ids=int64:4:5"])
def test_what_is_no_input_is_refused(text: str) -> None:
    with pytest.raises(cnncost.UsageError, match=r"^--input "):
        call((text,))


class SequenceFirst(nn.Module):
    """A recurrent layer as PyTorch has it: time, batch, features."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(5, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x)[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_that_does_not_stand_first(batch: int) -> None:
    """4 turns of 3 gates, 5 inputs and 6 states for 6 outputs each."""
    wanted = batch * 4 * 3 * 6 * (5 + 6)
    by_shape = cnncost.analyze(SequenceFirst(), (4, 5), batch=batch, batch_axis=1)
    by_tensor = cnncost.analyze(SequenceFirst(), torch.randn(4, batch, 5), batch_axis=1)
    for report in (by_shape, by_tensor):
        assert (report.totals.macs, report.batch, report.batch_axis) == (wanted, batch, 1)
        assert report.input_shape == (4, 5)


def test_a_network_without_a_batch() -> None:
    report = cnncost.analyze(SequenceFirst(), (4, 5), batch_axis=None)
    assert (report.totals.macs, report.batch_axis) == (4 * 3 * 6 * 11, None)
    assert cnncost.analyze(SequenceFirst(), torch.randn(4, 5), batch_axis=None).totals == report.totals
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.analyze(SequenceFirst(), (4, 5), batch_axis=None, batch=3)
    assert str(caught.value) == (
        "SequenceFirst has no batch: its input is taken whole\n"
        "  leave batch out, or say where it is: batch_axis"
    )


def test_an_axis_that_is_not_there() -> None:
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.analyze(SequenceFirst(), (4, 5), batch_axis=3)
    assert str(caught.value) == (
        "input 4x5 has no axis 3 for the batch\n"
        "  with the batch its axes are 0 to 2; without one: batch_axis=None"
    )


def test_turns_along_the_batch_are_said() -> None:
    report = cnncost.analyze(SequenceFirst(), (4, 5))
    assert report.taken == (
        "SequenceFirst: rnn takes turns along the axis that is taken for the batch\n"
        "  if time stands first in its input: --batch-axis 1",
    )
    assert cnncost.analyze(SequenceFirst(), (4, 5), batch_axis=1).taken == ()
