"""The configuration: models, budgets, and whole messages for what is wrong in it."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from cnncost.errors import UsageError
from cnncost.regress import settings
from cnncost.regress.limits import limit
from cnncost.request import Model, Request, Run, parse


@pytest.mark.parametrize(
    ("key", "written", "value", "percent"),
    [
        ("max_params", 4_000_000, 4_000_000, False),
        ("max_params", "4.5M", 4_500_000, False),
        ("max_params", "4_500 k", 4_500_000, False),
        ("max_params", "25e6", 25_000_000, False),
        ("max_params", 25e6, 25_000_000, False),
        ("max_macs", "0.6 G", 600_000_000, False),
        ("max_macs", "5%", 5, True),
        ("max_macs", "+2.5 %", Decimal("2.5"), True),
        ("max_peak_bytes", "32 MiB", 32 * 1024**2, False),
        ("max_peak_bytes", "32MB", 32_000_000, False),
        ("max_peak_bytes", 1024, 1024, False),
        ("max_peak_bytes", "1,024 B", 1024, False),
        ("max_training_bytes", "2GiB", 2 * 1024**3, False),
        ("max_latency", "12 ms", Decimal("0.012"), False),
        ("max_latency", "1.5s", Decimal("1.5"), False),
        ("max_latency", "80 µs", Decimal("0.00008"), False),
    ],
)
def test_limits(key: str, written: object, value: Decimal, percent: bool) -> None:
    read = limit(key, written)
    assert (read.value, read.percent) == (value, percent)


def test_percent_is_over_the_lock() -> None:
    assert limit("max_macs", "5%").over(200) == 210
    assert limit("max_macs", "0%").over(200) == 200
    assert limit("max_macs", "300").over(200) == 300


REFUSED = [
    ('layout = "chw"', "unknown layout 'chw'\n    layout = \"chw\"\n  known: nchw, nhwc"),
    ('launch = "jit"', "unknown launch 'jit'\n    launch = \"jit\"\n  known: eager, graph, compile"),
    ("layout = 3", "layout must be one of nchw, nhwc, not 3\n    layout = 3"),
    ("tf32 = 1", "tf32 must be true or false, not 1\n    tf32 = 1"),
    ("stack = 2.1", "stack must be words of a stack: PyTorch 2.1, not 2.1\n    stack = 2.1"),
    ("max_macs = -5", "max_macs = -5 is negative\n    max_macs = -5\n"
     '  for example: max_macs = "4.5M", or "5%" over the lock'),
    ('max_macs = "-5%"', "max_macs = '-5%' is negative\n    max_macs = \"-5%\"\n"
     '  for example: max_macs = "4.5M", or "5%" over the lock'),
    ('max_macs = "600 MB"', "max_macs = '600 MB' has the unknown unit 'MB'\n    max_macs = \"600 MB\"\n"
     '  units: k, M, G; for example: max_macs = "4.5M", or "5%" over the lock'),
    ('max_latency = "12"', "max_latency = '12' needs a unit\n    max_latency = \"12\"\n"
     '  units: s, ms, us, µs; for example: max_latency = "12 ms"'),
    ('max_latency = "5%"', "max_latency cannot be a percentage: it is not in the lock\n    max_latency = \"5%\"\n"
     '  for example: max_latency = "12 ms"'),
    ('max_peak_bytes = "much"', "max_peak_bytes = 'much' is not a number\n    max_peak_bytes = \"much\"\n"
     '  for example: max_peak_bytes = "32 MiB", or "5%" over the lock'),
    ("max_params = true", "max_params must be a number or a text with a unit\n    max_params = true\n"
     '  for example: max_params = "4.5M", or "5%" over the lock'),
    ("max_params = nan", "max_params = nan is not a number\n    max_params = nan\n"
     '  for example: max_params = "4.5M", or "5%" over the lock'),
    ("max_parms = 3", "unknown limit 'max_parms'\n    max_parms = 3\n  did you mean 'max_params'? known: "
     "max_params, max_macs, max_bops, max_peak_bytes, max_training_bytes, max_latency, max_predicted_latency, measured, on, layout, launch, tf32, stack"),
    ("max_params = [1]", "max_params must be a number or a text with a unit\n    max_params = [1]\n"
     '  for example: max_params = "4.5M", or "5%" over the lock'),
    ('max_latency = "1 s"', "max_latency needs a measurement\n    max_latency = \"1 s\"\n"
     '  write one with `cnncost measure -o run.json` and name it: measured = "run.json"'),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message"), REFUSED, ids=[line for line, _ in REFUSED])
@pytest.mark.parametrize("file", ["cnncost.toml", "pyproject.toml"])
def test_refused_limits(tmp_path: Path, file: str, line: str, message: str) -> None:
    prefix = "" if file == "cnncost.toml" else "tool.cnncost."
    text = f'# budgets\n[{prefix}budgets."*"]\nmax_macs = 5\n\n[{prefix}budgets."nets/[ab]*.yaml"]\n{line}\n'
    assert refused(tmp_path, text, file) == f"DIR/{file}:6:1: {message}"


def refused(tmp_path: Path, text: str, file: str = "cnncost.toml") -> str:
    path = tmp_path / file
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        settings.read(path)
    return str(caught.value).replace(str(tmp_path), "DIR")


def test_refused_settings(tmp_path: Path) -> None:
    assert refused(tmp_path, "model = []") == (
        "DIR/cnncost.toml:1:1: unknown key 'model'\n    model = []\n"
        "  did you mean 'models'? known: models, lock, convention, published, budgets"
    )
    assert refused(tmp_path, 'models = "resnet50"') == (
        "DIR/cnncost.toml:1:1: models must be a list of models, not 'resnet50'\n    models = \"resnet50\""
    )
    assert refused(tmp_path, "models = [1]") == (
        "DIR/cnncost.toml:1:1: models must be a list of texts\n    models = [1]\n"
        '  for example: models = ["resnet50"]'
    )
    assert refused(tmp_path, 'convention = "cnncots"') == (
        "DIR/cnncost.toml:1:1: unknown convention 'cnncots'\n    convention = \"cnncots\"\n"
        "  did you mean 'cnncost'?"
    )
    assert refused(tmp_path, "[budgets]\nmax_params = 3") == (
        "DIR/cnncost.toml:2:1: budgets: 'max_params' is not a table of limits of a model\n"
        '    max_params = 3\n  for example: [budgets."resnet*"]'
    )
    assert refused(tmp_path, "\n[budgets.resnet50]\n") == (
        "DIR/cnncost.toml:2:1: the budget of 'resnet50' limits nothing\n    [budgets.resnet50]\n"
        "  limits: max_params, max_macs, max_bops, max_peak_bytes, max_training_bytes, max_latency, max_predicted_latency"
    )
    assert refused(tmp_path, "models = [").startswith("DIR/cnncost.toml: not valid TOML: ")
    with pytest.raises(UsageError, match=r"absent\.toml: no such file"):
        settings.read(tmp_path / "absent.toml")


def test_everything(tmp_path: Path) -> None:
    path = tmp_path / "cnncost.toml"
    path.write_text(
        'models = ["resnet50 --set classes=10"]\nlock = "x.lock"\nconvention = "fvcore"\npublished = false\n'
        '[budgets."res*"]\nmax_params = "26M"\nmax_latency = "1 ms"\nmeasured = "run.json"\n'
    )
    read = settings.read(path)
    assert read[:5] == (path, ("resnet50 --set classes=10",), "x.lock", "fvcore", False)
    (budget,) = read.budgets
    assert (budget.pattern, budget.measured, budget.place.line) == ("res*", "run.json", 5)
    assert [item.key for item in budget.limits] == ["max_params", "max_latency"]
    assert budget.matches("resnet50 --set classes=10", "resnet50")
    assert not budget.matches("vgg16", "vgg16")


def test_the_readmes_configuration(tmp_path: Path) -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    (block,) = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    path = tmp_path / "cnncost.toml"
    path.write_text(block)
    assert [item.key for item in settings.read(path).budgets[0].limits] == [
        "max_params",
        "max_macs",
        "max_peak_bytes",
    ]


def test_where_settings_are_found(tmp_path: Path) -> None:
    assert settings.find(tmp_path) is None
    project = tmp_path / "pyproject.toml"
    project.write_text("[project]\nname = 'x'\n")
    assert settings.find(tmp_path) is None
    project.write_text("[project]\nname = 'x'\n[tool.cnncost]\nmodels = ['vgg16']\n")
    assert settings.find(tmp_path) == project
    assert settings.read(project).models == ("vgg16",)
    own = tmp_path / "cnncost.toml"
    own.write_text("")
    assert settings.find(tmp_path) == own


@pytest.mark.parametrize(
    "text",
    [
        "resnet50",
        "nets/a.yaml:small --input 3x64x64 --set depth=3 --set width=2 --batch 8 --dtype float16 --mode train",
        "'my nets/a.yaml'",
        "resnet50 --set 'depths=[1, 2]'",
    ],
)
def test_requests_come_back(text: str) -> None:
    assert parse(text).text() == text


def test_requests_are_canonical() -> None:
    assert parse("resnet50 --set b=2 --set a=1 --batch 1").text() == "resnet50 --set a=1 --set b=2"
    assert parse("resnet50 --batch 4") == Request(Model("resnet50"), Run(batch=4))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' does not name a model\n  for example: resnet50 --set classes=10"),
        ("--set a=1", "'--set a=1' does not name a model\n  for example: resnet50 --set classes=10"),
        ("'a", "\"'a\" does not name a model: no closing quotation"),
        ("a --bach 3", "'a --bach 3': unknown option '--bach': did you mean '--batch'?\n"
         "  options: --input, --road, --batch-axis, --set, --batch, --dtype, --mode, --bits, --allow-unknown,"
         " --fold-bn"),
        ("a --batch", "'a --batch': --batch needs a value"),
        ("a --batch 0", "'a --batch 0': --batch '0' is not a whole number, at least 1"),
        ("a --input 3,4", "'a --input 3,4': --input '3,4' is not a size\n  for example: --input 3x256x256"),
        ("a --set 3", "'a --set 3': --set '3' is not name=value\n  for example: --set classes=10"),
    ],
)  # fmt: skip
def test_refused_requests(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert str(caught.value) == message
