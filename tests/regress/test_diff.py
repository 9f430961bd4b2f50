"""cnncost diff: two models, two variants, a spec against a git revision."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from regress.conftest import Run
from regress.specs import NET, SMALL_MACS, write


def git(directory: Path, *arguments: str) -> None:
    """Run git without anybody's configuration."""
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }
    subprocess.run(["git", *arguments], cwd=directory, env=environment, check=True, capture_output=True)


CLOSING = (
    "Convention cnncost: params: learnable values; ops: MACs of convolution and linear layers, without bias;"
    " memory: every new output tensor.\n"
)


@pytest.fixture
def history(project: Path) -> Path:
    """The project under git: net.yaml on main, one unit more in the working tree."""
    git(project, "init", "--initial-branch", "main")
    git(project, "add", "net.yaml")
    git(project, "commit", "-m", "net")
    write(project, NET.replace("times: 3", "times: 4"))
    return project


def test_two_variants(run: Run, golden: Callable[[str, str], None]) -> None:
    done = run("diff", "net.yaml:small", "net.yaml:large")
    assert (done.code, done.err) == (0, "")
    golden("diff.txt", done.out)


def test_the_same(run: Run) -> None:
    done = run("diff", "net.yaml", "net.yaml:small", "--format", "markdown")
    assert done.code == 0
    assert done.out.endswith(f"\nthe same nodes\n\n{CLOSING}")


def test_json(run: Run) -> None:
    done = run("diff", "net.yaml:small", "net.yaml:small", "--format", "json")
    assert json.loads(done.out)["diff"]["nodes"] == []
    diff = json.loads(run("diff", "resnet18", "resnet34", "-f", "json").out)["diff"]
    assert (diff["old"]["model"], diff["new"]["model"]) == ("resnet18", "resnet34")
    assert diff["old"]["quantities"]["params"] == 11_689_512
    assert diff["new"]["quantities"]["params"] == 21_797_672
    brought = sum(node["new"]["params"] - (node["old"] or {"params": 0})["params"] for node in diff["nodes"])
    assert brought == 21_797_672 - 11_689_512


def test_options_hold_for_both(run: Run) -> None:
    done = run("diff", "net.yaml:small", "net.yaml:large", "--batch", "3", "--set", "classes=1", "-f", "json")
    diff = json.loads(done.out)["diff"]
    assert diff["old"]["quantities"]["macs"] == 3 * (SMALL_MACS - 9 * 512)


def test_against_a_revision(run: Run, history: Path) -> None:
    done = run("diff", "net.yaml:small", "--rev", "main")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("net.yaml:small@main -> net.yaml:small\n")
    assert "added    unit4.conv   conv(out=8, kernel=3, pad=1, bias=false) 8x16x16 -> 8x16x16" in done.out
    assert done.out.endswith(f"3 added of 15 nodes\n{CLOSING}")
    git(history, "commit", "--all", "-m", "four")
    assert run("diff", "net.yaml", "--rev", "HEAD").out.endswith(f"the same nodes\n{CLOSING}")
    assert run("diff", "net.yaml", "--rev", "HEAD~1").out.endswith(f"3 added of 15 nodes\n{CLOSING}")


def test_a_revision_from_elsewhere(
    run: Run, history: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert run("diff", str(history / "net.yaml"), "--rev", "main").out.endswith(
        f"3 added of 15 nodes\n{CLOSING}"
    )


def test_what_a_revision_can_lack(run: Run, history: Path) -> None:
    assert run("diff", "net.yaml", "--rev", "mian") == (
        2,
        "",
        "error: --rev 'mian': no such revision\n  `git log --oneline` shows them\n",
    )
    assert run("diff", "net.yaml", "--rev=--output=x").err == (
        "error: --rev '--output=x' is not a git revision\n  for example: --rev main\n"
    )
    write(history, NET, "new.yaml")
    assert run("diff", "new.yaml", "--rev", "main").err == "error: new.yaml: not there at revision 'main'\n"
    write(history, NET.replace("  large", "  huge: {}\n  large"))
    assert run("diff", "net.yaml:huge", "--rev", "main").err == (
        "error: net.yaml@main has no variant 'huge'\n  variants: small, large\n"
    )


def test_an_error_in_the_old_text_says_which(run: Run, history: Path) -> None:
    write(history, NET.replace("maxpool", "maxpol"))
    git(history, "commit", "--all", "-m", "broken")
    write(history, NET)
    assert run("diff", "net.yaml", "--rev", "main").err.startswith(
        "net.yaml@main:15:5: unknown operator or block 'maxpol'\n"
    )


def test_no_repository(run: Run) -> None:
    assert run("diff", "net.yaml", "--rev", "main").err == "error: net.yaml: not in a git repository\n"


def test_no_git(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    done = run("diff", "net.yaml", "--rev", "main")
    assert (done.code, done.err) == (
        3,
        "error: --rev needs git, which is not installed\n  compare two files instead\n",
    )


@pytest.mark.parametrize("arguments", [["net.yaml"], ["net.yaml", "lenet5", "--rev", "main"]])
def test_one_or_the_other(run: Run, arguments: list[str]) -> None:
    assert run("diff", *arguments).err == (
        "error: diff compares two models, or one with a git revision\n"
        "  cnncost diff resnet50 resnet50_v1, or cnncost diff nets/edge.yaml --rev main\n"
    )
