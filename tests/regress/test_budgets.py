"""Budgets of a project: absolute and in percent, training memory, measured latency, what is misspelt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from regress.conftest import Run
from regress.specs import SMALL_MACS, budget, change, write

from cnncost.regress import lock as locks


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
