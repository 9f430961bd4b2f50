"""Every command of the registry where something around it goes wrong: each ends in a message and an exit code."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

import pytest
from fuzz.targets import onnx_seeds
from fuzz.values import FIRST, options
from regress import specs

from cnncost.cli.main import COMMANDS, app, main

SERVING = {"live", "calibrate"}
"""Commands whose line ends before they begin: one serves until Ctrl-C, one takes minutes."""
RUN = [name for name in FIRST if name not in SERVING]
WRITING = [name for name in RUN if "--output" in options()[name]]
SUFFIX = {"plot": ".svg", "draw": ".svg", "report": ".html", "lock": ".lock", "exercise": ".md", "import": ".yaml", "check": ".md",
          "diff": ".md"}  # fmt: skip


class Ended(NamedTuple):
    """How a command ended."""

    code: object
    out: str
    err: str


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the lines name: a spec, an ONNX file, a lock, a sheet and answers to it."""
    folder = tmp_path_factory.mktemp("files")
    specs.write(folder)
    (folder / "net.onnx").write_bytes(onnx_seeds()[0])
    with contextlib.redirect_stderr(io.StringIO()):
        app(["lock", "lenet5", "-o", str(folder / "a.lock")], standalone_mode=False)
        app(["exercise", "lenet5", "-o", str(folder / "sheet.json")], standalone_mode=False)
    (folder / "answers.csv").write_text("question,answer\n1,5\n")
    return folder


