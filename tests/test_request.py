"""The question: a Model and a Run, their options on every command, and what carries them."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Optional, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnncost
from cnncost import models, report
from cnncost.cli.main import COMMANDS, MODULES
from cnncost.cli.spread import Asks, asks, spread
from cnncost.errors import UsageError
from cnncost.regress import check, names
from cnncost.request import Model, Option, Request, Run, Training, parse

WORDS = st.text(min_size=1, max_size=6).filter(lambda text: "=" not in text and text.isprintable())
MODELS = st.builds(
    Model,
    WORDS.filter(lambda text: not text.startswith("-")),
    st.none() | st.lists(st.integers(1, 999), min_size=1, max_size=4).map(tuple),
    st.dictionaries(WORDS, WORDS, max_size=3).map(lambda given: tuple(sorted(given.items()))),
    st.just(()),
    allow_unknown=st.booleans(),
    fold_bn=st.booleans(),
    bits=st.lists(WORDS, max_size=2).map(tuple),
)
RUNS = st.builds(
    Run,
    st.integers(1, 10**6),
    st.sampled_from(["float32", "int8"]),
    st.sampled_from(["eval", "train"]),
    st.just("cnncost"),
    st.none(),
    st.none(),
    st.none(),
    st.none(),
    st.just(False),
    st.none(),
    st.none(),
    st.none(),
)


@given(MODELS, RUNS)
def test_a_text_form_comes_back(model: Model, run: Run) -> None:
    asked_for = None if run.dtype == "float32" else run.dtype  # an import has its own unless it is asked
    request = Request(model._replace(dtype=asked_for), run)
    assert parse(request.text()) == request


def test_keyword_arguments_stand_as_set() -> None:
    model = Model("nets:Net", set=(("depth", "2"),), kwargs=(("classes", "10"),))
    assert Request(model).text() == "nets:Net --set classes=10 --set depth=2"
    assert model.arguments == {"classes": "10", "depth": "2"}


def test_every_field_has_a_help_text() -> None:
    for kind in (Model, Run, Training):
        for name, hint in get_type_hints(kind, include_extras=True).items():
            option = get_args(hint)[1]
            assert isinstance(option, Option) and option.help.endswith("."), name


@pytest.mark.parametrize("command", COMMANDS)
def test_options_come_from_the_fields(command: str) -> None:
    """No command declares an option of these itself; `export` fixes a batch or leaves it open."""
    module = importlib.import_module(f"cnncost.cli.{MODULES.get(command, command)}")
    fields = {*Model._fields, *Run._fields, *Training._fields}
    loose = fields & inspect.signature(module.command).parameters.keys()
    own = {"convention"} if command in ("reconcile", "lock", "check") else set()  # several, or the project's
    own |= {"layout"} if command in ("measure", "calibrate") else set()  # of what runs here, not predicted
    own |= {"runtime"} if command == "memory" else set()  # eager PyTorch is one there
    assert loose <= {"spec", *own, *(["batch"] if command == "export" else [])}


def called(command: Callable[..., None], **given: Any) -> None:
    """A spread command as typer calls it: the defaults, and what is given."""
    parameters = inspect.signature(spread(command)).parameters.values()
    defaults = {each.name: each.default for each in parameters if each.default is not each.empty}
    spread(command)(**{**defaults, **given})


def test_a_command_is_spread() -> None:
    seen: list[Any] = []

    def command(
        models: list[Model],
        run: Annotated[Run, asks("batch", "mode", device="Its own words.")] = Run(batch=2, device="meta"),
        by: str = "layer",
    ) -> None:
        seen.append((models, run, by))

    parameters = inspect.signature(spread(command)).parameters
    assert list(parameters) == [
        "specs", "input", "set", "kwargs", "allow_unknown", "road", "batch_axis", "batch",
        "mode", "device", "by",
    ]  # fmt: skip
    assert parameters["batch"].default == 2
    assert get_args(parameters["device"].annotation)[1].help == "Its own words."
    called(command, specs=["alexnet"])
    called(command, specs=["a", "m:f"], input=["64"], set=["x=1"], kwargs='{"y": 2}', batch=0, by="op")
    assert seen == [
        ([Model("alexnet")], Run(2, device="meta"), "layer"),
        (
            [
                Model("a", (64,), (("x", "1"),)),
                Model("m:f", (64,), (("x", "1"),), (("y", "2"),)),
            ],
            Run(0, device="meta"),
            "op",
        ),
    ]


def test_nothing_given_is_none() -> None:
    seen: list[Any] = []

    def command(
        changed: Annotated[Optional[Model], asks("input", "allow_unknown")] = None,
        run: Annotated[Optional[Run], asks("batch", "dtype")] = None,
    ) -> None:
        seen.append((changed, run))

    called(command)
    called(command, batch=1)
    called(command, allow_unknown=True)
    assert seen == [(None, None), (None, Run()), (Model("", allow_unknown=True), None)]


def test_folding_is_for_inference() -> None:
    def command(
        model: Annotated[Model, asks("spec", "fold_bn")], run: Annotated[Run, asks("mode")] = Run()
    ) -> None:
        raise AssertionError

    with pytest.raises(UsageError) as caught:
        called(command, spec="resnet18", fold_bn=True, mode="train")
    assert str(caught.value) == (
        "--fold-bn is for inference: training needs its batch norms\n  drop --mode train"
    )
    assert asks("a", b="c") == Asks(("a", "b"), {"b": "c"})


def test_a_report_carries_what_was_asked() -> None:
    graph = cnncost.load("lenet5", set={"classes": 4})
    found = cnncost.analyze(graph, batch=3, convention="fvcore")
    assert found.model == Model("lenet5", set=(("classes", 4),))
    assert found.run == Run(3, convention="fvcore")
    assert report.document([found])["request"] == {
        "models": [
            {
                "spec": "lenet5", "input": None, "set": {"classes": 4}, "kwargs": {}, "allow_unknown": False,
                "road": None, "batch_axis": None, "dtype": None, "fold_bn": False, "bits": [],
            }
        ],
        "run": {"batch": 3, "dtype": "float32", "mode": "eval", "convention": "fvcore", "device": None,
            "on": None, "layout": None, "launch": None, "no_tf32": False, "stack": None, "runtime": None, "precision": None,
        },
    }  # fmt: skip


ASKED = {
    "table lenet5 --set classes=4 -b 3": (["lenet5"], {"batch": 3}),
    "compare lenet5 alexnet --dtype float16": (
        ["lenet5", "alexnet"],
        {"dtype": "float16", "precision": "float16"},
    ),
    "reconcile lenet5 -b 2": (["lenet5"], {"batch": 2}),
    "explain lenet5 -c fvcore": (["lenet5"], {"convention": "fvcore"}),
    "memory lenet5 --train": (["lenet5"], {"mode": "train"}),
    "verify lenet5": (["lenet5"], {"batch": 2, "device": "meta"}),
    "diff lenet5 alexnet": (["lenet5", "alexnet"], {}),
    "predict lenet5 --on t4 -b 2": (["lenet5"], {"batch": 2, "on": "t4"}),
    "list --convention keras": (None, {"convention": "keras"}),
}


@pytest.mark.parametrize("line", ASKED)
def test_every_json_says_what_was_asked(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    from cnncost.cli.main import app

    app([*line.split(), "--format", "json"], standalone_mode=False)
    request = json.loads(capsys.readouterr().out)["request"]
    specs, run = ASKED[line]
    assert [model["spec"] for model in request.get("models", [])] == (specs or [])
    assert request["run"] == {**Run()._asdict(), **run}


def test_a_training_budget_loads_the_model_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnncost.analysis.conventions import convention
    from cnncost.errors import Place
    from cnncost.regress.limits import limit
    from cnncost.regress.settings import Budget

    loaded: list[Model] = []
    graph = models.graph

    def counted(model: Model, batch: int, mode: str) -> cnncost.Graph:
        loaded.append(model)
        return graph(model, batch, mode)

    monkeypatch.setattr(models, "graph", counted)
    budget = Budget("googlenet", (limit("max_training_bytes", "1 GiB"),), None, Place("x", 1, 1))
    (found,) = check.check(
        names.named(["googlenet"], Path()), convention("cnncost"), base=Path(), budgets=[budget]
    ).models
    assert loaded == [Model("googlenet")]
    assert found.now is not None and found.now.run == Run()
    from cnncost.execution.training import training_memory

    assert found.limits[0].now == training_memory(cnncost.load("googlenet")).peak  # training heads included
