"""Numbers of callers and files: whole where they must be, or refused by name; JSON that is plain and finite."""

from __future__ import annotations

import contextlib
import inspect
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import cnncost
from cnncost.border import ARGUMENTS, file_text, parse_json
from cnncost.cli.main import app
from cnncost.errors import CnncostError, UsageError
from cnncost.execution.training import training_memory
from cnncost.measure.files import read
from cnncost.regress.limits import KINDS, Refused, limit

MACS = 4_089_184_256
"""ResNet-50's, one image."""

WHOLE = [np.int8(2), np.int16(2), np.int32(2), np.int64(2), np.uint8(2), np.uint64(2), torch.tensor(2), 2]
NOT_WHOLE = [
    (2.5, "2.5 (float)"), (2.0, "2.0 (float)"), (True, "True (bool)"), ("2", "'2' (str)"),
    (np.bool_(True), "np.True_ (bool)"), (np.float32(2), "np.float32(2.0) (float32)"), (math.nan, "nan (float)"),
]  # fmt: skip


def _id(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__name__}({value})"


@pytest.mark.parametrize("batch", WHOLE, ids=_id)
def test_whole_numbers_of_every_library_are_batches(batch: Any) -> None:
    """Counted in Python's whole numbers: 8 bits of NumPy do not wrap around. JSON takes the report."""
    report = cnncost.analyze(cnncost.load("resnet50"), batch=batch)
    assert (report.totals.macs, type(report.totals.macs), report.batch) == (2 * MACS, int, 2)
    assert json.loads(json.dumps(report.to_dict()))["batch"] == 2
    assert training_memory(cnncost.load("lenet5"), batch=batch) == training_memory(
        cnncost.load("lenet5"), batch=2
    )


@pytest.mark.parametrize(("batch", "named"), NOT_WHOLE)
def test_what_is_no_whole_number_is_refused_by_name(batch: Any, named: str) -> None:
    for ask in (cnncost.analyze, training_memory):
        with pytest.raises(UsageError) as error:
            ask(cnncost.load("lenet5"), batch=batch)
        word = "batch" if ask is cnncost.analyze else "a batch"
        assert str(error.value) == f"{word} is a whole number, not {named}"


def test_batches_from_1_to_where_numbers_end() -> None:
    graph = cnncost.load("resnet50")
    assert cnncost.analyze(graph, batch=10**30).totals.macs == 10**30 * MACS
    for batch, message in (
        (0, "at least 1, not 0"),
        (-3, "at least 1, not -3"),
        (10**5000, f"at most {10**30:,}"),
    ):
        with pytest.raises(UsageError) as error:
            cnncost.analyze(graph, batch=batch)
        assert str(error.value).removeprefix("a ") == f"batch is {message}"


@pytest.mark.parametrize(
    "input",
    [np.array([3, 96, 96]), torch.Size([3, 96, 96]), (np.int64(3), 96, torch.tensor(96)), [3, 96, 96]],
)
def test_inputs_of_every_library(input: Any) -> None:
    graph = cnncost.load("resnet18", input=input)
    assert graph.input_shape == (3, 96, 96) and set(map(type, graph.input_shape)) == {int}
    module = torch.nn.Conv2d(3, 8, 3)
    assert cnncost.analyze(module, input).totals.macs == 8 * 94 * 94 * 27


@pytest.mark.parametrize("input", [(3, 96.0, 96), (True, 96, 96), (3, "96", 96)])
def test_inputs_that_are_none(input: Any) -> None:
    with pytest.raises(
        UsageError, match=r"input sizes must be whole numbers|the input of a spec is its sizes"
    ):
        cnncost.load("resnet18", input=input)
    with pytest.raises(UsageError, match="an input size is a whole number, not "):
        cnncost.analyze(torch.nn.Conv2d(3, 8, 3), input)


# Files of measurements

