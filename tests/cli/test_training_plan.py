"""`cnncost memory --train --plan` as it is typed, and its recipe as it is pasted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from cnncost.cli.main import app
from cnncost.errors import UsageError
from cnncost.execution.training import training_memory
from cnncost.models import load


def test_the_document_and_its_recipe(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    app(
        [
            "memory",
            "resnet20_cifar",
            "--train",
            "--batch",
            "8",
            "--fits",
            "6MiB",
            "--plan",
            "--autocast",
            "none",
            "-o",
            str(path),
        ],
        standalone_mode=False,
    )
    found = json.loads(path.read_text())
    plan, training = found["plan"], found["training"]
    assert plan["peak_bytes"] == training["peak"] <= plan["limit_bytes"] == 6 * 2**20
    assert training["peak"] < training_memory(load("resnet20_cifar"), batch=8).peak
    assert plan["extra_macs"] < plan["forward_macs"]
    scope: dict[str, object] = {}
    exec(plan["recipe"], scope)
    size = 8 // plan["micro_batches"]
    batches = [(torch.randn(size, 3, 32, 32), torch.zeros(size, dtype=torch.int64))] * plan["micro_batches"]
    before = [weight.clone() for weight in scope["net"].parameters()]  # type: ignore[attr-defined]
    scope["step"](batches, nn.CrossEntropyLoss())  # type: ignore[operator]
    after = list(scope["net"].parameters())  # type: ignore[attr-defined]
    assert any(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_accumulation_and_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    app(
        ["memory", "lenet5", "--train", "--batch", "8", "--micro-batches", "4", "--optimizer", "adamw", "--fused",
         "--format", "json"],
        standalone_mode=False,
    )  # fmt: skip
    document = json.loads(capsys.readouterr().out)
    assert document["micro_batches"] == 4
    found = document["training"]
    expected = training_memory(load("lenet5"), batch=8, micro_batches=4, optimizer="adamw", fused=True)
    assert found["peak"] == expected.peak


def test_what_is_frozen_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    app(["memory", "lenet5", "--train", "--freeze", "C1", "--micro-batches", "2", "--batch", "8"],
        standalone_mode=False)  # fmt: skip
    out = capsys.readouterr().out
    assert "1 layer frozen by --freeze: no gradients and no optimizer state of theirs." in out
    assert "In 2 micro-batches of 4, whose gradients are accumulated: all else is of one of them" in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lenet5 --plan --fits 1GiB", "--plan is of a training step\n  pass --train"),
        ("lenet5 --micro-batches 2", "--micro-batches is of a training step\n  pass --train"),
        ("lenet5 --freeze C1", "--freeze is of a training step\n  pass --train"),
        ("lenet5 --fused", "--fused is of a training step\n  pass --train"),
        ("lenet5 --train --plan", "--plan needs to know into how much memory\n  for example: --fits 24GiB"),
        (
            "lenet5 --train --plan --fits 1GiB --micro-batches 2",
            "--plan finds the number of micro-batches itself\n  drop --micro-batches",
        ),
        (
            "lenet5 --train --plan --fits 100kB --batch 4",
            "no plan of lenet5 fits into 100,000 bytes: with everything in checkpoints batch 1 needs 552,688,"
            " 452,688 more\n  pass a larger --fits",
        ),
    ],
)
def test_bad_questions(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        app(["memory", *text.split()], standalone_mode=False)
    assert str(error.value) == message
