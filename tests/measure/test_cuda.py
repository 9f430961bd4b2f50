"""The paths that only CUDA takes, with fakes: what is asked of it, and what is made of the answers."""

from __future__ import annotations

import subprocess
import weakref
from dataclasses import replace
from typing import Any

import pytest
import torch

import cnncost
from cnncost.errors import UnavailableError
from cnncost.execution.memory import peak_bytes
from cnncost.execution.plan import plan
from cnncost.measure import environment, latency, memory
from cnncost.measure.clock import CudaClock
from cnncost.measure.device import device
from cnncost.measure.runner import Runner, out_of_memory
from cnncost.measure.sampling import Samples, Stopping
from cnncost.measure.setting import Setting
from cnncost.measure.twin import Twin
from cnncost.tables import measure as tables

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


def allocator(
    monkeypatch: pytest.MonkeyPatch, resting: dict[str, int], running: dict[str, int], reserved: int
) -> None:
    """Let CUDA's caching allocator answer so, before a run and after it."""
    stats = iter([resting, running])
    answers: dict[str, Any] = {
        "memory_stats": lambda device: next(stats),
        "reset_peak_memory_stats": lambda device: None,
        "synchronize": lambda device: None,
        "max_memory_reserved": lambda device: reserved,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, answer)


def test_memory_is_what_the_allocator_says_and_what_libraries_take_stands_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, kept, rounding, kernels = 1024, 8_519_680, 2048, 300_000
    graph = cnncost.load("lenet5")
    runner = Runner(graph, Setting(torch.device("cpu")))
    own = [value.nbytes for value in [*runner.twin.parameters(), *runner.given]]
    blocks = sum(-(-size // 512) * 512 for size in own)
    activations = peak_bytes(plan(graph)) - runner.given_bytes
    allocated, requested = before + blocks + kept, before + sum(own) + kept
    allocator(
        monkeypatch,
        {"allocated_bytes.all.current": allocated, "requested_bytes.all.current": requested},
        {
            "allocated_bytes.all.peak": allocated + activations + kernels + rounding,
            "requested_bytes.all.peak": requested + activations + kernels,
        },
        40_000_000,
    )
    assert memory.measured(runner, Setting(CUDA), memory.Need(20_000_000), before) == memory.Memory(
        "the caching allocator",
        predicted=20_000_000,
        peak=blocks + activations + kernels + rounding,
        requested=sum(own) + activations + kernels,
        kernels=kernels,
        workspaces=kept,
        reserved=40_000_000,
    )


def test_of_a_compiled_network_no_trace_sees_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Runner(cnncost.load("lenet5"), Setting(torch.device("cpu")))
    current = {"allocated_bytes.all.current": 0, "requested_bytes.all.current": 0}
    peak = {"allocated_bytes.all.peak": 512, "requested_bytes.all.peak": 500}
    allocator(monkeypatch, current, peak, 1024)
    found = memory.measured(runner, Setting(CUDA, compile=True), memory.Need(1), 0)
    assert found is not None and found.kernels is None and found.workspaces == 0


def test_what_cuda_takes_beside_the_tensors_is_said() -> None:
    samples = Samples((0.01,) * 20, 10, True)
    known = memory.Memory("the caching allocator", 900, 1000, 960, 100, 2048, 8192)
    one = measurement(samples, known)
    assert tables.apart(one) == [
        "lenet5: of the memory 100 B are workspaces of kernels (cuDNN) and 40 B the allocator's rounding;"
        " beside it 2.00 KiB of workspaces that libraries keep (cuBLAS) and 5.02 KiB reserved without use."
    ]
    assert tables.apart(measurement(samples, replace(known, kernels=None))) == [
        "lenet5: of the memory 40 B the allocator's rounding;"
        " beside it 2.00 KiB of workspaces that libraries keep (cuBLAS) and 5.02 KiB reserved without use."
    ]
    assert tables.apart(measurement(samples, memory.Memory("live storages", 900, 1000))) == []


def measurement(samples: Samples, found: memory.Memory) -> latency.Measurement:
    """LeNet-5 on the CPU with this memory."""
    measured = latency.measure(cnncost.load("lenet5"), Setting(torch.device("cpu")), Stopping(0.5, 0.1, 0.1))
    return replace(measured, samples=samples, memory=found)


class FakeGraph:
    """A CUDA graph that counts its replays."""

    def __init__(self) -> None:
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1


class FakeStream:
    """A stream that nobody has to wait for."""

    def wait_stream(self, other: object) -> None:
        pass


def graphs(monkeypatch: pytest.MonkeyPatch, capture: Any) -> None:
    """Let CUDA capture graphs by a context."""
    for name, answer in {
        "Stream": FakeStream,
        "current_stream": FakeStream,
        "stream": Anything,
        "CUDAGraph": FakeGraph,
        "graph": capture,
    }.items():
        monkeypatch.setattr(torch.cuda, name, answer)


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_a_captured_network_is_replayed(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    graphs(monkeypatch, Anything)
    runs = []
    monkeypatch.setattr(Twin, "forward", lambda twin, x: runs.append(twin) or x.requires_grad_())
    runner = Runner(cnncost.load("lenet5"), Setting(torch.device("cpu"), mode=mode, graph=True))
    assert len(runs) == 1 + 3 + 1  # as usual, on a side stream, captured
    runner()
    runner()
    assert len(runs) == 5
    assert runner.replay is not None and runner.replay.__self__.replays == 2  # type: ignore[attr-defined]


def test_what_cannot_be_captured_is_an_error_that_names_the_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(Anything):
        def __enter__(self) -> None:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nCompile with")

    graphs(monkeypatch, Refusing)
    with pytest.raises(UnavailableError) as raised:
        Runner(cnncost.load("lenet5"), Setting(torch.device("cpu"), graph=True))
    assert str(raised.value) == (
        "lenet5 cannot be captured as a CUDA graph: RuntimeError: CUDA error: operation not permitted when"
        " stream is capturing\n  leave --graph out"
    )


def test_nothing_holds_a_runner_that_was_dropped() -> None:
    runner = weakref.ref(Runner(cnncost.load("lenet5"), Setting(torch.device("cpu"), mode="train")))
    assert runner() is None  # without the garbage collector


@pytest.mark.parametrize(
    "message", ["CUDA error: out of memory", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED", "DefaultCPUAllocator: can't allocate memory"]
)  # fmt: skip
def test_libraries_that_have_not_enough_memory(message: str) -> None:
    assert out_of_memory(RuntimeError(message))
    assert not out_of_memory(ValueError(message)) and not out_of_memory(RuntimeError("shapes differ"))


def test_predictions_for_cuda_are_in_whole_blocks() -> None:
    graph = cnncost.load("lenet5")
    on_the_cpu = memory.predicted(graph, Setting(torch.device("cpu"))).bytes
    assert memory.predicted(graph, Setting(CUDA)).bytes > on_the_cpu
    trained = memory.predicted(graph, Setting(CUDA, batch=8, mode="train")).bytes
    assert trained % 512 == 0


def test_nvidia_smi_is_asked_for_one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Properties:
        uuid = "1234"

    def answer(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, "1980, 2619\n", "")

    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: Properties())
    monkeypatch.setattr(subprocess, "run", answer)
    assert environment.clocks(CUDA) == {"sm_mhz": "1980", "memory_mhz": "2619"}
    assert ["--id=GPU-1234" in command for command in asked] == [True]  # one call, which is slow


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
    assert latency.warnings(steady, Stopping(), machine, seen) == (
        "the clock went from 1980 to 1500 MHz: fix it with nvidia-smi --lock-gpu-clocks",
    )
    assert latency.warnings(steady, Stopping(), machine, [seen[0], {"sm_mhz": "1965"}]) == ()
