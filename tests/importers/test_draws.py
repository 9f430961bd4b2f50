"""Networks that draw random numbers: the same figures in every import, and a word where a draw decides."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cnncost

DROPPED = """
import random
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 3, 3, padding=1) for _ in range(random.randint(20, 90))])

    def forward(self, x):
        for layer in self.layers:
            x = x if random.random() < 0.5 else layer(x)
        return x
"""


class Repeats(nn.Module):
    """A convolution of 16 x 16 x 9 x 4 x 4 MACs, so many times as is drawn."""

    def __init__(self, draw: Callable[[], int], only_trained: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.drop = nn.Dropout()
        self.draw = draw
        self.only_trained = only_trained

    def forward(self, x: Tensor) -> Tensor:
        times = 1 if self.only_trained and not self.training else self.draw()
        for _ in range(times):
            x = self.drop(self.conv(x))
        return x


ONCE = 16 * 16 * 9 * 4 * 4
DRAWS: dict[str, tuple[Callable[[], int], int]] = {
    "random": (lambda: random.randint(3, 900), random.Random(0).randint(3, 900)),
    "numpy.random": (
        lambda: int(np.random.randint(3, 900)),
        int(np.random.RandomState(0).randint(3, 900)),
    ),
    "torch": (
        lambda: int(torch.randint(3, 900, (1,))),
        int(torch.randint(3, 900, (1,), generator=torch.Generator().manual_seed(0))),
    ),
}
"""What a network draws, and what a generator of its own draws first from the seed 0."""


@pytest.mark.parametrize("source", DRAWS)
def test_what_is_drawn_is_drawn_alike_and_said(source: str) -> None:
    draw, expected = DRAWS[source]
    draw = (lambda held=draw: min(held(), 12)) if expected > 12 else draw  # type: ignore[misc]
    found = []
    for seed in (1, 2):
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        report = cnncost.analyze(Repeats(draw), (4, 16, 16))
        assert report.as_run == (f"numbers that its code draws from {source}",)
        found.append(report.totals.macs)
    assert found == [min(expected, 12) * ONCE] * 2


def test_what_only_training_draws_is_said_of_training() -> None:
    network = Repeats(lambda: random.randint(1, 3), only_trained=True)
    assert cnncost.analyze(network, (4, 16, 16)).as_run == ()
    trained = cnncost.analyze(network, (4, 16, 16), mode="train")
    assert trained.as_run == ("numbers that its code draws from random",)


def test_a_draw_in_a_run_is_a_line_of_the_users() -> None:
    """Where PyTorch itself says that values decide, the line is known."""

    class Dropped(Repeats):
        def forward(self, x: Tensor) -> Tensor:
            if torch.rand(1) < 2:
                x = self.conv(x)
            return x if x.mean() > 1e9 else self.conv(x)

    report = cnncost.analyze(Dropped(lambda: 1), (4, 16, 16))
    assert report.totals.macs == 2 * ONCE
    assert report.as_run == ("if torch.rand(1) < 2:", "return x if x.mean() > 1e9 else self.conv(x)")


def test_code_that_changes_from_run_to_run_is_said() -> None:
    """Not by a draw: by a clock, a counter outside the module, a file."""
    clock = itertools.count(1)
    report = cnncost.analyze(Repeats(lambda: next(clock)), (4, 16, 16))
    assert report.as_run == ("what differs from one run of its code to the next",)


def test_dropout_decides_about_nothing() -> None:
    for mode in ("eval", "train"):
        assert cnncost.analyze(Repeats(lambda: 2), (4, 16, 16), mode=mode).as_run == ()


def test_every_command_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what a constructor draws, too, the same is counted every time."""
    from cnncost.cli.main import app

    (tmp_path / "dropping.py").write_text(DROPPED, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    printed = []
    for command in ("compare", "compare", "memory", "reconcile"):
        random.seed(len(printed))
        with pytest.raises(SystemExit):
            app([command, "dropping:Net", "--input", "3x8x8"])
        out, err = capsys.readouterr()
        printed.append(out)
        assert re.search(
            r"^note: dropping:Net: as run once with random input \(seed 0\): values decide at 1 place: "
            r"numbers that its code draws from random$", err, re.M,
        ), err  # fmt: skip
    assert printed[0] == printed[1]
