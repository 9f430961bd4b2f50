"""lock and check as a user runs them: exit codes, tables, --update, what is gone, what is exceeded."""

from __future__ import annotations

import csv
import json
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest
from regress.conftest import Run
from regress.specs import NET, SMALL_MACS, SMALL_PARAMS, write

from cnncost.errors import UnavailableError
from cnncost.regress import lock as locks


def change(directory: Path, old: str, new: str) -> None:
    """Replace a piece of net.yaml."""
    text = (directory / "net.yaml").read_text()
    assert old in text
    write(directory, text.replace(old, new))


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


# Budgets --------------------------------------------------------------------------------------------


def budget(directory: Path, text: str) -> None:
    (directory / "cnncost.toml").write_text(text)


def test_an_absolute_budget_needs_no_lock(
    run: Run, project: Path, golden: Callable[[str, str], None]
) -> None:
    budget(
        project, '[budgets."net.yaml:small"]\nmax_params = "6k"\nmax_macs = "1M"\nmax_peak_bytes = "1 MiB"\n'
    )
    done = run("check")
    assert done.code == 1
    golden("budget.txt", done.out)
    assert run("check", "--budget", "cnncost.toml").code == 1
    budget(project, '[budgets."net.yaml:small"]\nmax_params = "7k"\n')
    assert run("check").out == "1 model, 1 of 1 limit kept (convention cnncost)\n"


