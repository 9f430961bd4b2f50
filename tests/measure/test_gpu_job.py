"""The job for an accelerator, run on the CPU."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cnncost.language import zoo

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "benchmarks" / "gpu_job.py"


def test_it_measures_25_models_of_the_zoo() -> None:
    spec = importlib.util.spec_from_file_location("gpu_job", SCRIPT)
    assert spec is not None and spec.loader is not None
    job = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(job)
    assert len(job.ARCHITECTURES) == 25
    assert {*job.ARCHITECTURES, *job.QUICK} <= set(zoo.names())


@pytest.mark.slow
def test_quick_on_the_cpu(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--output", str(tmp_path / "out"), "--device", "cpu", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    verified = json.loads((tmp_path / "out" / "verify.json").read_text())["verified"]
    assert [one["results"]["differs"] for one in verified] == [0, 0, 0]
    measured = json.loads((tmp_path / "out" / "measure.json").read_text())["measured"]
    assert len(measured) == 12
    for one in measured:
        assert len(one["samples"]) == one["seconds"]["count"] > 0
        assert abs(one["memory"]["error"]) < 0.02  # LeNet-5's constant centres are no weights
    assert "Nothing was left out." in (tmp_path / "out" / "README.md").read_text()


def test_without_cuda_it_says_so(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    command = [sys.executable, str(SCRIPT), "--output", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 3
    assert done.stderr.startswith("error: there is no CUDA device")
    assert not (tmp_path / "out").exists()
