"""An import that takes long says so on a terminal; a road without an end is left, and the module is as it was."""

from __future__ import annotations

import contextlib
import io
import re
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import cnncost
from cnncost.importers import from_module
from cnncost.importers.aten import waiting


class Endless(nn.Module):
    """Its code never comes back, whatever it is run with; and it catches every Exception."""

    def __init__(self, only_without_values: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.only_without_values = only_without_values
        self.seen: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(1)
        while not self.only_without_values or type(x) is not Tensor:
            with contextlib.suppress(Exception):
                sum(range(1000))
        return self.conv(x)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture()
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    from_module(nn.Conv2d(3, 4, 3), (3, 8, 8))  # what PyTorch imports late is there now
    monkeypatch.setattr(waiting, "UNTIL", {"export": 1.0, "fx": 1.1, "run": 8.0})
    monkeypatch.setattr(waiting, "STEP", 0.05)


def test_a_network_without_an_end_is_refused(impatient: None) -> None:
    network = Endless()
    network.train()
    begun = time.monotonic()
    with pytest.raises(cnncost.UsageError) as caught:
        from_module(network, (3, 8, 8))
    assert time.monotonic() - begun < 300
    source = "sum(range(1000))"
    line = 1 + Path(__file__).read_text().splitlines().index(f"                {source}")
    assert str(caught.value) == (
        "Endless: no answer after 8 s\n"
        f"  {__file__}:{line}\n"
        f"      {source}\n"
        "  a road that is asked for by name takes its time: --road run"
    )
    assert network.training and network.conv.training and network.seen == []


def test_a_run_goes_on_where_an_export_found_no_end(impatient: None) -> None:
    graph = from_module(Endless(only_without_values=True), (3, 8, 8))
    assert graph.facts["road"] == "one run"
    assert cnncost.analyze(graph).totals.macs == 4 * 27 * 36


def test_nothing_is_raised_once_a_road_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "UNTIL", {"run": 0.1})
    monkeypatch.setattr(waiting, "STEP", 0.01)
    with waiting.Watch("net", io.StringIO()) as watch:
        watch.by("run", limited=True)
        watch.done()
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            pass


def test_a_road_asked_for_by_name_has_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "UNTIL", {"export": 0.0, "fx": 0.0, "run": 0.0})
    monkeypatch.setattr(waiting, "STEP", 0.001)
    assert from_module(nn.Conv2d(3, 4, 3), (3, 8, 8), road="run").facts["road"] == "one run"


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_for_a_terminal_alone(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SHOWN_AFTER", 0.0)
    monkeypatch.setattr(waiting, "STEP", 0.01)
    stream = Terminal() if terminal else io.StringIO()
    with waiting.Watch("net\x1b[2J", stream) as watch:
        watch.by("export", limited=True)
        time.sleep(0.2)
        while terminal and not stream.getvalue():  # on a machine that has other things to do
            time.sleep(0.01)
    written = stream.getvalue()
    if not terminal:
        assert written == ""
        return
    assert re.match(r"\r\033\[Kimporting net\\u001b\[2J \(export\), \d+ s", written)
    assert written.endswith("\r\033[K")


def test_quick_imports_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    torch.manual_seed(0)
    with waiting.Watch("net", stream):
        pass
    assert stream.getvalue() == ""