@pytest.fixture
def run(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """A command in this process, in a directory with what the lines name."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)

    def program(line: str, out: IO[str] | None = None) -> Ended:
        err, out = io.StringIO(), out or io.StringIO()
        monkeypatch.setattr(sys, "argv", ["cnncost", *shlex.split(line)])
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        code: object = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        if not isinstance(out, io.StringIO):
            with contextlib.suppress(OSError):
                out.close()
        assert "internal error" not in err.getvalue(), err.getvalue()
        return Ended(code, out.getvalue() if isinstance(out, io.StringIO) else "", err.getvalue())

    return program


def line(name: str) -> str:
    """The line of a command, without where it writes."""
    return f"{name} {FIRST[name].partition(' -o ')[0]}"


def test_every_command_has_a_line() -> None:
    assert set(FIRST) == set(COMMANDS), "add it to tests/fuzz/values.py"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
@pytest.mark.parametrize("name", RUN)
def test_standard_output_is_full(name: str, run: Callable[..., Ended]) -> None:
    usual = run(f"{name} {FIRST[name]}")
    assert usual.code in (0, 1, None), usual.err
    done = run(f"{name} {FIRST[name]}", open("/dev/full", "w"))  # noqa: SIM115
    if usual.out:
        assert done.code == 2
        assert done.err.endswith("error: standard output cannot be written: No space left on device\n")


@pytest.mark.parametrize("name", RUN)
def test_nobody_reads(name: str, run: Callable[..., Ended]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = run(f"{name} {FIRST[name]}", os.fdopen(writer, "w"))
    assert done.code in (0, 1, None) and "error" not in done.err


@pytest.mark.parametrize("name", RUN)
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_of_few_letters(name: str, encoding: str, run: Callable[..., Ended]) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    assert run(f"{name} {FIRST[name]}", out).code in (0, 1, None)


@pytest.mark.parametrize("name", WRITING)
def test_where_nothing_can_be_written(name: str, run: Callable[..., Ended]) -> None:
    suffix = SUFFIX.get(name, ".json")
    Path(f"folder{suffix}").mkdir()
    places = [f"folder{suffix}", f"no/such{suffix}", f"{'x' * 300}{suffix}"]
    if Path("/dev/full").exists():
        Path(f"full{suffix}").symlink_to("/dev/full")
        places.append(f"full{suffix}")
    for place in places:
        if name == "report" and place == "folder.html":
            continue  # index.html goes into it
        done = run(f"{line(name)} -o {place}")
        assert done.code == 2 and done.err.startswith(f"error: {place[:40]}"), (place, done)


@pytest.mark.parametrize("name", WRITING)
def test_links_and_pipes_are_written_to(name: str, run: Callable[..., Ended]) -> None:
    suffix = SUFFIX.get(name, ".json")
    target, link, pipe = Path("target"), Path(f"link{suffix}"), Path(f"pipe{suffix}")
    target.write_text("old")
    link.symlink_to("target")
    assert run(f"{line(name)} -o {link}").code in (0, 1, None)
    assert link.is_symlink() and target.read_text() != "old"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert run(f"{line(name)} -o {pipe}").code in (0, 1, None)
    reader.join(10)
    assert read and read[0][:20] == target.read_bytes()[:20] and not pipe.is_file()


@pytest.mark.parametrize("name", WRITING)
def test_standard_output_by_its_name(
    name: str, run: Callable[..., Ended], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(f"{line(name)} -o /dev/stdout").code in (0, 1, None)
    assert capfd.readouterr().out


READING = (
    "table {}.yaml", "table {}.onnx", "check lenet5 --lock {}.lock", "check lenet5 --lock a.lock --budget {}.toml",
    "report lenet5 --measured {}.json -o a.html", "grade {}.csv --sheet sheet.json", "grade answers.csv --sheet {}.sheet",
    "grade {}.ipynb --sheet sheet.json", "search lenet5 --vary classes=2,3 --resume {}.journal", "predict lenet5 --on ./{}.device.yaml",
    "pick --from {}.yaml --max-params 1G", "live {}.yaml --watch --by nothing", "import {}.onnx",
)  # fmt: skip
"""Lines that read a file, of every kind that there is."""


@pytest.mark.parametrize("command", READING)
@pytest.mark.parametrize("what", ["nothing", "directory", "empty", "binary"])
def test_a_file_that_is_none(command: str, what: str, run: Callable[..., Ended]) -> None:
    (path,) = [Path(word.removeprefix("./").format("bad")) for word in command.split() if "{}" in word]
    if what == "directory":
        path.mkdir()
    elif what != "nothing":
        path.write_bytes(b"" if what == "empty" else b"\xff\xfe\x00\x81\r\x1b[31m")
    done = run(command.format("bad"))
    if (path.suffix, what) == (".journal", "nothing"):
        assert done.code in (0, None) and path.is_file()
    elif (path.suffix, what) in ((".toml", "empty"),):
        assert done.code in (0, None)
    else:
        assert done.code in (2, 3) and done.err.count("\n") < 6 and done.err.isprintable() is False
        assert "\x1b" not in done.err


@pytest.mark.parametrize(
    "command", [line for line in READING if "onnx" not in line and "--watch" not in line]
)
@pytest.mark.parametrize("made", ["with a mark", "on Windows"])
def test_a_file_from_elsewhere_is_the_same(command: str, made: str, run: Callable[..., Ended]) -> None:
    """A mark in front (Notepad, PowerShell), lines that end by `\\r\\n`."""
    if "--measured" in command:
        run("measure lenet5 --device cpu --time-limit 0.05 --warmup-limit 0.05 -o good.json")
    run("search lenet5 --vary classes=2,3 --resume good.journal")
    Path("good.yaml").write_bytes(Path("net.yaml").read_bytes())
    Path("good.lock").write_bytes(Path("a.lock").read_bytes())
    Path("good.sheet").write_bytes(Path("sheet.json").read_bytes())
    Path("good.csv").write_bytes(Path("answers.csv").read_bytes())
    Path("good.toml").write_text("[budgets.lenet5]\nmax_params = 5\n")
    Path("good.device.yaml").write_text("name: mine\nbandwidth_gb_s: 100\ntflops: {float32: 1}\n")
    Path("good.ipynb").write_text('{"cells": [{"cell_type": "code",\n"source": ["answer_1 = 7"]}]}\n')
    (name,) = [word.removeprefix("./").format("good") for word in command.split() if "{}" in word]
    before = run(command.format("good"))
    data = Path(name).read_bytes()
    Path(name).write_bytes(b"\xef\xbb\xbf" + data if made == "with a mark" else data.replace(b"\n", b"\r\n"))
    after = run(command.format("good"))
    assert before.code in (0, 1, None), before.err
    assert (after.code, after.err) == (before.code, before.err)
    if not command.startswith("search"):  # it says how long it took
        assert after.out == before.out
