"""lock and check as a user runs them: exit codes, tables, --update, what is gone, published figures."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from regress.conftest import Run
from regress.specs import NET, SMALL_MACS, SMALL_PARAMS, budget, change, write

from cnncost.errors import UnavailableError
from cnncost.regress import lock as locks


def test_lock_and_check(run: Run, project: Path) -> None:
    done = run("lock", "net.yaml:small", "resnet18", "--batch", "1")
    assert (done.code, done.out, done.err) == (0, "", "cnncost.lock: 2 models\n")
    done = run("check")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "2 models, 2 as in cnncost.lock, 3 of 3 published figures explained (convention cnncost)\n"
    )


def test_lock_names_what_it_drops(run: Run) -> None:
    run("lock", "net.yaml:small", "lenet5")
    assert (
        run("lock", "lenet5").err == "cnncost.lock: 1 model\ncnncost.lock: no longer locked: net.yaml:small\n"
    )


def test_lock_rewrites_what_is_damaged(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small", "lenet5")
    lock = project / "cnncost.lock"
    lock.write_text(lock.read_text().removesuffix("end\n"))
    assert run("check").code == 2
    assert run("lock", "lenet5").err.endswith("cnncost.lock: no longer locked: net.yaml:small\n")
    assert run("check").code == 0


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--mode", "trian", "unknown mode 'trian': did you mean 'train'?\n  known: eval, train"),
        ("--batch", "0", "a batch is at least 1, not 0"),
        ("--dtype", "flaot32", "unknown dtype 'flaot32': did you mean 'float32'?\n"
         "  known: float64, float32, float16, bfloat16, int8"),
        ("--convention", "fvcor", "unknown convention 'fvcor': did you mean 'fvcore'?"),
        ("--set", "clases=3", "net has no parameter 'clases': did you mean 'classes'?\n  parameters: classes, width"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", [["lock", "net.yaml"], ["diff", "net.yaml", "net.yaml:large"]])
def test_options_that_are_wrong(run: Run, command: list[str], option: str, value: str, message: str) -> None:
    done = run(*command, option, value)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {message}")


def test_branches_that_lock_different_models_merge(run: Run, project: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=project, check=True, capture_output=True)

    git("init", "--initial-branch", "main")
    run("lock", "alexnet", "resnet18", "vgg11")
    git("add", "cnncost.lock")
    git("commit", "-m", "three")
    git("switch", "-c", "one")
    run("check", "lenet5", "--update")
    git("commit", "-am", "lenet5")
    git("switch", "main")
    run("check", "squeezenet", "--update")
    git("commit", "-am", "squeezenet")
    git("merge", "one", "-m", "both")
    assert list(locks.read(project / "cnncost.lock").models) == [
        "alexnet",
        "lenet5",
        "resnet18",
        "squeezenet",
        "vgg11",
    ]
    assert run("check").code == 0


def test_lock_takes_globs_and_options(run: Run, project: Path) -> None:
    (project / "nets").mkdir()
    write(project / "nets", NET, "a.yaml")
    write(project / "nets", "input: [3, 8, 8]\nbody: [flatten]\n", "b.yml")
    run("lock", "nets/*.yaml", "nets/*.yml", "lenet*", "-o", "one.lock")
    models = list(locks.read(project / "one.lock").models)
    assert models == ["lenet5", "lenet5_1998", "nets/a.yaml:large", "nets/a.yaml:small", "nets/b.yml"]
    options = (
        "--set",
        "classes=7",
        "--input",
        "3x32x32",
        "--batch",
        "4",
        "--dtype",
        "float16",
        "--mode",
        "train",
    )
    run("lock", "net.yaml:small", *options, "-o", "two.lock")
    ((name, model),) = locks.read(project / "two.lock").models.items()
    assert name == "net.yaml:small --input 3x32x32 --set classes=7 --batch 4 --dtype float16 --mode train"
    assert model.quantities["macs"] == 4 * ((SMALL_MACS - 5120) * 4 + 8 * 16 * 16 * 7)
    assert model.quantities["activation_bytes"] % 2 == 0
    assert run("check", "--lock", "two.lock").code == 0
    assert run("check", "net.yaml:small", "--lock", "two.lock").code == 0


def test_a_lock_elsewhere_has_paths_relative_to_itself(run: Run, project: Path) -> None:
    (project / "locks").mkdir()
    run("lock", str(project / "net.yaml") + ":small", "-o", "locks/net.lock")
    assert list(locks.read(project / "locks/net.lock").models) == ["../net.yaml:small"]
    assert str(project) not in (project / "locks/net.lock").read_text()
    assert run("check", "--lock", "locks/net.lock").code == 0
    assert run("check", "net.yaml:small", "--lock", "locks/net.lock").code == 0


def test_a_change_is_shown_as_a_table(run: Run, project: Path, golden: Callable[[str, str], None]) -> None:
    run("lock", "net.yaml:small")
    change(project, "times: 3", "times: 4")
    done = run("check")
    assert (done.code, done.err) == (1, "")
    golden("change.txt", done.out)


def test_update_shows_then_rewrites(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small", "net.yaml:large")
    change(project, "classes: 10", "classes: 11")
    done = run("check", "net.yaml:small", "--update")
    assert done.code == 0
    assert "net.yaml:small   changed   fc     linear(out=11) 512 -> 11" in done.out
    assert done.err == "cnncost.lock: updated\n"
    assert run("check", "net.yaml:small").code == 0
    assert run("check").code == 1  # large was not asked for
    assert run("check", "--update").code == 0
    assert run("check").code == 0


def test_an_interrupted_update_leaves_the_old_lock(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("lock", "net.yaml:small")
    before = (project / "cnncost.lock").read_text()
    change(project, "classes: 10", "classes: 11")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("os.replace", interrupted)
        assert run("check", "--update").code == 130
    assert (project / "cnncost.lock").read_text() == before
    assert sorted(path.name for path in project.iterdir()) == ["cnncost.lock", "net.yaml"]


def test_a_rename_is_told_and_no_failure(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small")
    change(project, "unit", "layer")
    done = run("check")
    assert done.code == 0
    assert done.out == (
        "net.yaml:small: unit1 is now called layer1 (3 nodes, the same)\n"
        "net.yaml:small: unit2 is now called layer2 (3 nodes, the same)\n"
        "net.yaml:small: unit3 is now called layer3 (3 nodes, the same)\n"
        "\n"
        "1 model, 1 as in cnncost.lock (convention cnncost)\n"
    )


def test_a_model_that_is_gone(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small", "net.yaml:large")
    change(project, "  large: {width: 16}\n", "")
    done = run("check")
    assert done.code == 2
    assert done.out.endswith("2 models, 1 as in cnncost.lock, 1 cannot be counted (convention cnncost)\n")
    assert done.err == (
        "error: net.yaml:large is in the lock, but no longer exists; --update drops it:"
        " net.yaml has no variant 'large'\n  variants: small\n"
        "  renamed? cnncost check NEW_NAME --update puts the new name into the lock\n"
    )
    (project / "net.yaml").unlink()
    done = run("check")
    assert (done.code, done.err.count("no longer exists; --update drops it: net.yaml: no such file")) == (
        2,
        2,
    )
    write(project, NET.replace("  large: {width: 16}\n", ""))
    done = run("check", "--update")
    assert (done.code, done.err.splitlines()[-1]) == (0, "cnncost.lock: updated, without net.yaml:large")
    assert list(locks.read(project / "cnncost.lock").models) == ["net.yaml:small"]


def test_a_pull_request_that_renames_a_spec(run: Run, project: Path) -> None:
    """What the message says is done; then the guard holds the new name as it held the old one."""
    run("lock", "net.yaml:small")
    (project / "net.yaml").rename(project / "edge.yaml")
    done = run("check")
    assert (done.code, done.err) == (
        2,
        "error: net.yaml:small is in the lock, but no longer exists; --update drops it: net.yaml: no such file\n"
        "  renamed? cnncost check NEW_NAME --update puts the new name into the lock\n",
    )
    run("check", "edge.yaml:small", "--update")
    assert run("check", "--update").err.endswith("cnncost.lock: updated, without net.yaml:small\n")
    assert run("check").code == 0
    edge = (project / "edge.yaml").read_text()
    (project / "edge.yaml").write_text(edge.replace("classes: 10", "classes: 11"))
    assert run("check").code == 1


def test_every_model_has_its_annotation_before_any_node(run: Run, project: Path) -> None:
    """GitHub shows ten of a step."""
    run("lock", "net.yaml:small", "net.yaml:large")
    change(project, "kernel: 3, pad: 1", "kernel: 1")
    lines = run("check", "--format", "github").out.splitlines()[:-1]
    said = [line.split("::")[2].split(" was ")[0].split(" changed")[0] for line in lines]
    assert said == [
        "net.yaml:large: params", "net.yaml:small: params", "net.yaml:large: unit1.conv", "net.yaml:small: unit1.conv",
    ]  # fmt: skip


def test_a_spec_that_is_wrong_is_not_dropped(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small", "lenet5")
    change(project, "maxpool", "maxpol")
    done = run("check", "--update")
    assert done.code == 2
    assert done.err.startswith("error: net.yaml:small: net.yaml:15:5: unknown operator or block 'maxpol'\n")
    assert list(locks.read(project / "cnncost.lock").models) == ["lenet5", "net.yaml:small"]


def test_an_imported_model_without_torch(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("lock", "lenet5")

    def unavailable(*_: object, **__: object) -> None:
        raise UnavailableError("this needs PyTorch, which is not installed\n  pip install torch")

    monkeypatch.setattr("cnncost.models.graph", unavailable)
    assert run("check") == (3, "", "error: this needs PyTorch, which is not installed\n  pip install torch\n")


FACTORY = """\
from torch import nn

