"""A small network whose settings are searched, and the program in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cnncost.cli.main import app

NET = """\
family: net
input: [3, 32, 32]
params: {width: 8, depths: [1, 2], groups: 1}
blocks:
  stage(out, depth):
    - {conv: {out: out, kernel: 3, pad: 1, groups: groups, stride: 2}}
    - relu
    - {conv: {out: out, kernel: 3, pad: 1}, times: depth}
body:
  - {conv: {out: width, kernel: 3, pad: 1}}
  - {stage: [base * width, depth], for: {base: [1, 2], depth: depths}}
  - global_avgpool
  - flatten
  - {linear: {out: 10}}
"""
Run = Callable[..., str]
VARY = ("width=4..16:2", "depths[*]=1,2,3", "input=16..48:16", "groups=1,2,4")


@pytest.fixture
def net(tmp_path: Path) -> str:
    path = tmp_path / "net.yaml"
    path.write_text(NET)
    return str(path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str) -> str:
        app(list(words), standalone_mode=False)
        return capsys.readouterr().out

    return call
