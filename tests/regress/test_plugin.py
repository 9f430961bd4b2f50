"""The pytest plugin, run by pytest itself in a directory of its own."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
from regress.specs import NET, write

ROOT = Path(__file__).resolve().parents[2]
REGISTERED = any(entry.name == "cnncost" for entry in importlib.metadata.entry_points(group="pytest11"))


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A directory with net.yaml and its lock."""
    write(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "cnncost", "lock", "net.yaml:small", "net.yaml:large"]
    subprocess.run(command, cwd=tmp_path, env=environment(), check=True, capture_output=True)
    return tmp_path


def environment() -> dict[str, str]:
    """This checkout before all that is installed."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"}


def run_pytest(directory: Path, *arguments: str) -> tuple[int, str]:
    """pytest in a directory with the plugin, as an installed package brings it."""
    plugin = [] if REGISTERED else ["-p", "cnncost.pytest_plugin"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, "-p", "no:cacheprovider", "-W", "error", *arguments],
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_test_per_model(suite: Path) -> None:
    code, out = run_pytest(suite, "--cnncost", "-v")
    assert code == 0, out
    assert "cnncost.lock::net.yaml:large PASSED" in out
    assert "cnncost.lock::net.yaml:small PASSED" in out
    code, out = run_pytest(suite, "--cnncost", "-k", "large")
    assert "1 passed, 1 deselected" in out


def test_without_the_option_there_is_nothing(suite: Path) -> None:
    assert run_pytest(suite)[0] == pytest.ExitCode.NO_TESTS_COLLECTED


def test_findings_without_a_traceback(suite: Path) -> None:
    write(suite, NET.replace("classes: 10", "classes: 11"))
    code, out = run_pytest(suite, "--cnncost")
    assert code == 1
    assert "2 failed" in out
    assert "net.yaml:small: params was 6,546 and is 7,059 (+513)\n" in out
    assert "net.yaml:small: fc changed: linear(out=11) 512 -> 11\n" in out
    assert "Traceback" not in out


def test_it_stands_beside_other_tests(suite: Path) -> None:
    (suite / "test_other.py").write_text("def test_other():\n    pass\n")
    code, out = run_pytest(suite, "--cnncost", "test_other.py")
    assert (code, "3 passed" in out) == (0, True)


def test_a_lock_that_is_wrong(suite: Path) -> None:
    (suite / "cnncost.lock").unlink()
    code, out = run_pytest(suite, "--cnncost")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "no such lock" in out


FIXTURE = """
import pytest

def test_spec(cnncost_budget):
    counted = cnncost_budget("net.yaml:small", max_params="6.6k", max_macs="0.4M", max_peak_bytes="64 KiB")
    assert counted["params"] == 6546

def test_spec_at_another_input(cnncost_budget):
    cnncost_budget("net.yaml:small", input=(3, 32, 32), set={"classes": 1}, batch=2, max_params=3500)

def test_training(cnncost_budget):
    assert cnncost_budget("net.yaml", max_training_bytes="1 MB")["training_bytes"] > 6546 * 8

def test_too_much(cnncost_budget):
    cnncost_budget("net.yaml:small", max_params=6545, max_macs=1)

def test_unknown(cnncost_budget):
    cnncost_budget("net.yaml:small", max_parms=1)

@pytest.mark.parametrize("value", ["5%", "1 MB", -1])
def test_no_limit(cnncost_budget, value):
    cnncost_budget("net.yaml:small", max_params=value)

def test_nothing(cnncost_budget):
    cnncost_budget("net.yaml:small")
"""


def test_the_fixture_with_a_spec(suite: Path) -> None:
    (suite / "test_budget.py").write_text(FIXTURE)
    code, out = run_pytest(suite)
    assert code == 1
    assert "6 failed, 3 passed" in out
    assert "net.yaml:small: params is 6,546, over max_params = 6,545\n" in out
    assert "net.yaml:small: macs is 355,328, over max_macs = 1\n" in out
    assert "unknown limit 'max_parms': did you mean 'max_params'?\n" in out
    assert "max_params = '5%': a percentage needs a lock\n" in out
    assert "max_params = '1 MB' has the unknown unit 'MB'\n" in out
    assert "max_params = -1 is negative\n" in out
    assert "a budget without a limit\n" in out


MODULE = """
import torch
from torch import nn

def net():
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
                         nn.Flatten(), nn.Linear(8 * 16 * 16, 10))

def test_counts(cnncost_budget):
    module = net().train()
    before = module[1].running_mean.clone()
    counted = cnncost_budget(module, max_params="21k", max_macs="1M", input=(3, 16, 16))
    assert counted == {"params": 3 * 9 * 8 + 16 + 2048 * 10 + 10, "macs": 3 * 9 * 8 * 256 + 2048 * 10}
    assert module.training and torch.equal(module[1].running_mean, before)

def test_batch(cnncost_budget):
    assert cnncost_budget(net(), max_macs="1M", input=(3, 16, 16), batch=2)["macs"] == 2 * (3 * 9 * 8 * 256 + 20480)

def test_shared_weights_count_once(cnncost_budget):
    layer = nn.Linear(4, 4)
    assert cnncost_budget(nn.Sequential(layer, layer), max_params=20) == {"params": 20}

def test_too_much(cnncost_budget):
    cnncost_budget(net(), max_params=100)

def test_no_input(cnncost_budget):
    cnncost_budget(net(), max_macs=100)

def test_memory(cnncost_budget):
    # At its worst a forward pass holds the input, the convolution's map and that of the normalisation.
    peak = 4 * (3 + 8 + 8) * 16 * 16
    assert cnncost_budget(net(), max_peak_bytes=peak, input=(3, 16, 16)) == {"peak_bytes": peak}
    assert cnncost_budget(net(), max_training_bytes="1 MB", input=(3, 16, 16))["training_bytes"] > 2 * 4 * 20722

def test_too_much_memory(cnncost_budget):
    cnncost_budget(net(), max_peak_bytes=100, input=(3, 16, 16))

def test_not_a_module(cnncost_budget):
    cnncost_budget(3, max_params=100)
"""


def test_the_fixture_with_a_module(suite: Path) -> None:
    pytest.importorskip("torch")
    (suite / "test_budget.py").write_text(MODULE)
    code, out = run_pytest(suite)
    assert code == 1
    assert "4 failed, 4 passed" in out, out
    assert "Sequential: params is 20,722, over max_params = 100\n" in out
    assert "max_macs of a module needs its input: input=(3, 224, 224)\n" in out
    assert "Sequential: peak_bytes is 19,456, over max_peak_bytes = 100\n" in out
    assert "a budget is for a spec or an nn.Module, not int\n" in out
