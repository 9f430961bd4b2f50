"""Every command on files whose names, nodes, facts and answers would be obeyed somewhere: they stay words everywhere."""

from __future__ import annotations

import csv
import io
import json
import shlex
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fuzz.targets import onnx_seeds
from test_escape import HOSTILE, harmless

from cnncost.cli.main import COMMANDS, main

NAME = (
    "=c|'A0 \x1b[31m\x1b]0;t\x07 \x9b2J \u202et\u2066 \x7f <script><img src=x onerror=alert(1)> \\input{x} $x_1^2$ | `b` *c* "
    "[d](javascript:e) %0A & ##[error]g\r\n::error file=R::h\n ::add-mask::j\u2028::w::k"
)
"""Of a file: as many bytes as one may have, no slash."""
TABLES = ("text", "markdown", "csv", "latex", "json")
QUESTIONS = "--questions shape,params,macs,memory,receptive,infer,most,training,stride --solutions"
LINES: dict[str, tuple[str, ...]] = {
    "table": ("table {}", "table {} --by op"),
    "compare": ("compare {} {}",),
    "reconcile": ("reconcile {}",),
    "explain": ("explain {}",),
    "memory": (
        "memory {}", "memory {} --train --batch 2", "memory {} --train --fits 1GiB --plan --batch 2",
        "memory {} --runtime tflm --dtype int8",
    ),
    "predict": ("predict {} --on ./mine.yaml", "predict {} --on t4 --by op"),
    "train": ("train {} --on rtx-3090 --images 50k --epochs 3 --batch 64 --dtype float16",),
    "search": ("search {} --vary classes=2..5",),
    "pick": ("pick --from {} --max-params 1G",),
    "grade": ("grade a.csv --sheet s.json --comments",),
    "verify": ("verify {}",),
    "measure": ("measure {} --device cpu --time-limit 0.05 --warmup-limit 0.05",),
}  # fmt: skip
"""Commands that print tables, in every format."""
OTHERS: dict[str, tuple[str, ...]] = {
    "lock": ("lock pattern-*.yaml -o b.lock",),
    "check": tuple(f"check --lock a.lock -f {kind}" for kind in ("text", "markdown", "json", "github", "junit")),
    "diff": tuple(f"diff lenet5 {{}} -f {kind}" for kind in ("text", "markdown", "json")),
    "show": ("show {}",),
    "plot": tuple(f"plot {kind} {{}} -o {kind}.svg" for kind in ("layers", "memory", "roofline", "receptive", "shares", "sweep")),
    "draw": ("draw {} -o a.svg",),
    "report": ("report {} -o a.html",),
    "exercise": tuple(f"exercise {{}} {QUESTIONS} -o a.{suffix}" for suffix in ("md", "tex", "html", "ipynb", "xml", "json")),
    "import": ("import {} -o b.yaml", "import {}"),
    "export": ("export {} --onnx b.onnx",),
}  # fmt: skip
WITHOUT = {"list", "audit", "schema", "help", "calibrate", "live"}
"""Commands that print nothing of a user's files; the live page has tests of its own."""
SPEC = """input: [3, 16, 16]
params: {{classes: 10}}
paper: {{title: {hostile}, authors: A, year: 2020}}
published: [{{params: 7, source: {hostile}, reason: {hostile}}}]
body:
  - conv: {{out: 2, kernel: 3}}
  - relu
  - maxpool: {{kernel: 2}}
  - flatten
  - {{linear: {{out: classes}}}}
"""

