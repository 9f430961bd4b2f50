"""`cnncost plot` and `cnncost draw` as processes: files, streams, exit codes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def run(*arguments: object, cwd: Path | None = None) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "cnncost", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
    )
    return done.returncode, done.stdout, done.stderr


def test_plot_writes_picture_and_data(tmp_path: Path) -> None:
    picture, data = tmp_path / "a.pdf", tmp_path / "a.csv"
    assert run("plot", "layers", "alexnet", "-o", picture, "--data", data) == (0, f"{picture}\n", "")
    assert picture.read_bytes().startswith(b"%PDF-")
    lines = data.read_text().splitlines()
    assert lines[:2] == ["model,row,op,memory_bytes,params,ops", "alexnet,conv1,conv,802816,23296,72855552"]


def test_without_a_name_the_file_is_called_after_the_kind(tmp_path: Path) -> None:
    assert run("plot", "ilsvrc", cwd=tmp_path) == (0, "ilsvrc.png\n", "")
    assert (tmp_path / "ilsvrc.png").read_bytes().startswith(b"\x89PNG")


def test_models_without_accuracy_are_named_on_stderr(tmp_path: Path) -> None:
    done = run("plot", "accuracy", "lenet5", "vgg16", "-o", tmp_path / "a.svg")
    assert done == (
        0, f"{tmp_path / 'a.svg'}\n", "note: no top-1 accuracy on ImageNet is published for lenet5\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plot", "bars", "alexnet"], "error: unknown kind of plot 'bars': did you mean 'shares'?\n  known: accuracy, "),
        (
            ["plot", "layers", "alexnet", "-o", "a.gif"],
            "error: a.gif: no picture has the suffix '.gif'\n  suffixes: .png, .svg, .pdf\n",
        ),
        (
            ["plot", "layers", "alexnet", "-o", "nowhere/a.png"],
            "error: nowhere/a.png: no directory 'nowhere'\n  make it first: mkdir -p nowhere\n",
        ),
        (
            ["plot", "timeline", "--input", "64"],
            "error: --input, --set and --kwargs change a model, but none is given\n",
        ),
        (
            ["plot", "ops-time", "--measured", "run.json"],
            "error: run.json: cannot be read: No such file or directory\n"
            "  cnncost measure resnet50 -o run.json writes one\n",
        ),
        (
            ["plot", "sweep", "alexnet", "--values", "1:0"],
            "error: --values '1:0' is not a list of sizes\n  write 128,224 or first:last:step, as 128:512:32;"
            " at most 10,000\n",
        ),
        (
            ["plot", "accuracy", "vgg16", "--add", "lenet5=0.741", "-o", "a.svg"],
            "error: --add 'lenet5=0.741': an accuracy is in percent\n"
            "  write --add lenet5=74.1, or 0.741% if it is that small\n",
        ),
        (["draw", "lenet5", "-o", "a.gif"], "error: a.gif: no picture has the suffix '.gif'\n  suffixes: .png, .svg, .pdf\n"),
    ],
)  # fmt: skip
def test_bad_input(arguments: list[str], message: str, tmp_path: Path) -> None:
    code, out, err = run(*arguments, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err == message if message.endswith("\n") else err.startswith(message)
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    done = run("plot", "ilsvrc", "-o", "a.png", cwd=tmp_path)
    assert done == (2, "", "error: a.png: cannot be written: Is a directory\n")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's program dot is not installed")
def test_draw_writes_a_picture(tmp_path: Path) -> None:
    assert run("draw", "alexnet", cwd=tmp_path) == (0, "alexnet.svg\n", "")
    assert b"<svg" in (tmp_path / "alexnet.svg").read_bytes()