ENTRY: dict[str, Any] = {
    "model": "lenet5",
    "setting": {
        "batch": 1,
        "dtype": "float32",
        "layout": "nchw",
        "mode": "eval",
        "graph": False,
        "compile": False,
    },
    "seconds": {"median": 0.002, "low": 0.001, "high": 0.003},
    "images_per_second": 500.0,
    "macs": 416_520,
    "memory": {"peak": 5000, "predicted": 4000},
    "environment": {"cpu": "Example", "threads": 2},
}
FIELDS = [
    (key, inner) for key, value in ENTRY.items() for inner in (value if isinstance(value, dict) else [None])
]
BOTH_WAYS = ("images_per_second", "peak", "predicted")
"""Fields that may be null: what was not measured."""


def changed(key: str, inner: str | None, value: Any) -> dict[str, Any]:
    entry = json.loads(json.dumps(ENTRY))
    if inner is None:
        entry[key] = value
    else:
        entry[key][inner] = value
    return entry  # type: ignore[no-any-return]


def a_file(folder: Path, entry: Any) -> Path:
    path = folder / "run.json"
    path.write_text(json.dumps({"schema_version": 1, "measured": [entry]}))
    return path


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    (one,) = read(a_file(tmp_path, ENTRY))
    assert (one.seconds, one.macs, one.peak_bytes, one.setting.device) == (
        0.002,
        416_520,
        5000,
        "Example, 2 threads",
    )
    (one,) = read(a_file(tmp_path, ENTRY | {"memory": None, "images_per_second": None}))
    assert (one.peak_bytes, one.images_per_second) == (None, None)


@pytest.mark.parametrize(("key", "inner"), FIELDS)
@pytest.mark.parametrize(
    "value", [-1, math.nan, math.inf, "0.0001", [], {}, None, 10**400, True, 0.5, "drop"]
)
def test_every_field_is_checked(key: str, inner: str | None, value: Any, tmp_path: Path) -> None:
    """Whatever stands in a field: it is read as what it must be, or the message names the field."""
    entry = changed(key, inner, value)
    if value == "drop":
        del (entry if inner is None else entry[key])[inner or key]
    try:
        (one,) = read(a_file(tmp_path, entry))
    except UsageError as error:
        place = f"measured[0].{key}" + (f".{inner}" if inner and value != 0.5 else "")  # 0.5 s: low > median
        assert str(error).startswith(
            (f"{tmp_path / 'run.json'}: {place}", f"{tmp_path / 'run.json'}: not JSON: ")
        )
        return
    assert (
        all(0 < number < 2**63 for number in (one.seconds, one.low, one.high))
        and one.low <= one.seconds <= one.high
    )
    assert isinstance(one.macs, int) and isinstance(one.setting.batch, int)
    text = (key, inner) == ("model", None) or inner in ("dtype", "layout", "mode", "cpu")
    assert text or value in (None, 0.5, True, "drop") or inner in BOTH_WAYS, (key, inner, value)


