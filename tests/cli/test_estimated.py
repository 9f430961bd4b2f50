"""Every command and every plot with a network whose memory is an estimate: none shows it without a word."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import cnncost
from cnncost import units
from cnncost.cli.main import COMMANDS, main
from cnncost.execution.training import training_memory
from cnncost.plots import KINDS, draw_kind
from cnncost.plots.drawing import Added

SPEC = """family: odd
input: [3, 37, 41]
body:
  - {conv: {out: 7, kernel: 3}}
  - {lp_pool: {kernel: 3}}
  - bn
  - flatten
  - {linear: {out: 11}}
"""
FILES = {
    "odd.yaml": SPEC,
    "plain.yaml": SPEC.replace("lp_pool", "avgpool").replace("odd", "plain"),
    "tight.toml": '[budgets."odd.yaml"]\nmax_peak_bytes = 1\nmax_training_bytes = "1 KiB"\n',
    "roomy.toml": '[budgets."odd.yaml"]\nmax_peak_bytes = "1 GiB"\n',
}
NOTE = "there is no exact rule for lp_pool"
SHORT = "--device cpu --time-limit 0.1 --warmup-limit 0.1"
TABLES = ("text", "markdown", "csv", "latex", "json")
PLAIN = ("text", "markdown", "json")
LINES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "table": (("table odd.yaml", "table odd.yaml --by block"), TABLES),
    "compare": (
        (
            "compare odd.yaml plain.yaml --batch 2",
            "compare plain.yaml odd.yaml --batch 2 --optimizer adam",
            f"compare odd.yaml {SHORT}",
        ),
        TABLES,
    ),
    "reconcile": (("reconcile odd.yaml",), TABLES),
    "explain": (("explain odd.yaml", "explain odd.yaml lp_pool"), TABLES),
    "lock": (("lock odd.yaml -o new.lock",), ()),
    "check": (
        (
            "check odd.yaml --lock odd.lock",
            "check odd.yaml --lock odd.lock --budget tight.toml",
            "check odd.yaml --lock odd.lock --budget roomy.toml",
        ),
        (*PLAIN, "github", "junit"),
    ),
    "diff": (("diff plain.yaml odd.yaml", "diff odd.yaml plain.yaml"), PLAIN),
    "audit": (("audit",), ("text",)),
    "draw": (("draw odd.yaml", "draw odd.yaml --by op --color memory"), ()),
    "report": (("report odd.yaml plain.yaml --batch 2 --mode train -o odd.html",), ()),
    "memory": (
        (
            "memory odd.yaml",
            "memory odd.yaml --train --batch 2",
            "memory odd.yaml --fits 1MiB",
            "memory odd.yaml --train --batch 2 --fits 1MiB",
        ),
        TABLES,
    ),
    "verify": (("verify odd.yaml",), TABLES),
    "measure": ((f"measure odd.yaml {SHORT}", f"measure odd.yaml {SHORT} --mode train --batch 2"), TABLES),
    "import": (("import torchvision:alexnet",), ()),
    "export": (("export odd.yaml --onnx odd.onnx",), ()),
    "list": (("list --max-params 100k",), TABLES),
    "show": (("show odd.yaml",), ()),
    "schema": (("schema output",), ()),
    "help": (("help lp_pool",), ()),
    "predict": (("predict odd.yaml --on a10",), TABLES),
    "train": (("train odd.yaml --on a10 --images 100 --epochs 1 --batch 2",), TABLES),
}
"""What is run of each command, and in which formats; of one that is not here its name and the spec."""
NEEDS_TORCH = {"measure", "verify", "import", "export", "compare"}


class Printed(NamedTuple):
    """What a command gave."""

    out: str
    beside: str  #: standard error and the files written

    @property
    def words(self) -> str:
        """All of it on one line."""
        return " ".join(f"{self.out} {self.beside}".split()).replace(r"\_", "_")


Run = Callable[[str], Printed]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command run in this process, in a directory with the specs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    for name, text in FILES.items():
        Path(name).write_text(text)

    def program(line: str) -> Printed:
        before = set(tmp_path.iterdir())
        monkeypatch.setattr(sys, "argv", ["cnncost", *line.split()])
        try:
            main()
        except SystemExit as ended:
            takes_it = line.split()[0] in LINES  # else the spec may be no argument of the command
            assert ended.code in (None, 0, 1) or not takes_it, capsys.readouterr().err
        captured = capsys.readouterr()
        made = [path for path in sorted(set(tmp_path.iterdir()) - before) if path.suffix != ".onnx"]
        return Printed(captured.out, "\n".join([captured.err, *[path.read_text() for path in made]]))

    return program


@pytest.fixture
def peaks(run: Run) -> set[int]:
    """Every memory of the network that is an estimate."""
    graph = cnncost.load("odd.yaml")
    steps = [
        training_memory(graph, batch=batch, optimizer=each).peak
        for batch in (1, 2)
        for each in ("sgd", "adam")
    ]
    return {*[cnncost.analyze(graph, batch=batch).totals.peak_bytes for batch in (1, 2)], *steps}


def shown(peaks: set[int]) -> list[str]:
    """Numbers of bytes as tables and pictures write them."""
    texts = [text for value in peaks for text in (f"{value:,}", units.size(value))]
    return [*texts, *[text.replace(" ", r"\,") for text in texts]]


def unmarked(text: str, peaks: set[int]) -> list[str]:
    """The lines with an estimate that nothing on them calls one."""
    return [
        line
        for line in text.splitlines()
        if any(figure in line for figure in shown(peaks))
        and not any(mark in line for mark in ("≈", "\\approx"))
    ]


def integers(document: Any) -> set[int]:
    """All whole numbers of a JSON document."""
    if isinstance(document, dict):
        document = list(document.values())
    if isinstance(document, list):
        return set().union(*map(integers, document))
    return {document} if isinstance(document, int) else set()


def named(document: Any) -> bool:
    """Whether a JSON document names the operator whose memory is an estimate."""
    if isinstance(document, list):
        return any(map(named, document))
    if not isinstance(document, dict):
        return False
    return document.get("estimated") == ["lp_pool"] or any(map(named, document.values()))


ELSEWHERE = ("plot", "live")
"""Commands that are asked for it elsewhere: below, and where the page that `live` serves is tested."""


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ELSEWHERE])
def test_a_command(command: str, run: Run, peaks: set[int]) -> None:
    if command in NEEDS_TORCH:
        pytest.importorskip("torch")
    Path("odd.lock").write_text(locked(run))
    lines, formats = LINES.get(command, ((f"{command} odd.yaml",), ()))
    for line in [f"{line} --format {format}" for line in lines for format in formats] or lines:
        printed = run(line)
        if line.endswith("json"):
            document = json.loads(printed.out)
            assert named(document) or not peaks & integers(document), line
            continue
        if line.endswith("csv"):  # raw numbers
            figures = set(map(str, peaks)) & set(printed.out.replace("\n", ",").split(","))
            assert not figures or {"estimated", "lp_pool"} <= set(re.split(r"[,\s]+", printed.out)), line
            continue
        assert not unmarked(printed.out, peaks), line
        if any(figure in printed.words for figure in shown(peaks)):
            assert NOTE in printed.words, line


def locked(run: Run) -> str:
    """The lock of a network that needs a byte less."""
    run("lock odd.yaml -o now.lock")
    text, peak = Path("now.lock").read_text(), cnncost.analyze(cnncost.load("odd.yaml")).totals.peak_bytes
    assert f"peak_bytes {peak}\n" in text
    return text.replace(f"peak_bytes {peak}\n", f"peak_bytes {peak - 1}\n")


def test_the_commands_that_show_memory_do_so_here(run: Run, peaks: set[int]) -> None:
    """So that the test above has something to find."""
    Path("odd.lock").write_text(locked(run))
    for line in (
        "table odd.yaml",
        "compare odd.yaml plain.yaml --batch 2",
        "memory odd.yaml",
        "check odd.yaml --lock odd.lock",
        "check odd.yaml --lock odd.lock --budget tight.toml",
        "diff plain.yaml odd.yaml",
        "report odd.yaml --batch 2 -o odd.html",
    ):
        words = run(line).words
        assert any(figure in words for figure in shown(peaks)), line


def test_a_budget_that_rests_on_an_estimate_says_so(run: Run) -> None:
    run("lock odd.yaml -o odd.lock")
    printed = run("check odd.yaml --lock odd.lock --budget roomy.toml")
    assert "1 of 1 limit kept" in printed.out and NOTE in printed.words
    assert "Estimated" not in run("check odd.yaml --lock odd.lock --format json").out


@pytest.mark.parametrize("kind", [kind for kind, about in KINDS.items() if about.specs != "none"])
def test_a_plot(kind: str, run: Run, peaks: set[int]) -> None:
    pytest.importorskip("matplotlib")
    graph = cnncost.load("odd.yaml")
    choices: list[dict[str, Any]] = [{}]
    if kind == "accuracy":
        choices = [{"x": x, "add": [Added(graph, 50.0)]} for x in ("macs", "params", "activations", "peak")]
    for given in choices:
        drawing = draw_kind(kind, [] if kind == "accuracy" else [graph], **given)
        if peaks & {value for row in drawing.rows for value in row if isinstance(value, int)}:
            assert any(NOTE in note for note in drawing.notes), given
            texts = [
                each.get_text() for each in drawing.figure.findobj(lambda each: hasattr(each, "get_text"))
            ]
            assert any("≈" in text for text in texts), given
        else:
            assert kind != "memory" and given.get("x") != "peak"


def test_a_plot_of_a_step_that_pytorch_refuses() -> None:
    pytest.importorskip("matplotlib")
    drawing = draw_kind("memory", [cnncost.load("inception_v3")])
    assert {row[1] for row in drawing.rows} == {"inference"}
    assert "inception_v3: PyTorch refuses to train it at batch 1." in drawing.notes
    texts = [each.get_text() for each in drawing.figure.findobj(lambda each: hasattr(each, "get_text"))]
    assert "PyTorch refuses batch 1" in texts
