"""cnncost train: hours, energy and money of a training by hand, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from predict.profiles import profile

import cnncost
from cnncost import devices
from cnncost.cli.main import app
from cnncost.errors import UsageError
from cnncost.predict import as_document, predict


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's device that was calibrated in training, in float16 alone."""
    monkeypatch.chdir(tmp_path)
    found = as_document(profile(dtype="float16", autocast=True, mode="train"))
    Path("mine.yaml").write_text(yaml.safe_dump({"name": "My card", "profiles": [found]}))
    return "./mine.yaml"


def said(capsys: pytest.CaptureFixture[str], call: str) -> str:
    app(call.split(), standalone_mode=False)
    return capsys.readouterr().out


def answered(capsys: pytest.CaptureFixture[str], call: str) -> Any:
    return json.loads(said(capsys, f"{call} --format json"))


def test_hours_are_steps_times_the_predicted_step(capsys: pytest.CaptureFixture[str], mine: str) -> None:
    """1,001 images in batches of 100 are eleven steps; 3 epochs, 33."""
    call = f"train resnet18 --on {mine} --images 1001 --epochs 3 --batch 100 --watts 250 --price 1.5"
    (model,) = answered(capsys, call)["models"]
    step = predict(cnncost.load("resnet18"), devices.device(mine), batch=100, dtype="float16", mode="train")
    found = model["training_run"]
    assert model["predicted"]["latency_ms"] == step.latency_ms and model["mode"] == "train"
    hours = 33 * step.latency_ms / 3.6e6
    assert (found["images"], found["epochs"], found["batch"], found["steps"]) == (1001, 3, 100, 33)
    assert found["device_hours"] == pytest.approx(hours)
    assert found["low_device_hours"] == pytest.approx(0.8 * hours)  # the profile's interval
    assert found["high_device_hours"] == pytest.approx(1.25 * hours)
    assert found["kilowatt_hours"] == pytest.approx(0.25 * hours)
    assert found["high_kilowatt_hours"] == pytest.approx(0.25 * 1.25 * hours)
    assert found["cost"] == pytest.approx(1.5 * hours) and found["low_cost"] == pytest.approx(1.2 * hours)
    assert (found["watts"], found["price_per_hour"]) == (250, 1.5)
    text = said(capsys, call)
    assert "1,001 images, 3 epochs on My card  batch 100  float16 (autocast), nchw, eager, train" in text
    assert "33 steps of forward pass, backward pass and update with momentum" in text
    assert "kWh: the predicted hours at 250 W throughout, as given; nothing was measured." in text
    assert "Cost: the predicted hours at 1.5 an hour, as given." in text


def test_a_data_sheet_gives_the_least(capsys: pytest.CaptureFixture[str]) -> None:
    call = "train resnet18 --on t4 --images 60k --epochs 2 --watts 70"
    found = answered(capsys, call)["models"][0]["training_run"]
    assert found["calibrated"] is False and found["steps"] == 2 * 235
    assert found["device_hours"] == found["low_device_hours"] and found["high_device_hours"] is None
    assert found["high_kilowatt_hours"] is None
    text = said(capsys, call)
    assert "device-hours at least" in text and "kWh at least" in text
    assert "Not calibrated, by the data sheet alone" in text
    assert "kWh: the least possible hours at 70 W throughout" in text


def test_a_step_that_does_not_fit_is_said_to(capsys: pytest.CaptureFixture[str]) -> None:
    """VGG-16 at batch 512 in float32 saves more than a T4's 16 GB; at batch 8 it does not."""
    call = "train vgg16 --on t4 --images 1000 --epochs 1 --batch {}"
    found = answered(capsys, call.format(512))["models"][0]["training_run"]
    expected = cnncost.memory("vgg16", batch=512, train=True, optimizer="momentum").to_dict()["training"]
    assert found["least_memory_bytes"] == expected["peak"] > 16e9 and found["too_large"] is True
    assert "A step of batch 512 needs at the least " in said(capsys, call.format(512))
    assert answered(capsys, call.format(8))["models"][0]["training_run"]["too_large"] is False
    assert "hardly fits" in said(capsys, call.format(512)) and "hardly fits" not in said(
        capsys, call.format(8)
    )


def test_memory_is_of_the_type_that_is_predicted(capsys: pytest.CaptureFixture[str], mine: str) -> None:
    """A device that knows float16 alone predicts that, asked or not."""
    call = f"train resnet18 --on {mine} --images 1000 --epochs 1 --batch 100"
    unasked, asked = [answered(capsys, each)["models"][0] for each in (call, f"{call} --dtype float16")]
    assert unasked["dtype"] == asked["dtype"] == "float16"
    assert unasked["training_run"] == asked["training_run"]


def test_in_python(mine: str) -> None:
    answer = cnncost.training_run("resnet18", "vgg16", on=mine, images=1000, epochs=1, batch=10)
    assert [row["name"] for row in answer.rows] == ["resnet18", "vgg16"]
    assert answer["vgg16"]["device_hours"] > answer["resnet18"]["device_hours"]  # type: ignore[operator]


GIVEN = "--images 1000 --epochs 9"
REFUSED = {
    f"train lenet5 --on coral-edge-tpu {GIVEN}": "lenet5 in int8 cannot be trained: gradients are floating-point numbers\n  pass --dtype float32",
    "memory lenet5 --train --dtype int8": "lenet5 in int8 cannot be trained: gradients are floating-point numbers\n  pass --dtype float32",
    f"train lenet5 {GIVEN}": "train needs a device\n  for example: --on rtx-3090, or --on ./mine.yaml (cnncost help devices)",
    f"train lenet5 --on rtx3099 {GIVEN}": "unknown device 'rtx3099'\n  near: rtx-3090, rtx-5090, rtx-4090\n  cnncost help devices lists ours; a file of yours is named by its path: ./mine.yaml",
    "train lenet5 --on t4 --images 0 --epochs 9": "the number of images is at least 1, not 0",
    "train lenet5 --on t4 --images many --epochs 9": "--images 'many' is not a count\n  for example: --images 10M, 4.5G or 10e6",
    "train lenet5 --on t4 --images 10 --epochs 0": "the number of epochs is at least 1, not 0",
    f"train lenet5 --on t4 {GIVEN} --batch 0": "a batch is at least 1, not 0",
    f"train inception_v3 --on t4 {GIVEN} --batch 1": "inception_v3: at batch 1 aux.auxiliary_head.conv_bn2.bn normalises one value per channel, which PyTorch refuses\n  pass a larger --batch",
    f"train lenet5 --on t4 {GIVEN} --watts 0": "--watts 0 is not a number above 0\n  for example: --watts 350",
    f"train lenet5 --on t4 {GIVEN} --price nan": "--price nan is not a number above 0\n  for example: --price 2.49",
    f"train lenet5 --on t4 {GIVEN} --dtype bfloat16": "no peak of NVIDIA T4 is known for bfloat16\n  known: float32, float16, int8",
    f"train lenet5 --on ./mine.yaml {GIVEN} --dtype float32": "mine has no profile for float32, train\n  it has: float16 (autocast), nchw, eager, train\n  for example: --dtype float16",
}


@pytest.mark.parametrize("call", REFUSED)
def test_what_it_refuses(call: str, mine: str) -> None:
    with pytest.raises(UsageError) as error:
        app(call.split(), standalone_mode=False)
    assert str(error.value) == REFUSED[call]
