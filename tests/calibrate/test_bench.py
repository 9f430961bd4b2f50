"""The bench runs twins: times are those of the clock, runs are those that were asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import cnncost
from cnncost.calibrate import pieces
from cnncost.calibrate.bench import MOST_REPEATS, SHORTEST, TorchBench
from cnncost.errors import UnavailableError, UsageError
from cnncost.graph import Graph
from cnncost.measure.sampling import Stopping
from cnncost.measure.twin import Twin

CPU = torch.device("cpu")
FEW = Stopping(time_limit=1e9, warmup_limit=1e9, most=3)


class Counting:
    """A clock on which a forward pass takes so many seconds, and nothing else any."""

    name = "counted"

    def __init__(self, seconds: float, monkeypatch: pytest.MonkeyPatch):
        self.seconds, self.passes = seconds, 0
        forward = Twin.forward

        def counted(twin: Twin, x: torch.Tensor) -> object:
            self.passes += 1
            return forward(twin, x)

        monkeypatch.setattr(Twin, "forward", counted)

    def now(self) -> float:
        return self.seconds * self.passes

    def time(self, work: Callable[[], object]) -> float:
        before = self.now()
        work()
        return self.now() - before


@pytest.mark.parametrize(("seconds", "repeats"), [(1e-3, 1), (9e-5, 3), (3e-5, 7), (1e-9, MOST_REPEATS)])
def test_short_runs_are_repeated_within_a_sample(
    seconds: float, repeats: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a sample is as long as the clock needs; what is said is the time of one run."""
    bench = TorchBench(CPU, "float32", "nchw", Counting(seconds, monkeypatch))
    found = bench.time(pieces.chains()[0].graph(), 1, "eager", FEW, batched=True)
    assert found.repeats == repeats
    assert repeats in (1, MOST_REPEATS) or repeats * seconds >= SHORTEST["eager"]
    assert found.seconds == pytest.approx((seconds,) * 3)


def test_a_network_is_run_once_a_sample_and_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Counting(1e-5, monkeypatch)
    bench = TorchBench(CPU, "float32", "nchw", clock)
    graph = cnncost.load("lenet5_1998")
    built: list[Graph] = []
    of = Twin.of.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(
        Twin, "of", classmethod(lambda cls, graph, mode: built.append(graph) or of(cls, graph, mode))
    )
    for _ in range(2):
        found = bench.time(graph, 2, "eager", FEW, batched=False)
        assert found.repeats == 1 and found.seconds == pytest.approx((1e-5,) * 3)
    assert len(built) == 1
    bench.release()
    bench.time(graph, 2, "eager", FEW, batched=False)
    assert len(built) == 2


def test_what_pytorch_refuses_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = TorchBench(CPU, "float32", "nchw")
    piece = pieces.SENTINEL

    def refuse(twin: Twin, x: torch.Tensor) -> None:
        raise RuntimeError("no kernel for this\nand more")

    monkeypatch.setattr(Twin, "forward", refuse)
    with pytest.raises(UnavailableError) as caught:
        bench.time(piece.graph(), 1, "eager", FEW, batched=True)
    assert caught.value.message.startswith(
        "sentinel 64x28x28, batch 4: conv(out=64, kernel=3, pad=1) cannot be run here: RuntimeError: no kernel"
    )


def test_a_setting_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="unknown layout 'nchv'"):
        TorchBench(CPU, "float32", "nchv")
    with pytest.raises(UsageError, match="unknown dtype 'float8'"):
        TorchBench(CPU, "float8", "nchw")


@pytest.mark.parametrize(("dtype", "layout"), [("float32", "nchw"), ("bfloat16", "nhwc")])
def test_it_really_runs(dtype: str, layout: str) -> None:
    bench = TorchBench(CPU, dtype, layout)
    assert (bench.device, bench.launches) == ("cpu", ("eager",))
    found = bench.time(cnncost.load("lenet5"), 1, "eager", Stopping(0.5, 0.2, 0.1), batched=True)
    assert found.seconds and all(0 < each < 1 for each in found.seconds)
