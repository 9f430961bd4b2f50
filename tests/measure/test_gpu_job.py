"""The job for an accelerator, run on the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cnncost import devices
from cnncost.calibrate import samples
from cnncost.predict import parse

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "benchmarks" / "gpu_job.py"


@pytest.mark.slow
def test_quick_on_the_cpu(tmp_path: Path) -> None:
    """Everything runs through: verified, calibrated, predicted, measured twice, written; on time."""
    out = tmp_path / "out"
    command = [
        sys.executable,
        str(SCRIPT),
        "--output",
        str(out),
        "--device",
        "cpu",
        "--quick",
        "--minutes",
        "3",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    readme = (out / "README.md").read_text()
    verified = json.loads((out / "verify.json").read_text())["verified"]
    assert [one["results"]["differs"] for one in verified] == [0] * len(verified)
    found = json.loads((out / "measure.json").read_text())
    measured, cases = found["measured"], found["predicted"]
    assert len(cases) == 12
    assert len(verified) + len(measured) == 15 or "time was up" in readme
    for one in measured:
        assert len(one["samples"]) == one["seconds"]["count"] > 0
        assert abs(one["memory"]["error"]) < 0.02  # LeNet-5's constant centres are no weights
    raw = json.loads((out / "calibration.json").read_text())
    assert [(one["dtype"], one["layout"]) for one in raw] == [("float32", "nchw"), ("bfloat16", "nhwc")]
    if "profile for" not in readme:
        profiles = devices.device(str(out / "profile.yaml")).profiles
        titles = [parse(one, "profile.yaml").title for one in profiles]
        assert titles == ["float32, nchw, eager, eval", "bfloat16, nhwc, eager, eval"]
        assert all(one["predicted"]["latency_ms"] > 0 for one in cases)
    campaign = samples.campaign_of(raw[0])
    assert len(campaign.measured) == len(raw[0]["measured"]) > 20
    assert (out / "predict.md").read_text().count("\n| ") > 6
    assert len(list(out.iterdir())) <= 8


def test_without_cuda_it_says_so(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    command = [sys.executable, str(SCRIPT), "--output", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 3
    assert done.stderr.startswith("error: there is no CUDA device")
    assert not (tmp_path / "out").exists()