def net(width=8):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Flatten(), nn.Linear(196 * width, 10))
"""


@pytest.mark.slow
def test_an_imported_model(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    write(project, FACTORY, "my_factory.py")
    monkeypatch.syspath_prepend(str(project))
    done = run("lock", "my_factory:net", "--input", "3x16x16", "--set", "width=4")
    assert (done.code, done.err) == (0, "cnncost.lock: 1 model\n")
    ((name, model),) = locks.read(project / "cnncost.lock").models.items()
    assert name == "my_factory:net --input 3x16x16 --set width=4"
    assert model.quantities["params"] == 3 * 9 * 4 + 4 + 8 + 196 * 4 * 10 + 10
    assert model.quantities["macs"] == 3 * 9 * 4 * 196 + 196 * 4 * 10
    assert run("check", "--allow-imports").code == 0
    lock = project / "cnncost.lock"
    lock.write_text(lock.read_text().replace("width=4", "width=5"))
    done = run("check", "--allow-imports")
    assert done.code == 1
    assert "conv: " not in done.out  # the lock knows no arguments
    assert "changed" in done.out


def test_a_model_that_is_not_locked(run: Run) -> None:
    run("lock", "lenet5")
    done = run("check", "net.yaml:small")
    assert done.code == 1
    assert (
        f"net.yaml:small   params                  -     {SMALL_PARAMS:,}                    not locked"
        in done.out
    )
    assert run("check", "net.yaml:small", "--update").code == 0
    assert run("check").code == 0


def test_no_lock(run: Run) -> None:
    assert run("check") == (
        2,
        "",
        "error: cnncost.lock: no such lock\n  write it: cnncost lock SPEC... -o cnncost.lock\n",
    )
    assert run("check", "lenet5", "--lock", "x.lock").err == (
        "error: x.lock: no such lock\n  write it: cnncost lock SPEC... -o x.lock\n"
    )
    assert run("check", "lenet5", "--update").code == 0  # there is nothing to compare with: it is made
    assert run("check").code == 0


def test_another_convention(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small", "--convention", "fvcore")
    done = run("check")
    assert done == (
        2,
        "",
        "error: cnncost.lock: locked under the convention 'fvcore', this check counts 'cnncost'\n"
        "  pass --convention fvcore, or write the lock again\n",
    )
    assert run("check", "--convention", "fvcore").code == 0
    (project / "cnncost.toml").write_text('convention = "fvcore"\n')
    assert run("check").code == 0


def test_a_counted_quantity_is_held_too(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small", "--convention", "fvcore")
    lock = project / "cnncost.lock"
    text = lock.read_text()
    assert "\ncounted_ops " in text
    lock.write_text(text.replace("\ncounted_ops ", "\ncounted_ops 1"))
    done = run("check", "--convention", "fvcore")
    assert done.code == 1
    assert "counted_ops" in done.out


def test_merge_conflict(run: Run, project: Path) -> None:
    run("lock", "lenet5")
    lock = project / "cnncost.lock"
    lock.write_text(lock.read_text().replace("\nparams", "\n<<<<<<< HEAD\nparams 1\n=======\nparams", 1))
    done = run("check")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "cnncost.lock:8:1: a merge conflict\n    <<<<<<< HEAD\n"
        "  take either side of it, then: cnncost check --update\n"
    )


FACT = "  small: {published: [{params: %s, source: a table%s}]}\n"


@pytest.mark.parametrize(
    ("printed", "more", "code"),
    [
        (SMALL_PARAMS, "", 0),
        ("6.5e3", "", 0),
        ("6.6e3", "", 1),
        ("6.6e3", ", reason: rounded up", 0),
        ("6.5e3", ", input: 32", 1),  # at 32 x 32 the linear layer has four times the inputs
        ("21.9e3", ", input: 32", 0),
    ],
)
def test_published_figures(run: Run, project: Path, printed: object, more: str, code: int) -> None:
    change(project, "  small: {}\n", FACT % (printed, more))
    budget(project, 'models = ["net.yaml:small"]\n[budgets."*"]\nmax_params = "1M"\n')
    done = run("check")
    assert done.code == code, done.out
    if code:
        assert "Published figures that the counts do not give, without a reason" in done.out
        budget(project, 'models = ["net.yaml:small"]\npublished = false\n[budgets."*"]\nmax_params = "1M"\n')
        assert run("check").code == 0
