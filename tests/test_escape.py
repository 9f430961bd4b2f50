"""Output is data: one string with everything that some reader would obey, at every destination."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncost import escape
from cnncost.tables.grid import Cell, Column, Grid
from cnncost.tables.output import rendered

HOSTILE = (
    "=cmd|'/C calc'!A0 \x1b[31mred\x1b]0;title\x07 \x9b2J \u202etxt\u2066 \x7f\x00 </script><!--<script><img src=x "
    "onerror=alert(1)> \\input{/etc/passwd} $x_1^2$ | a `b` *c* [d](javascript:e) %0A & ~ # @f ##[error]g\r\n"
    "::error file=README.md,title=Forged::h\n  ::stop-commands::i\n\t::add-mask::j\u2028::warning::k"
)


def harmless(text: str) -> bool:
    """As a terminal and GitHub's runner read a log: nothing to obey in any line."""
    unseen = [character for character in text if not character.isprintable() and character != "\n"]
    commands = [line for line in text.split("\n") if line.strip().startswith("::") or "##[" in line]
    return not unseen and not commands


def grid(word: str) -> Grid:
    return Grid(
        (Column("name", "layer", number=False), Column("macs", "MACs")),
        ((Cell(word, word), Cell("7", 7)),),
        title=word, notes=(word,), label="x",
    )  # fmt: skip


def test_a_terminal() -> None:
    assert (
        harmless(escape.terminal(HOSTILE))
        and harmless(escape.line(HOSTILE))
        and "\n" not in escape.line(HOSTILE)
    )
    assert "\\u001b[31mred" in escape.terminal(HOSTILE)  # seen, not gone
    assert harmless(rendered([grid(HOSTILE)], None, "text"))


@given(
    st.text()
    | st.lists(st.sampled_from(["::", "##[", " ", "\n", "\t", "#", ":", "\x1b[", "\r"])).map("".join)
)
def test_no_text_is_obeyed(text: str) -> None:
    assert harmless(escape.terminal(text)) and harmless(escape.line(text))
    assert json.loads(escape.document(text)) == text and json.loads(escape.script(text)) == text
    assert not escape.cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_plain_words_stay_as_they_are() -> None:
    for word in ("conv1", "layer4.2.conv3", "3x224x224", "Größe µ × ─", "a::b", "-1.5", "std::vector"):
        assert escape.terminal(word) == word


def test_json() -> None:
    text = escape.document({"name": HOSTILE})
    assert harmless(text) and json.loads(text) == {"name": HOSTILE}


def test_csv() -> None:
    text = rendered([grid(HOSTILE), grid(HOSTILE)], None, "csv")
    _, (title, name, macs), *_ = csv.reader(io.StringIO(text))
    assert name.startswith("'=cmd") and macs == "7" and title == "x"
    assert harmless(text)


def test_markdown() -> None:
    text = rendered([grid(HOSTILE)], None, "markdown")
    cell = text.split("\n| ")[3].partition(" | 7 |")[0]
    assert not re.search(r"(?<!\\)[|`*\[\]<]", cell) and "&lt;img" in cell and harmless(text)


def test_latex() -> None:
    text = rendered([grid(HOSTILE)], None, "latex")
    for line in text.split("\n"):
        if "cmd" in line:
            assert "\\input" not in line and not re.search(
                r"(?<!\\)[$#%^~](?!\{)", line.partition("\\caption")[2]
            ), line
    assert harmless(text)


class Scripts(HTMLParser):
    """The elements of a page, and what its data element holds."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.inside: str | None = None
        self.data = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.inside = dict(attrs).get("type") or "" if tag == "script" else None

    def handle_endtag(self, tag: str) -> None:
        self.inside = None

    def handle_data(self, data: str) -> None:
        if self.inside == "application/json":
            self.data += data


def words(value: object) -> Iterator[str]:
    """All texts in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inside in value.values() if isinstance(value, dict) else value:
            yield from words(inside)


SPEC = """
family: net
input: [3, 8, 8]
paper: {{title: {hostile}, authors: A, year: 2020}}
variants:
  small:
    published:
      - {{params: 7, source: {hostile}, reason: {hostile}}}
body:
  - conv: {{out: 2, kernel: 3}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose spec says what nobody should obey, and which costs something else than its lock says."""
    folder = tmp_path_factory.mktemp("hostile")
    spec = SPEC.format(hostile=json.dumps(HOSTILE.replace("\x00", "")))
    (folder / "net.yaml").write_text(spec.replace("out: 2", "out: 4"))
    cnncost("lock", "net.yaml:small", cwd=folder)
    (folder / "net.yaml").write_text(
        spec.replace("source: ", "source: x, note: ").replace(", reason: ", ", protocol: ")
    )
    return folder


def cnncost(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cnncost", *arguments], cwd=cwd, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [
        "show net.yaml:small",
        "check",
        "check -f markdown",
        "check -f json",
        "check -f junit",
        "table net.yaml -f json",
    ],
)
def test_what_a_spec_says(command: str, folder: Path) -> None:
    done = cnncost(*command.split(), cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    assert harmless(done.stdout) and harmless(done.stderr), done.stdout
    if command.endswith("json"):
        json.loads(done.stdout)
    if command.endswith("junit"):
        assert ElementTree.fromstring(done.stdout.encode()).findall(".//failure")


def test_annotations_are_only_ours(folder: Path) -> None:
    done = cnncost("check", "-f", "github", cwd=folder)
    assert done.returncode == 1 and harmless(done.stderr)
    lines = done.stdout.removesuffix("\n").split("\n")
    assert [
        line for line in lines[:-1] if not line.startswith("::error title=cnncost%3A net.yaml%3Asmall")
    ] == []
    assert harmless(lines[-1]) and not [c for line in lines for c in line if not c.isprintable()]


def test_a_page(folder: Path) -> None:
    assert cnncost("report", "net.yaml:small", "-o", "page.html", cwd=folder).returncode == 0
    page = Scripts()
    page.feed((folder / "page.html").read_text())
    assert "img" not in page.tags and HOSTILE.replace("\x00", "") in set(words(json.loads(page.data)))
    assert "<" not in page.data


def test_quoted_lines_and_names(tmp_path: Path) -> None:
    """A spec's, a lock's and a configuration's line at fault; a file's name; a word of the command line."""
    bad = "::error title=Forged::pwn ##[error]x \x1b[31m"
    (tmp_path / "a.yaml").write_text(f"input: [3, 8, 8]\nbody:\n  - relu\n    {bad}\n")
    (tmp_path / "b.lock").write_text(f"cnncost-lock 1\nconvention cnncost\n{bad}\nend\n")
    (tmp_path / "c.toml").write_text(f"models = ['lenet5']\n{bad}\n")
    (tmp_path / "d.toml").write_text("lock = 3 # ::x ##[error]y\n")
    for arguments in (
        ("table", "a.yaml"), ("check", "--lock", "b.lock"), ("check", "--budget", "c.toml"), ("check", "--budget", "d.toml"),
        ("table", f"\n{bad}\n{bad}"), ("table", f"\n{bad}.yaml"), ("table", "lenet5", "--set", f"x\n{bad}=1"),
        ("table", f"{bad}:x.onnx"), ("table", "lenet5", "-o", f"\n{bad}/x.md"), ("table", "lenet5", "-f", f"\n{bad}"),
    ):  # fmt: skip
        done = cnncost(*arguments, cwd=tmp_path)
        assert done.returncode in (2, 3) and done.stderr and harmless(done.stderr), (arguments, done.stderr)
