"""Every command of the registry where something around it goes wrong: each ends in a message and an exit code."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

import pytest
from fuzz.targets import onnx_seeds
from fuzz.values import FIRST, options
from regress import specs

from cnncost.cli.main import COMMANDS, main

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


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """A command in this process, in a directory with what the lines name."""
    monkeypatch.chdir(tmp_path)
    specs.write(tmp_path)
    Path("net.onnx").write_bytes(onnx_seeds()[0])

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

    assert program("lock lenet5 -o a.lock").code == 0
    assert program("exercise lenet5 -o s.json").code == 0
    Path("a.csv").write_text("question,answer\n1,5\n")
    return program


def line(name: str) -> str:
    """The line of a command, without where it writes."""
    return f"{name} {FIRST[name].partition(' -o ')[0]}"


def test_every_command_has_a_line(run: Callable[..., Ended]) -> None:
    assert set(FIRST) == set(COMMANDS)
    failed = {name: done for name in RUN if (done := run(f"{name} {FIRST[name]}")).code not in (0, 1, None)}
    assert failed == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
@pytest.mark.parametrize("name", RUN)
def test_standard_output_is_full(name: str, run: Callable[..., Ended]) -> None:
    said = run(f"{name} {FIRST[name]}").out
    done = run(f"{name} {FIRST[name]}", open("/dev/full", "w"))  # noqa: SIM115
    if said:
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