@pytest.mark.parametrize(
    ("key", "inner", "value", "message"),
    [
        ("seconds", "median", -1, "measured[0].seconds.median must be a number above 0, not -1"),
        ("seconds", "median", 0, "measured[0].seconds.median must be a number above 0, not 0"),
        ("seconds", "median", "0.0001", "measured[0].seconds.median must be a number above 0, not '0.0001'"),
        ("seconds", "median", None, "measured[0].seconds.median must be a number above 0, not None"),
        ("seconds", "median", [], "measured[0].seconds.median must be a number above 0, not a list"),
        ("seconds", "median", 0.5, "measured[0].seconds.median must be from low to high, and 0.001 <= 0.5 <= 0.003 is not"),
        ("macs", None, 2.5, "measured[0].macs must be a whole number from 0, not 2.5"),
        ("setting", "batch", 0, "measured[0].setting.batch must be a whole number from 1, not 0"),
        ("setting", None, 3, "measured[0].setting must be an object, not 3"),
        ("environment", "cpu", 7, "measured[0].environment.cpu must be a text, not 7"),
        ("seconds", "median", math.nan, "not JSON: NaN is no number of JSON"),
    ],
)  # fmt: skip
def test_messages_of_measurements(
    key: str, inner: str | None, value: Any, message: str, tmp_path: Path
) -> None:
    path = a_file(tmp_path, changed(key, inner, value))
    with pytest.raises(UsageError) as error:
        read(path)
    cure = "cnncost measure resnet50 -o run.json writes one" if "JSON" in message else "measure again"
    assert str(error.value) == f"{path}: {message}\n  {cure}"


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ENTRY, *(i for _, i in FIELDS if i), "x"]), inner)
), max_leaves=15))  # fmt: skip
def test_any_json_is_measurements_or_refused(tmp_path_factory: pytest.TempPathFactory, entry: Any) -> None:
    path = a_file(tmp_path_factory.mktemp("any"), entry)
    with pytest.raises(UsageError):
        read(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "it is nested too deeply"),
        ("Infinity", "Infinity is no number of JSON"),
        ("1" * 5000, "Exceeds the limit (4300 digits)"),
    ],
    ids=["nested", "infinite", "long"],
)
def test_json_that_python_would_choke_on(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_json(text)
    assert str(error.value).startswith(reason)


@pytest.mark.parametrize("key", KINDS)
@pytest.mark.parametrize(
    "value", [math.inf, -math.inf, math.nan, "inf", "nan", "1e400", "1e999999999", -1, True, [], None]
)
def test_limits_are_finite(key: str, value: Any) -> None:
    with pytest.raises(Refused) as refused:
        limit(key, value)
    assert str(refused.value).startswith(key)


OPTIONS: dict[str, Callable[[], Any]] = {
    "max_macs nan is not a number from 0": lambda: _listed(max_macs=math.nan),
    "max_params inf is not a number from 0": lambda: _listed(max_params=math.inf),
    "max_macs -1.0 is not a number from 0": lambda: _listed(max_macs=-1.0),
    "year '2015-2010' ends before it begins": lambda: _listed(years="2015-2010"),
}


def _listed(**given: Any) -> None:
    cnncost.zoo(family="lenet", **given)


@pytest.mark.parametrize("message", OPTIONS)
def test_filters_that_let_nothing_through_are_refused(message: str) -> None:
    with pytest.raises(CnncostError) as error:
        OPTIONS[message]()
    assert str(error.value).partition("\n")[0] == message


def test_files_are_read_with_a_mark_with_other_line_ends_and_never_without_end(tmp_path: Path) -> None:
    """Windows writes a mark in front and `\\r\\n`; a link of a stranger may lead to a device that never ends."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n")
    assert file_text(path) == "a\nb\nc\n"
    with pytest.raises(UnicodeDecodeError):
        path.write_bytes(b"\xff")
        file_text(path)
    with pytest.raises(FileNotFoundError):
        file_text(tmp_path / "a\0b")
    if Path("/dev/zero").exists():
        with pytest.raises(UsageError) as error:
            file_text(Path("/dev/zero"), 1000)
        assert str(error.value) == "/dev/zero: larger than 1,000 bytes, so it is not read"


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a system without /dev/zero")
@pytest.mark.parametrize(
    "line",
    [
        "check --lock zero.lock", "check --budget zero.toml", "report lenet5 --measured zero.json -o a.html", "grade zero.csv --sheet sheet.json",
        "grade a.csv --sheet zero.json", "search lenet5 --vary classes=2,3 --resume zero.journal", "table zero.yaml",
        "predict lenet5 --on ./zero.yaml",
    ],
)  # fmt: skip
def test_a_link_to_what_never_ends(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for module in (
        "regress.lock",
        "regress.settings",
        "measure.files",
        "teaching.reading",
        "teaching.sheet",
        "choosing.journal",
    ):
        monkeypatch.setattr(f"cnncost.{module}.file_text", lambda path, *_, **__: file_text(path, 100_000))
    for suffix in ("lock", "toml", "json", "csv", "journal", "yaml"):
        Path(f"zero.{suffix}").symlink_to("/dev/zero")
    with contextlib.suppress(SystemExit):
        app(["exercise", "lenet5", "-o", "sheet.json"])
    with pytest.raises(CnncostError, match="larger than"):
        app(line.split(), standalone_mode=False)


# Arguments of public functions: whatever their names, one border

FUNCTIONS = {
    name: inspect.signature(getattr(cnncost, name))
    for name in cnncost.__all__
    if not isinstance(getattr(cnncost, name), type)
}
USUAL: dict[str, tuple[Any, ...]] = {
    "audit": (), "build": (cnncost.load("lenet5"),), "calibrated": ("a.yaml",), "diff": ("lenet5", "lenet5_1998"), "explain": ("lenet5",),
    "export": ("lenet5", "a.onnx"), "grade": (cnncost.exercise("lenet5"), {}), "plot": ("layers", "lenet5"), "schema": (), "zoo": (), "search": ("lenet5", ["classes=2,3"]),
}  # fmt: skip
"""What a function needs, where that is not a model."""
DEVICES = {"latency": {"on": "t4"}, "training_run": {"on": "t4", "images": 9, "epochs": 1}}
WRONG: dict[str, list[Any]] = {
    "int": [True, 2.5, 2.0, "2", math.nan, np.bool_(True), np.float32(2), [2], None, 10**400],
    "float": [True, "2", math.nan, math.inf, np.bool_(True), [2.0], None, 10**400, 1j, np.array([2.0])],
    "bool": [1, 0, "false", None, np.int8(1), []],
    "str": [1, True, None, b"x", ["x"], 2.5],
    "Sequence[str]": ["text", b"text", 7, None, [7], {"a": 1}],
}
ASKED = [
    (name, parameter.name, kind, "None" in parameter.annotation)
    for name, signature in FUNCTIONS.items()
    for parameter in signature.parameters.values()
    for kind in [parameter.annotation.replace(" | None", "")]
    if kind in WRONG
]


def _ask(name: str, argument: str, value: Any) -> Any:
    parameters = FUNCTIONS[name].parameters
    args = list(USUAL.get(name, ("lenet5",)))
    kwargs: dict[str, Any] = dict(DEVICES.get(name, {}))
    place = list(parameters).index(argument)
    if parameters[argument].kind is inspect.Parameter.VAR_KEYWORD:
        kwargs["max_macs"] = value
    elif parameters[argument].kind is inspect.Parameter.VAR_POSITIONAL:
        args = [value]
    elif place < len(args):
        args[place] = value
    else:
        kwargs[argument] = value
    return getattr(cnncost, name)(*args, **kwargs)


def test_the_border_knows_every_kind_of_argument() -> None:
    """An argument of a size, a count, a word is one of these; a new kind of annotation is looked at here."""
    assert set(WRONG) == set(ARGUMENTS) and len(ASKED) > 150
    others = {
        parameter.annotation
        for signature in FUNCTIONS.values()
        for parameter in signature.parameters.values()
    } - {kind + optional for kind in WRONG for optional in ("", " | None")}
    assert others == {
        "str | Graph | nn.Module", "ModelLike", "Graph", "ModelLike | Report", "Exercise", "Any",  # models and results
        "Sequence[int] | Tensor | None", "Sequence[int] | None", "Sequence[int | str] | int | str | None",  # tested above
        "Sequence[Any]", "Mapping[str, Any]", "Mapping[str, Any] | None", "Mapping[int, str]",  # of a call's own
        "str | Convention", "BatchAxis", "str | Sequence[str]", "Sequence[str] | Mapping[str, Sequence[Any]]",
        "str | Path", "str | Path | None", "Objective | None",
    }  # fmt: skip


@pytest.mark.parametrize(("name", "argument", "kind", "optional"), ASKED, ids=lambda value: str(value))
def test_every_argument_of_every_public_function_is_checked(
    name: str, argument: str, kind: str, optional: bool
) -> None:
    """Refused by name before any work: a bool is no count, a text no list, a number that is none no limit."""
    varies = argument if argument != "limits" else "max_macs"
    for value in WRONG[kind]:
        if value is None and optional:
            continue
        with pytest.raises(UsageError) as error:
            _ask(name, argument, value)
        words = {
            "int": "a whole number, not|at most", "float": "a number, not|a finite number, not", "bool": "True or False, not",
            "str": "a text, not", "Sequence[str]": "a list of texts, not|a text, not",
        }  # fmt: skip
        if argument == "limits":
            assert str(error.value).startswith("max_macs ")
            continue
        assert re.match(rf"(each of )?{varies} is ({words[kind]})", str(error.value)), str(error.value)


def test_numbers_of_other_libraries_do_not_wrap_around() -> None:
    """A price in 8 bits times a million, a memory in 8 bits less the weights, a limit in 16 bits."""
    assert (
        cnncost.latency("lenet5", on="t4", price=np.int8(3), watts=torch.tensor(50.0)).to_dict()
        == cnncost.latency("lenet5", on="t4", price=3, watts=50.0).to_dict()
    )
    assert (
        cnncost.memory("lenet5", fits=np.int32(2**30)).to_dict()
        == cnncost.memory("lenet5", fits=2**30).to_dict()
    )
    assert cnncost.zoo(max_params=np.int32(70_000)).to_dict() == cnncost.zoo(max_params=70_000).to_dict()
    float16 = cnncost.analyze("lenet5", dtype=torch.float16)  # type: ignore[arg-type]
    assert float16 == cnncost.analyze("lenet5", dtype="float16")


ONE_SIDE = [(64, (3, 64, 64)), (np.int64(64), (3, 64, 64)), ("3x64x64", (3, 64, 64)), ((64,), (3, 64, 64))]


@pytest.mark.parametrize(("given", "shape"), ONE_SIDE, ids=str)
def test_an_input_as_the_command_line_has_it(given: Any, shape: tuple[int, ...]) -> None:
    assert cnncost.load("resnet18", input=given).input_shape == shape


@pytest.mark.parametrize("given", [(), [], {}, {"image": (3, 64, 64)}, b"3x64x64", 1.5])
def test_what_is_no_input(given: Any) -> None:
    with pytest.raises(UsageError) as error:
        cnncost.load("resnet18", input=given)
    shown = {"dict": "a dict", "list": "a list"}.get(type(given).__name__, repr(given))
    assert str(error.value) == (
        f"input is {shown}, not a shape without the batch\n"
        "  for example: (3, 224, 224); several: ['image=3x224x224', 'ids=128']"
    )


UNASKED = [
    ({"loss": "cross_entropy"}, "loss is of a training step\n  pass train=True"),
    ({"micro_batches": 4}, "micro_batches is of a training step\n  pass train=True"),
    ({"held": ["*.bn"]}, "held is of a training step\n  pass train=True"),
    ({"patches": 2}, "patches is of a runtime's arena\n  name one: runtime tflm"),
    ({"runtime": "tflm", "train": True}, "runtime is inference on a device: it does not use train\n  drop train"),
    ({"runtime": "tflm", "round_to": 512}, "runtime is inference on a device: it does not use round_to\n  drop round_to"),
    ({"plan_for": 2**30, "loss": "cross_entropy"}, "loss is not of a plan, which is made without one\n  drop loss"),
    ({"round_to": 0}, "round_to 0 is not a number of bytes\n  CUDA's allocator rounds to 512"),
    ({"fits": 0}, "what is to fit into is at least 1, not 0"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), UNASKED, ids=lambda value: str(value)[:30])
def test_memory_ignores_nothing_that_is_asked_for(given: dict[str, Any], message: str) -> None:
    """In Python, too: a loss without a training step would be a figure without it, and no word."""
    with pytest.raises(UsageError) as error:
        cnncost.memory("lenet5", **given)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: cnncost.pick("zoo", max_macs=1e9, batch=8), "batch is of a predicted time, and no device is named"),
        (lambda: cnncost.zoo(batch=8), "batch is of a predicted time, and no device is named"),
        (lambda: cnncost.search("lenet5", ["classes=2,3"], batch=8), "batch is of a predicted time, and no device is named"),
        (lambda: cnncost.load("lenet5", road="fx"), "road is for a network that is imported, which lenet5 is not"),
        (lambda: cnncost.analyze("lenet5", batch_axis=1), "batch_axis=1"),
        (lambda: cnncost.export("lenet5", "a.onnx", batch=0), "a batch is at least 1, not 0"),
        (lambda: cnncost.export("lenet5", "a.onnx", batch=2**40), "a batch is at most 2,147,483,647"),
        (lambda: cnncost.measured("lenet5", seconds=0), "seconds 0 is not a number of seconds above 0"),
        (lambda: cnncost.build("lenet5"), "build needs a graph, not str"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_what_is_given_is_used_or_refused(ask: Callable[[], Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        ask()
    first = str(error.value).partition("\n")[0]
    assert first == message or (message == "batch_axis=1" and first.startswith("batch_axis")), first
