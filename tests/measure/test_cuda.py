"""The paths that only CUDA takes, with fakes: what is asked of it, and what is made of the answers."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
import torch

import cnncost
from cnncost.errors import UnavailableError
from cnncost.measure import environment, latency
from cnncost.measure.clock import CudaClock
from cnncost.measure.device import device
from cnncost.measure.latency import Setting
from cnncost.measure.sampling import Plan, Samples

CUDA = torch.device("cuda", 0)


class FakeEvent:
    """Events that are 12.5 ms apart."""

    log: list[str] = []

    def __init__(self, enable_timing: bool):
        assert enable_timing

    def record(self) -> None:
        self.log.append("record")

    def synchronize(self) -> None:
        self.log.append("synchronize")

    def elapsed_time(self, end: FakeEvent) -> float:
        return 12.5


class Anything:
    """A context that does nothing."""

    def __init__(self, *arguments: object):
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *arguments: object) -> None:
        pass


def test_the_clock_reads_events_around_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeEvent.log = []
    monkeypatch.setattr(torch.cuda, "Event", FakeEvent)
    monkeypatch.setattr(torch.cuda, "device", Anything)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: FakeEvent.log.append("all done"))
    taken = CudaClock(CUDA).time(lambda: FakeEvent.log.append("work"))
    assert taken == pytest.approx(0.0125)
    assert FakeEvent.log == ["all done", "record", "work", "record", "synchronize"]


def test_a_device_beyond_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(UnavailableError) as raised:
        device("cuda:2")
    assert (
        str(raised.value) == "there is no device 'cuda:2', the last one is 'cuda:1'\n  pass --device cuda:1"
    )


def test_memory_is_what_the_allocator_says_less_what_libraries_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, peak, baseline = 8_519_680, 30_000_000, 1024
    graph = cnncost.load("lenet5")
    runner = latency.Runner(graph, Setting(torch.device("cpu")))
    own = sum(-(-value.nbytes // 512) * 512 for value in [*runner.twin.parameters(), runner.x])
    answers: dict[str, Any] = {
        "memory_allocated": lambda device: baseline + own + workspace,
        "reset_peak_memory_stats": lambda device: None,
        "synchronize": lambda device: None,
        "memory_stats": lambda device: {"requested_bytes.all.peak": 29_000_000},
        "max_memory_allocated": lambda device: peak,
        "max_memory_reserved": lambda device: 40_000_000,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    found = latency.measured_memory(runner, Setting(CUDA), 20_000_000, baseline)
    assert found == latency.Memory(
        "the caching allocator", 20_000_000, peak - baseline - workspace, 29_000_000, 40_000_000, workspace
    )


def test_predictions_for_cuda_are_in_whole_blocks() -> None:
    graph = cnncost.load("lenet5")
    assert latency.predicted(graph, Setting(CUDA)) > latency.predicted(graph, Setting(torch.device("cpu")))
    trained = latency.predicted(graph, Setting(CUDA, batch=8, mode="train"))
    assert trained % 512 == 0


def test_nvidia_smi_is_asked_for_one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Properties:
        uuid = "1234"

    def answer(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, "1980\n", "")

    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: Properties())
    monkeypatch.setattr(subprocess, "run", answer)
    assert environment.clocks(CUDA) == {"sm_mhz": "1980", "memory_mhz": "1980"}
    assert all("--id=GPU-1234" in command for command in asked)


def test_without_nvidia_smi_clocks_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: object, **options: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: object())
    monkeypatch.setattr(subprocess, "run", missing)
    assert environment.clocks(CUDA) == {"sm_mhz": None, "memory_mhz": None}


def test_a_clock_that_falls_is_a_warning() -> None:
    machine = {"gpu": "a GPU", "cores": 8, "load": 0.1}
    steady = Samples((0.01,) * 20, 10, True)
    seen = [{"sm_mhz": "1980"}, {"sm_mhz": "1500"}]
    assert latency.warnings(steady, Plan(), machine, seen) == (
        "the clock went from 1980 to 1500 MHz: fix it with nvidia-smi --lock-gpu-clocks",
    )
    assert latency.warnings(steady, Plan(), machine, [seen[0], {"sm_mhz": "1965"}]) == ()
