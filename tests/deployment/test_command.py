"""`cnncost memory --runtime` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cnncost.cli.main import app
from cnncost.errors import UsageError


def run(text: str, capsys: pytest.CaptureFixture[str]) -> str:
    app(["memory", *text.split()], standalone_mode=False)
    return capsys.readouterr().out


def test_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run("mobilenet_v2 --runtime tinyengine --dtype int8 --format json", capsys))
    assert (found["arena_bytes"], found["flash_bytes"]) == (1_404_928, 3_614_208)
    assert found["ram_bytes"] == found["arena_bytes"] + found["scratch_bytes"]
    assert set(found["tensors"][0]) == {"name", "offset", "bytes", "first", "last"}
    assert max(tensor["offset"] + tensor["bytes"] for tensor in found["tensors"]) == found["arena_bytes"]
    assert len(found["steps"]) == 64


def test_the_closing_lines(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run("lenet5 --runtime tflm --dtype int8 --order best", capsys).splitlines()
    assert lines[-4].startswith("Arena: ")
    assert lines[-3].startswith("Flash: ")
    assert lines[-2].startswith("Order: as written; none of those that the network allows needs less")
    assert lines[-1].startswith("tflm: TensorFlow Lite Micro, reference kernels")


def test_the_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from cnncost.api import memory
    from cnncost.deployment.deploy import deploy
    from cnncost.models import load
    from cnncost.plots import arena

    path = tmp_path / "arena.svg"
    run(f"lenet5 --runtime tflm --dtype int8 --plot {path}", capsys)
    text = path.read_text()
    assert "The arena of lenet5 (tflm, int8)" in text
    drawing = arena.draw("lenet5", deploy(load("lenet5"), "tflm", dtype="int8"))
    boxes = [patch.get_bbox().bounds for patch in drawing.figure.axes[0].patches]
    tensors = memory("lenet5", runtime="tflm", dtype="int8").to_dict()["tensors"]
    assert boxes == [(t["first"] - 0.5, t["offset"], t["last"] - t["first"] + 1, t["bytes"]) for t in tensors]
    assert drawing.rows == tuple(tuple(t.values()) for t in tensors)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lenet5 --patches 2", "--patches is of a runtime's arena\n  name one: --runtime tflm"),
        ("lenet5 --order best", "--order is of a runtime's arena\n  name one: --runtime tflm"),
        (
            "lenet5 --runtime tflm --train",
            "--runtime is inference on a device: it does not use --train\n  drop --train",
        ),
        ("lenet5 --runtime tflm --fits 3", "--fits '3' is not a size: it has no unit\n  write --fits 3GiB, 500MB or"
         " 320KiB, or a device"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        app(["memory", *text.split()], standalone_mode=False)
    assert str(error.value).startswith(message)