def test_a_percent_budget_holds_instead_of_the_exact_lock(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small")
    budget(project, '[budgets."*"]\nmax_params = "10%"\nmax_macs = "50%"\nmax_peak_bytes = "0%"\n')
    change(project, "times: 3", "times: 4")  # params +9.0%, MACs +41.3%, the same peak
    done = run("check")
    assert done.code == 0, done.out
    assert "left to the budget" in done.out
    assert "3 of 3 limits kept" in done.out
    change(project, "times: 4", "times: 5")
    done = run("check")
    assert done.code == 1
    assert "max_params = 10%" in done.out
    assert run("check", "--update").code == 0
    assert run("check").code == 0


def test_a_percent_budget_excuses_only_its_kind(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small")
    budget(project, '[budgets."*"]\nmax_params = "10%"\n')
    change(project, "times: 3", "times: 4")
    document = json.loads(run("check", "--format", "json").out)["check"]
    kinds = [finding["message"].split()[0] for finding in document["models"][0]["findings"]]
    assert kinds == ["macs", "flops", "activation_bytes"]


def test_training_memory(run: Run, project: Path) -> None:
    import cnncost
    from cnncost.execution.training import training_memory

    peak = training_memory(cnncost.load("net.yaml:small")).peak
    budget(project, f'[budgets."net.yaml:small"]\nmax_training_bytes = {peak}\n')
    assert run("check").code == 0
    budget(project, f'[budgets."net.yaml:small"]\nmax_training_bytes = {peak - 1}\n')
    done = run("check", "--format", "github")
    assert done.code == 1
    assert f"training_bytes is {peak:,}, over max_training_bytes = {peak - 1:,}" in done.out


def test_training_memory_over_the_lock(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small")
    budget(project, '[budgets."net.yaml:small"]\nmax_training_bytes = "10%"\n')
    done = run("check", "--format", "github")
    assert done.code == 1
    assert "training_bytes is not in the lock; `cnncost check --update` adds it" in done.out
    assert "max_training_bytes = 10%   not locked   " in run("check").out
    assert run("check", "--update").code == 0
    assert "\ntraining_bytes " in (project / "cnncost.lock").read_text()
    assert run("check").out == "1 model, 1 as in cnncost.lock, 1 of 1 limit kept (convention cnncost)\n"
    change(project, "times: 3", "times: 4")
    assert "max_training_bytes = 10%" in run("check").out
    (project / "cnncost.toml").unlink()
    assert "training_bytes" in run("check").out  # what is locked is compared, budget or not
    write(project)
    budget(project, '[budgets."*"]\nmax_training_bytes = "10%"\n')
    assert run("lock", "net.yaml:small").code == 0
    assert run("check").code == 0


LATENCY = '[budgets."net.yaml:small"]\nmax_latency = "12 ms"\nmeasured = "run.json"\n'


def measured(directory: Path, median: float = 0.01, batch: int = 1, **changes: object) -> None:
    """A measure file as `cnncost measure` writes it, without what no budget reads."""
    setting = {"batch": batch, "dtype": "float32", "layout": "nchw", "mode": "eval", "graph": False}
    entry: dict[str, object] = {
        "model": "small",
        "setting": {**setting, "compile": False},
        "seconds": {"median": median, "low": median, "high": median},
        "macs": SMALL_MACS,
        "images_per_second": 1 / median,
        "memory": None,
        "environment": {"cpu": "a processor", "threads": 1},
    }
    entry |= changes
    document = {"schema_version": 1, "measured": [entry, {**entry, "model": "other"}]}
    (directory / "run.json").write_text(json.dumps(document))


def test_latency(run: Run, project: Path) -> None:
    budget(project, LATENCY)
    measured(project, 0.012)
    assert run("check").out == "1 model, 1 of 1 limit kept (convention cnncost)\n"
    measured(project, 0.0125)
    done = run("check", "--format", "github")
    assert done.code == 1
    assert "::net.yaml:small: latency is 12.5 ms, over max_latency = 12 ms\n" in done.out
    assert "max_latency = 12 ms     12 ms   12.5 ms      +500 µs   +4.17" in run("check").out


def test_latency_of_the_program_itself(run: Run, project: Path) -> None:
    pytest.importorskip("torch")
    limits = ("--time-limit", "0.2", "--warmup-limit", "0.1", "--threads", "1")
    assert run("measure", "net.yaml:small", "-o", "run.json", *limits).code == 0
    budget(project, LATENCY.replace("12 ms", "60 s"))
    assert run("check").code == 0
    budget(project, LATENCY.replace("12 ms", "0.001 us"))
    assert run("check").code == 1


def test_measurements_that_do_not_fit(run: Run, project: Path) -> None:
    make = "cnncost measure net.yaml:small -o run.json\n"
    budget(project, LATENCY)
    done = run("check")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: run.json: cannot be read: No such file or directory\n")
    for changes in ({"model": "large"}, {"batch": 2}):
        measured(project, **changes)  # type: ignore[arg-type]
        assert run("check").err == (
            f"error: run.json: no measurement of small at batch 1, float32, eval\n  make it: {make}"
        )
    measured(project, macs=1)
    assert run("check").err == (
        f"error: run.json: small had 1 MACs when it was measured, and has {SMALL_MACS:,}\n"
        f"  measure it again: {make}"
    )
    measured(project)
    file = project / "run.json"
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "measured": document["measured"][:1] * 2}))
    setting = "a processor, 1 thread, batch 1, float32, nchw, eval"
    assert run("check").err == (
        "error: run.json: 2 measurements of small at batch 1, float32, eval; keep one\n"
        f"  {setting}\n  {setting}\n"
    )
    file.write_text(json.dumps({**document, "schema_version": 2}))
    assert run("check").err == (
        "error: run.json: version 2 of the format; this cnncost reads version 1\n"
        "  measure again with this cnncost\n"
    )


def test_an_exceeded_budget_outlives_an_update(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small")
    budget(project, '[budgets."net*"]\nmax_params = 1\n')
    assert run("check", "--update").code == 1


def test_a_budget_of_nothing(run: Run, project: Path) -> None:
    budget(project, 'models = ["lenet5"]\n\n[budgets."resnt*"]\nmax_params = 1\n')
    assert run("check") == (
        2,
        "",
        "cnncost.toml:3:1: no model matches the budget 'resnt*'\n  models: lenet5\n",
    )


def test_a_misspelt_limit_stops_the_check(run: Run, project: Path) -> None:
    budget(project, '[budgets."lenet5"]\nmax_parms = 1\n')
    done = run("check")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("cnncost.toml:2:1: unknown limit 'max_parms'\n")


def test_what_the_configuration_names(run: Run, project: Path) -> None:
    budget(project, 'models = ["net.yaml:*ger"]\n')
    assert run("lock").err == (
        "error: net.yaml has no variant that matches '*ger'\n  variants: small, large\n"
    )
    budget(project, 'models = ["net.yaml:*", "lenet5 --set classes=12"]\nlock = "my.lock"\n')
    assert run("lock").err == "my.lock: 3 models\n"
    assert list(locks.read(project / "my.lock").models) == [
        "lenet5 --set classes=12",
        "net.yaml:large",
        "net.yaml:small",
    ]
    assert run("check").code == 0
    change(project, "  large", "  huge: {width: 32}\n  large")
    done = run("check")
    assert (done.code, "not locked" in done.out) == (1, True)


def test_nothing_to_do(run: Run, project: Path) -> None:
    budget(project, "")
    assert run("lock").err == (
        "error: nothing to lock\n  name models (cnncost lock resnet50), or set models = [...] in cnncost.toml\n"
    )
    (project / "cnncost.lock").write_text("cnncost-lock 1\nconvention cnncost\nend\n")
    assert run("check").err == (
        "error: nothing to check\n"
        "  name models (cnncost check resnet50), lock some, or set models = [...] in cnncost.toml\n"
    )


# Published figures ----------------------------------------------------------------------------------

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


# Formats --------------------------------------------------------------------------------------------


def test_json(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small")
    change(project, "classes: 10", "classes: 11")
    done = run("check", "--format", "json")
    document = json.loads(done.out)
    assert (done.code, document["schema_version"], document["check"]["ok"]) == (1, 1, False)
    (model,) = document["check"]["models"]
    assert model["locked"]["params"] == SMALL_PARAMS
    assert model["changes"][0] == {
        "quantity": "params",
        "old": SMALL_PARAMS,
        "new": SMALL_PARAMS + 513,
        "difference": 513,
    }
    (node,) = model["nodes"]
    assert (node["change"], node["old"]["params"], node["new"]["params"]) == ("changed", 5130, 5643)
    assert node["new"]["place"] == {"file": "net.yaml", "line": 17, "column": 6}
    assert [finding["kind"] for finding in model["findings"]] == ["lock", "lock", "lock", "lock", "node"]


def test_limits_in_json(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small")
    budget(project, '[budgets."net.yaml:small"]\nmax_params = "6.5k"\nmax_macs = "1.5%"\n')
    document = json.loads(run("check", "--format", "json").out)
    params, macs = document["check"]["models"][0]["limits"]
    assert params == {
        "budget": "net.yaml:small",
        "limit": "max_params",
        "written": "6.5k",
        "allowed": 6500,
        "now": SMALL_PARAMS,
        "holds": False,
    }
    assert (macs["allowed"], macs["now"], macs["holds"]) == (SMALL_MACS * 1.015, SMALL_MACS, True)
    assert isinstance(params["allowed"], int)
    assert isinstance(params["now"], int)


def test_github(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("lock", "net.yaml:small")
    change(project, "classes: 10", "classes: 11")
    summary = project / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.parent))
    done = run("check", "--format", "github")
    place = f"file={project.name}/net.yaml,line=5,col=3"
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == [
        f"::error title=cnncost%3A net.yaml%3Asmall,{place}::net.yaml:small:"
        f" params was {SMALL_PARAMS:,} and is {SMALL_PARAMS + 513:,} (+513)"
        f"%0Amacs was {SMALL_MACS:,} and is {SMALL_MACS + 512:,} (+512)"
        "%0Aflops was 730,634 and is 731,659 (+1,025)"
        "%0Aactivation_bytes was 51,240 and is 51,244 (+4)",
        f"::error title=cnncost%3A net.yaml%3Asmall,file={project.name}/net.yaml,line=17,col=6::net.yaml:small:"
        " fc changed: linear(out=11) 512 -> 11",
        "1 model, 0 as in cnncost.lock (convention cnncost)",
    ]  # fmt: skip
    written = summary.read_text()
    assert written.startswith(
        "before\n### Counts that are not as locked\n\n| model | quantity | locked | now |"
    )
    assert "| net.yaml:small | changed | fc | linear(out=11) 512 -> 11 | +513 | +512 | +4 |" in written
    assert written.endswith("1 model, 0 as in cnncost.lock (convention cnncost)\n")


def test_nodes_of_one_line_are_one_annotation(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small")
    change(project, "kernel: 3, pad: 1", "kernel: 1")
    out = run("check", "--format", "github").out
    assert out.count("\n::error ") + out.startswith("::error ") == 2  # the counts, the nodes
    assert (
        "line=9,col=8::net.yaml:small: unit1.conv changed: conv(out=8, bias=false) 3x16x16 -> 8x16x16" in out
    )
    assert " (and 2 more nodes from here)\n" in out


def test_github_of_what_is_installed_names_no_file(run: Run) -> None:
    run("lock", "lenet5")
    lock = Path("cnncost.lock")
    lock.write_text(lock.read_text().replace("\nparams ", "\nparams 1", 1))
    out = run("check", "--format", "github").out
    assert out.startswith("::error title=cnncost%3A lenet5::lenet5: params was ")


def test_github_escapes(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small")
    change(project, "input: [3, 16, 16]", "input: 100%")
    line = run("check", "--format", "github").out.splitlines()[0]
    assert line.startswith(
        "::error title=cnncost%3A net.yaml%3Asmall,file=net.yaml,line=2,col=8::net.yaml:small: net.yaml:2:8: "
    )
    assert "%0A    input: 100%25%0A" in line


def test_summary_that_cannot_be_written(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("lock", "net.yaml:small")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project))
    done = run("check", "--format", "github")
    assert done.err == f"error: $GITHUB_STEP_SUMMARY: {project} cannot be written: Is a directory\n"


def test_junit(run: Run, project: Path) -> None:
    run("lock", "net.yaml:small", "net.yaml:large", "resnet18")
    change(project, "  large: {width: 16}\n", "")
    change(project, "classes: 10", "classes: 11")
    budget(project, '[budgets."resnet18"]\nmax_params = "1M"\n')
    done = run("check", "-o", "report.xml")
    assert (done.code, done.out) == (2, "")
    root = ElementTree.parse(project / "report.xml").getroot()
    (suite,) = root
    assert suite.attrib == {"name": "cnncost", "tests": "9", "failures": "3", "errors": "1"}
    cases = {(case.get("classname"), case.get("name")): [part.tag for part in case] for case in suite}
    assert cases == {
        ("net.yaml:large", "can be counted"): ["error"],
        ("net.yaml:small", "can be counted"): [],
        ("net.yaml:small", "counts as in the lock"): ["failure"],
        ("net.yaml:small", "nodes as in the lock"): ["failure"],
        ("resnet18", "can be counted"): [],
        ("resnet18", "counts as in the lock"): [],
        ("resnet18", "nodes as in the lock"): [],
        ("resnet18", "within the budget"): ["failure"],
        ("resnet18", "published figures agree"): [],
    }
    (failure,) = [part for case in suite for part in case if case.get("classname") == "resnet18"]
    assert failure.get("message") == "params is 11,689,512, over max_params = 1,000,000"


def test_markdown_to_a_file(run: Run, project: Path) -> None:
    run("lock", "lenet5")
    assert run("check", "-o", "check.md").code == 0
    assert (project / "check.md").read_text() == "1 model, 1 as in cnncost.lock (convention cnncost)\n"


def test_unknown_format(run: Run) -> None:
    run("lock", "lenet5")
    assert run("check", "--format", "junt").err == (
        "error: unknown format 'junt': did you mean 'junit'?\n  formats: text, markdown, csv, latex, json, github, junit\n"
    )
    assert run("check", "-o", "x.pdf").err == (
        "error: x.pdf: no format has the suffix '.pdf'\n  pictures: cnncost plot, cnncost draw\n"
        "  suffixes: .txt (text), .md (markdown), .csv (csv), .tex (latex), .json (json), .xml (junit); or pass --format\n"
    )


def test_as_csv_and_as_latex(run: Run, tmp_path: Path) -> None:
    """Only what does not hold has a row: the columns of counts and of budgets in one CSV, a table each in LaTeX."""
    (tmp_path / "cnncost.toml").write_text('models = ["lenet5"]\n[budgets.lenet5]\nmax_params = "1k"\n')
    rows = list(csv.DictReader(run("check", "--format", "csv").out.splitlines()))
    assert [(row["model"], row["limit"], row["now"]) for row in rows] == [
        ("lenet5", "max_params = 1k", "61706")
    ]
    tex = run("check", "--format", "latex", "--label", "tab:budget").out
    assert "\\label{tab:budget}" in tex and "max\\_params = 1k" in tex