Run = Callable[[str], str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command in this process, beside the files; all that it prints and writes is looked at."""
    import onnx

    monkeypatch.chdir(tmp_path)
    hostile = json.dumps(HOSTILE.replace("\x00", ""))
    Path(f"{NAME}.yaml").write_text(SPEC.format(hostile=hostile))
    model = onnx.load_model_from_string(onnx_seeds()[0])
    model.graph.name = NAME
    for number, node in enumerate(model.graph.node):
        node.name = f"{HOSTILE if number % 2 else NAME}{number}".replace("\x00", "")
    Path(f"{NAME}.onnx").write_bytes(model.SerializeToString())
    Path("mine.yaml").write_text(
        f"name: {hostile}\nsource: {hostile}\nbandwidth_gb_s: 100\ntflops: {{float32: 1}}\nmemory: 1GiB\n"
    )

    def program(line: str, file: str = "") -> str:
        words = [word.replace("{}", file) for word in shlex.split(line)]
        before = {path: path.stat().st_mtime_ns for path in Path().iterdir()}
        monkeypatch.setattr(sys, "argv", ["cnncost", *words])
        code: object = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        found = capsys.readouterr()
        assert code in (0, 1, None) and "internal error" not in found.err, (line, found.err)
        for text in (found.out, found.err)[line.endswith("github") :]:  # workflow commands are meant there
            assert harmless(text), (line, next(row for row in text.split("\n") if not harmless(row)))
        for path in Path().iterdir():
            if before.get(path) != path.stat().st_mtime_ns:
                looked_at(path)
        return found.out

    return program


class Tags(HTMLParser):
    """The elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)


def looked_at(path: Path) -> None:
    """A file that a command wrote: as whoever opens it reads it."""
    if path.suffix in (".onnx", ".lock", ".csv"):
        return
    text = path.read_text()
    assert harmless(text), (path.suffix, next(row for row in text.split("\n") if not harmless(row))[:300])
    if path.suffix in (".svg", ".xml"):
        assert not {each.tag for each in ElementTree.fromstring(text).iter()} & {"img", "script"}
    elif path.suffix in (".json", ".ipynb"):
        document = json.loads(text)
        for cell in document.get("cells", ()):
            assert "<img" not in "".join(cell["source"]) or cell["cell_type"] == "code"
    elif path.suffix in (".html", ".md"):
        page = Tags()
        page.feed(text)
        assert "img" not in page.found


def test_every_command_is_tried() -> None:
    assert set(LINES) | set(OTHERS) | WITHOUT == set(COMMANDS)


def shown(text: str, format: str) -> None:
    """A table on standard output, as its reader takes it."""
    if format == "json":
        json.loads(text)
    if format == "csv":
        for row in csv.reader(io.StringIO(text)):
            assert not [cell for cell in row if cell.startswith(("=", "@", "\t", "\r"))], row
    if format == "latex":
        assert "\\input" not in text and "\\write" not in text


@pytest.mark.parametrize("name", LINES)
def test_tables(name: str, run: Callable[..., str]) -> None:
    if name == "grade":
        run("exercise {} --blanks 8 -o s.json", f"{NAME}.yaml")
        with Path("a.csv").open("w", newline="") as file:
            csv.writer(file).writerows(
                [["student", "question", "answer"], [NAME, 1, HOSTILE], [HOSTILE, 2, NAME]]
            )
    for format in TABLES:
        for line in LINES[name]:
            shown(run(f"{line} -f {format}", f"{NAME}.yaml"), format)
            if format in ("text", "json") and name not in ("search", "verify", "measure"):
                shown(run(f"{line} -f {format}", f"{NAME}.onnx"), format)


@pytest.mark.parametrize("name", OTHERS)
def test_other_outputs(name: str, run: Callable[..., str]) -> None:
    if name == "check":
        Path(f"{NAME}.yaml").rename("a.yaml")
        run("lock a.yaml lenet5 -o a.lock")
        Path("a.yaml").write_text(Path("a.yaml").read_text().replace("out: 2", "out: 4"))
    suffixes = {"import": [".onnx"], "export": [".yaml"], "lock": [""], "check": [""]}.get(
        name, [".yaml", ".onnx"]
    )
    for line in OTHERS[name]:
        for suffix in suffixes:
            if name == "lock":
                Path("pattern-a.yaml").write_bytes(Path(f"{NAME}.yaml").read_bytes())
            run(line, f"{NAME}{suffix}")
