"""The action and the hook as their hosts run them: GitHub's composite steps, pre-commit's entry."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from regress.specs import NET, write

ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


def substituted(text: str, context: dict[str, str]) -> str:
    """A value with its ${{ expressions }}; one that the context lacks is an error, as on GitHub."""
    return re.sub(r"\$\{\{ *([\w.]+) *\}\}", lambda match: context[match[1]], text)


def steps(inputs: dict[str, str]) -> list[dict[str, object]]:
    """The action's steps with these inputs."""
    assert ACTION["runs"]["using"] == "composite"
    assert set(inputs) <= set(ACTION["inputs"])
    context = {"github.action_path": str(ROOT)}
    for name, declared in ACTION["inputs"].items():
        context[f"inputs.{name}"] = inputs.get(name, declared["default"])
    return [
        {
            **step,
            "env": {name: substituted(value, context) for name, value in step["env"].items()},
            "working-directory": substituted(step.get("working-directory", "."), context),
        }
        for step in ACTION["runs"]["steps"]
    ]


def run_step(step: dict[str, object], workspace: Path, temporary: Path) -> subprocess.CompletedProcess[str]:
    """Run one step as a runner does: bash -eo pipefail on a script file, in the workspace."""
    assert step["shell"] == "bash"
    assert "${{" not in str(step["run"]), "inputs reach a script through its environment only"
    script = temporary / "step.sh"
    script.write_text(str(step["run"]))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(temporary),
        "RUNNER_TEMP": str(temporary),
        "GITHUB_WORKSPACE": str(workspace),
        "GITHUB_STEP_SUMMARY": str(temporary / "summary.md"),
        "GITHUB_ACTIONS": "true",
        # The test has no network: what pip needs is what this environment has.
        "PYTHONPATH": site.getsitepackages()[0],
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    } | dict(step["env"])  # type: ignore[call-overload]
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        cwd=workspace / str(step["working-directory"]),
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def fake_install(temporary: Path) -> None:
    """What the first step leaves, without building a wheel."""
    binary = temporary / "cnncost" / "bin" / "cnncost"
    binary.parent.mkdir(parents=True)
    binary.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m cnncost "$@"\n')
    binary.chmod(0o755)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A repository with a locked net in a directory."""
    directory = tmp_path / "workspace"
    (directory / "nets").mkdir(parents=True)
    write(directory / "nets")
    command = [sys.executable, "-m", "cnncost", "lock", "net.yaml:small", "lenet5"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=directory / "nets", env=environment, check=True, capture_output=True)
    return directory


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"directory": "nets"}, 0),
        ({"directory": "nets", "specs": "net.yaml:sm* lenet5"}, 0),
        ({"specs": "nets/net.yaml:small", "lock": "nets/cnncost.lock"}, 0),
        ({"specs": "nets/net.yaml:large", "lock": "nets/cnncost.lock"}, 1),
        ({"specs": "lenet5; touch broken-out", "directory": "nets"}, 2),
        ({"budget": "strict.toml"}, 1),
        ({}, 2),
    ],
)
def test_check_step(workspace: Path, tmp_path: Path, inputs: dict[str, str], code: int) -> None:
    fake_install(tmp_path)
    (workspace / "strict.toml").write_text('[budgets."lenet5"]\nmax_params = 1\n')
    _, check = steps(inputs)
    done = run_step(check, workspace, tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert not list(tmp_path.rglob("broken-out"))


def test_annotations_and_summary(workspace: Path, tmp_path: Path) -> None:
    fake_install(tmp_path)
    write(workspace / "nets", NET.replace("classes: 10", "classes: 11"))
    _, check = steps({"directory": "nets"})
    done = run_step(check, workspace, tmp_path)
    assert done.returncode == 1
    assert "::error title=cnncost%3A net.yaml%3Asmall,file=nets/net.yaml,line=17,col=6::" in done.stdout
    assert "### Counts that are not as locked" in (tmp_path / "summary.md").read_text()


@pytest.mark.slow
def test_the_whole_action(workspace: Path, tmp_path: Path) -> None:
    install, check = steps({"directory": "nets"})
    done = run_step(install, workspace, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run_step(check, workspace, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "2 models, 2 as in cnncost.lock (convention cnncost)\n"


# pre-commit -----------------------------------------------------------------------------------------


def hook(directory: Path, files: list[str]) -> subprocess.CompletedProcess[str] | None:
    """What pre-commit does for some changed files: nothing if none matches, else the entry."""
    matching = [file for file in files if re.search(HOOK["files"], file)]
    if not matching:
        return None
    command = shlex.split(HOOK["entry"]) + HOOK.get("args", [])
    if HOOK.get("pass_filenames", True):
        command += matching
    fake_install(directory.parent / "hook")
    path = f"{directory.parent / 'hook' / 'cnncost' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command, cwd=directory, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )


def test_the_hook_has_what_pre_commit_requires() -> None:
    assert {"id", "name", "entry", "language"} <= set(HOOK)
    assert HOOK["language"] == "python"


def test_the_hook_runs_on_specs_locks_and_configurations(workspace: Path) -> None:
    nets = workspace / "nets"
    assert hook(nets, ["README.md", "net.py", "lock.md"]) is None
    done = hook(nets, ["README.md", "net.yaml"])
    assert done is not None
    assert (done.returncode, done.stdout) == (0, "2 models, 2 as in cnncost.lock (convention cnncost)\n")
    for file in ("a/b.yml", "cnncost.lock", "pyproject.toml", "sub/cnncost.toml"):
        assert re.search(HOOK["files"], file)


def test_the_hook_fails_on_a_change(workspace: Path) -> None:
    write(workspace / "nets", NET.replace("classes: 10", "classes: 11"))
    done = hook(workspace / "nets", ["net.yaml"])
    assert done is not None
    assert done.returncode == 1
    assert "net.yaml:small   params" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pre-commit") is None, reason="pre-commit is not installed")
def test_pre_commit_itself(workspace: Path) -> None:
    nets = workspace / "nets"
    subprocess.run(["git", "init"], cwd=nets, check=True, capture_output=True)
    subprocess.run(["git", "add", "."], cwd=nets, check=True, capture_output=True)
    done = subprocess.run(
        ["pre-commit", "try-repo", str(ROOT), "cnncost-check", "--all-files"],
        cwd=nets,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout
