"""cnncost predict: bounds of a data sheet by hand, a calibrated device, money, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from predict.profiles import profile

import cnncost
from cnncost import devices, units
from cnncost.cli.main import app
from cnncost.errors import UsageError
from cnncost.predict import as_document
from cnncost.predict import predict as of_model


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's calibrated device: one profile of float32 and one of float16."""
    monkeypatch.chdir(tmp_path)
    found = [as_document(profile()), as_document(profile(dtype="float16", layout="nhwc", autocast=True))]
    Path("mine.yaml").write_text(yaml.safe_dump({"name": "My card", "memory": "8GB", "profiles": found}))
    return "./mine.yaml"


def said(capsys: pytest.CaptureFixture[str], call: str) -> str:
    app(call.split(), standalone_mode=False)
    return capsys.readouterr().out


def answered(capsys: pytest.CaptureFixture[str], call: str) -> Any:
    return json.loads(said(capsys, f"{call} --format json"))


def test_a_data_sheet_gives_bounds_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """AlexNet's fc6 on a T4 reads 37.8 M weights at 320 GB/s; nothing is called calibrated."""
    (model,) = answered(capsys, "predict alexnet --on t4")["models"]
    found = model["predicted"]
    assert found["calibrated"] is False and found["high_ms"] is None
    assert (
        found["low_ms"]
        == found["latency_ms"]
        == pytest.approx(sum(row["predicted"]["latency_ms"] for row in model["rows"]))
    )
    fc6 = next(row for row in model["rows"] if row["name"] == "fc6")["predicted"]
    assert fc6["latency_ms"] == pytest.approx(1e3 * 4 * (9216 + 4096 + 37752832) / 320e9)
    assert (fc6["bound"], fc6["calibrated"], fc6["high_ms"]) == ("traffic", False, None)
    assert fc6["images_per_second"] == pytest.approx(1e3 / fc6["latency_ms"])
    conv3 = next(row for row in model["rows"] if row["name"] == "conv3")
    assert conv3["predicted"]["latency_ms"] == pytest.approx(
        1e3 * max(conv3["flops"] / 8.1e12, conv3["traffic_bytes"] / 320e9)
    )
    text = said(capsys, "predict alexnet --on t4")
    assert "latency at least" in text and "images/s at most" in text
    assert "\nNot calibrated, by the data sheet alone (NVIDIA T4 data sheet;" in text


@pytest.mark.parametrize("on", devices.names())
def test_what_is_not_asked_is_as_the_device_is_calibrated(on: str) -> None:
    """Every device of ours answers where nothing but its name is given, in float32 if it knows that."""
    device = devices.device(on)
    found = of_model(cnncost.load("lenet5"), device)
    assert found.calibrated == bool(device.profiles)
    of = {
        (each["dtype"], each["layout"], each["launch"]) for each in device.profiles if each["mode"] == "eval"
    }
    known = {dtype for dtype, _, _ in of} or {*device.peaks}
    precision = found.setting.partition(" ")[0].rstrip(",")
    assert (precision == "float32") == ("float32" in known) and precision in known
    if of:
        dtype, layout, launch, mode = re.sub(r" \(\w+\)", "", found.setting).split(", ")
        assert (dtype, layout, launch) in of and mode == "eval"
        assert launch == "eager" or not any(way == "eager" for _, _, way in of)


def test_what_is_in_float32_runs_as_the_device_is_calibrated(tmp_path: Path) -> None:
    """An import, say, whose types nobody chose; one in another type runs in that."""
    device = devices.device("rtx-4090")
    text = "dtype: float32\ninput: [3, 8, 8]\nbody:\n  - {conv: {out: 4, kernel: 3}}\n"
    (tmp_path / "net.yaml").write_text(text)
    (tmp_path / "plain.yaml").write_text(text.partition("\n")[2])
    typed, plain = [cnncost.load(str(tmp_path / name)) for name in ("net.yaml", "plain.yaml")]
    assert (typed.dtype, plain.dtype) == ("float32", None)
    assert of_model(typed, device).latency_ms == of_model(plain, device).latency_ms
    (tmp_path / "half.yaml").write_text(text.replace("float32", "bfloat16"))
    with pytest.raises(UsageError, match="no profile for bfloat16"):
        of_model(cnncost.load(str(tmp_path / "half.yaml")), device)
    with pytest.raises(UsageError, match="no profile for float32"):
        of_model(typed, device, dtype="float32")


def test_a_data_sheet_knows_no_layout_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    words = "A data sheet knows of no layout, launch or stack: its bound is the same for all."
    for option in ("--layout nhwc", "--launch graph", "--stack 2.1"):
        assert words in said(capsys, f"predict lenet5 --on t4 {option}")
    assert words not in said(capsys, "predict lenet5 --on t4")


def test_tf32_is_a_matter_of_convolutions(capsys: pytest.CaptureFixture[str]) -> None:
    call = "predict vgg16 --on a100-80gb --batch 64"
    with_it, without = (answered(capsys, each)["models"][0]["rows"] for each in (call, f"{call} --no-tf32"))
    for one, other in zip(with_it, without, strict=True):
        for row, peak in ((one, 156e12 if one["op"] == "conv" else 19.5e12), (other, 19.5e12)):
            made = row["flops"] or row["activation_elements"]
            moving = row["traffic_bytes"] / 2039e9 if made else 0
            expected = 1e3 * max(row["flops"] / peak, moving)
            assert row["predicted"]["latency_ms"] == pytest.approx(expected), row["name"]


def test_a_calibrated_device_gives_an_interval(capsys: pytest.CaptureFixture[str], mine: str) -> None:
    (model,) = answered(capsys, f"predict resnet18 --on {mine} --batch 4")["models"]
    expected = of_model(cnncost.load("resnet18"), devices.device(mine), batch=4)
    found = model["predicted"]
    assert found["calibrated"] is True
    assert (found["latency_ms"], found["low_ms"], found["high_ms"]) == expected[4:7]
    assert found["images_per_second"] == pytest.approx(4e3 / found["latency_ms"])
    assert found["low_ms"] == pytest.approx(0.8 * found["latency_ms"])  # the profile's interval
    assert found["high_ms"] == pytest.approx(1.25 * found["latency_ms"])
    shares = [row["predicted"]["share"] for row in model["rows"]]
    assert sum(shares) == pytest.approx(1.0)
    for key in ("latency_ms", "low_ms", "high_ms"):
        assert sum(row["predicted"][key] for row in model["rows"]) == pytest.approx(found[key])


@pytest.mark.parametrize("by", ["op", "layer", "block", "stage"])
def test_rows_on_request(capsys: pytest.CaptureFixture[str], mine: str, by: str) -> None:
    rows = list(
        csv.DictReader(io.StringIO(said(capsys, f"predict resnet18 --on {mine} --by {by} --format csv")))
    )
    report = cnncost.analyze("resnet18", by=by)
    assert [row["name"] for row in rows][: len(report.rows)] == [row.name for row in report.rows]
    assert {row["bound"] for row in rows} <= {"arithmetic", "traffic", "launching", ""}
    if by == "layer":
        assert rows == list(
            csv.DictReader(io.StringIO(said(capsys, f"predict resnet18 --on {mine} --layers --format csv")))
        )


def test_what_was_not_calibrated_is_said(capsys: pytest.CaptureFixture[str], mine: str) -> None:
    """A batch and an image beyond what the profile saw widen the interval, in words too."""
    text = said(capsys, f"predict resnet18 --on {mine} --batch 4096")
    assert "Batch 4096 is outside of what the profile saw (1 to 1024)." in text
    whole = yaml.safe_load(Path(mine).read_text())
    del whole["profiles"][0]["seen"]["kinds"]["pooling"]
    Path(mine).write_text(yaml.safe_dump(whole))
    text = said(capsys, f"predict resnet18 --on {mine} --layers")
    (line,) = [
        line for line in text.splitlines() if line.startswith("The profile saw no kernel of class pooling")
    ]
    assert line.endswith("% of the time.")
    rows = [line.rstrip() for line in text.splitlines() if " pooling " in line]
    assert rows and all(row.endswith("no") for row in rows)
    assert not any(line.rstrip().endswith(" no") for line in text.splitlines() if " kxk " in line)


def test_joules_and_money_are_those_of_the_time(capsys: pytest.CaptureFixture[str], mine: str) -> None:
    call = f"predict resnet18 --on {mine} --batch 4 --watts 200 --price 1.8"
    (model,) = answered(capsys, call)["models"]
    found = model["predicted"]
    per_image = found["latency_ms"] / 1e3 / 4
    assert found["joules_per_image"] == pytest.approx(200 * per_image)
    assert found["cost_per_million_images"] == pytest.approx(1.8 * per_image * 1e6 / 3600)
    assert (found["watts"], found["price_per_hour"]) == (200, 1.8)
    text = said(capsys, call)
    assert "J/image: the predicted time at 200 W throughout, as given; no power was measured." in text
    assert "Cost: the predicted time at 1.8 an hour, as given, with nothing idle." in text
    bound = said(capsys, "predict resnet18 --on t4 --watts 70 --price 1")
    assert "J/image at least" in bound and "Cost: the least possible time at 1 an hour" in bound


def test_in_python(mine: str) -> None:
    answer = cnncost.latency("resnet18", "lenet5", on=mine, batch=2)
    assert [row["name"] for row in answer.rows] == ["resnet18", "lenet5"]
    assert answer["lenet5"]["latency_ms"] == answer.document["models"][1]["predicted"]["latency_ms"]


def test_nothing_heavy_is_loaded() -> None:
    import subprocess

    code = (
        "import sys\nfrom cnncost.cli.main import app\n"
        "app(['predict', 'resnet50', '--on', 't4'], standalone_mode=False)\n"
        "assert not {'torch', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


REFUSED = {
    "predict lenet5": "predict needs a device\n  for example: --on rtx-4090, or --on ./mine.yaml (cnncost help devices)",
    "predict lenet5 --on rtx4099": "unknown device 'rtx4099'\n  near: rtx-4090, rtx-5090, rtx-4080\n  cnncost help devices lists ours; a file of yours is named by its path: ./mine.yaml",
    "predict lenet5 --on ./no.yaml": "./no.yaml: No such file or directory\n  a device's file is made by cnncost calibrate",
    "predict lenet5 --on t4 --dtype bfloat16": "no peak of NVIDIA T4 is known for bfloat16\n  known: float32, float16, int8",
    "predict lenet5 --on t4 --layout chw": "unknown layout 'chw': did you mean 'nchw'?\n  known: nchw, nhwc",
    "predict lenet5 --on t4 --launch jit": "unknown launch 'jit'\n  known: eager, graph, compile",
    "predict lenet5 --on t4 --watts 0": "--watts 0 is not a number above 0\n  for example: --watts 350",
    "predict lenet5 --on t4 --price inf": "--price inf is not a number above 0\n  for example: --price 2.49",
    "predict lenet5 --on t4 --by row": "unknown level 'row'\n  levels: op, layer, block, stage",
    "predict lenet5 --on ./mine.yaml --dtype float32 --layout nhwc": "mine has no profile for float32, nhwc, eval\n  it has: float32, nchw, eager, eval; float16 (autocast), nhwc, eager, eval\n  for example: --layout nchw",
    "predict lenet5 --on ./mine.yaml --dtype bfloat16": "mine has no profile for bfloat16, eval\n  it has: float32, nchw, eager, eval; float16 (autocast), nhwc, eager, eval\n  for example: --dtype float32",
}


@pytest.mark.parametrize("call", REFUSED)
def test_what_it_refuses(call: str, mine: str) -> None:
    with pytest.raises(UsageError) as error:
        app(call.split(), standalone_mode=False)
    assert str(error.value) == REFUSED[call]


DAMAGED = {
    "version": (
        99,
        "./mine.yaml.profiles[0] is a profile of version 99; this cnncost reads version 2\n  make it again: cnncost calibrate",
    ),
    "overlap": (
        -1.0,
        "./mine.yaml.profiles[0].numbers.overlap must be a finite number from 0.01 on, not -1.0: exponent that joins a kernel's arithmetic and traffic: 1 their sum, large the longer of both",
    ),
    "traffic": (
        {"stem": float("nan")},
        "./mine.yaml.profiles[0].numbers.traffic.stem must be a finite number from 1e-12 on, not nan: share of the bandwidth that a kernel of class stem moves its bytes with",
    ),
    "peak": (
        {"tflops": float("inf")},
        "./mine.yaml.profiles[0].numbers.peak.tflops must be a finite number from 1e-12 on, not inf: peak arithmetic of the data sheet, 10^12 FLOP/s; efficiencies are shares of it",
    ),
    "layout": ("hwc", "./mine.yaml.profiles[0].layout must be one of nchw, nhwc, not 'hwc'"),
}


@pytest.mark.parametrize("key", DAMAGED)
def test_a_damaged_profile_is_told_by_its_place(key: str, mine: str) -> None:
    value, message = DAMAGED[key]
    whole = yaml.safe_load(Path(mine).read_text())
    into = whole["profiles"][0]
    into = into if key in into else into["numbers"]
    into[key] = {**into[key], **value} if isinstance(value, dict) else value
    Path(mine).write_text(yaml.safe_dump(whole))
    with pytest.raises(UsageError) as error:
        app(["predict", "lenet5", "--on", mine], standalone_mode=False)
    assert str(error.value) == message


# --on in other commands -------------------------------------------------------------------------------


def test_compare_predicts_beside_the_counts(capsys: pytest.CaptureFixture[str], mine: str) -> None:
    document = answered(capsys, f"compare resnet18 lenet5 --on {mine} --batch 2")
    for entry in document["models"]:
        expected = of_model(cnncost.load(entry["name"]), devices.device(mine), batch=2)
        assert entry["predicted"]["latency_ms"] == expected.latency_ms
        rows = sum(row["predicted"]["latency_ms"] for row in entry["rows"])
        assert rows == pytest.approx(expected.latency_ms)
    text = said(capsys, f"compare resnet18 lenet5 --on {mine} --batch 2")
    assert "predicted latency" in text and "90% from" in text
    bound = said(capsys, "compare resnet18 lenet5 --on t4")
    assert "latency at least" in bound and "Not calibrated, by the data sheet alone" in bound
    assert cnncost.compare("resnet18", on=mine)["resnet18"]["predicted_low_ms"] is not None


def test_list_sorts_by_predicted_time(capsys: pytest.CaptureFixture[str], mine: str) -> None:
    zoo = answered(capsys, f"list --family resnet --on {mine} --sort latency --batch 4")["zoo"]
    times = [model["predicted"]["latency_ms"] for model in zoo]
    assert times == sorted(times) and len(times) > 5
    (resnet18,) = [model for model in zoo if model["name"] == "resnet18"]
    expected = of_model(cnncost.load("resnet18"), devices.device(mine), batch=4)
    assert resnet18["predicted"]["latency_ms"] == expected.latency_ms
    whole = yaml.safe_load(Path(mine).read_text())
    del whole["profiles"][0]["seen"]["kinds"]["pooling"]
    Path(mine).write_text(yaml.safe_dump(whole))
    warned = [
        model
        for model in answered(capsys, f"list --family resnet --on {mine}")["zoo"]
        if model["predicted"]["warnings"]
    ]
    shown = [
        line
        for line in said(capsys, f"list --family resnet --on {mine}").splitlines()
        if ": the profile saw no kernel" in line
    ]
    assert len(warned) > len(shown) == 8
    assert "Latency on NVIDIA T4: batch 1, float32, eval." in said(capsys, "list --family lenet --on t4")
    assert all("predicted" not in model for model in answered(capsys, "list --family resnet")["zoo"])


@pytest.mark.parametrize(
    ("on", "called"), [("t4", "least possible latency"), ("./mine.yaml", "predicted latency")]
)
def test_accuracy_against_predicted_latency(mine: str, on: str, called: str) -> None:
    from cnncost.plots import draw_kind

    graphs = [cnncost.load(name) for name in ("resnet18", "vgg16")]
    drawing = draw_kind("accuracy", graphs, x="latency", on=on, batch=2)
    costs = {row[0]: row[2] for row in drawing.rows}
    for graph in graphs:
        assert costs[graph.name] == of_model(graph, devices.device(on), batch=2).latency_ms
    (axes,) = drawing.figure.axes
    name = devices.device(on).name
    assert axes.get_xlabel() == f"{called} (ms): {name}, batch 2, float32" + (
        ", nchw, eager, eval" if on == "./mine.yaml" else ", eval"
    )


def test_layout_launch_and_stack_are_asked_for_in_every_command(
    capsys: pytest.CaptureFixture[str], mine: str
) -> None:
    """Each takes the profile of float16, channels last, as `predict` does, and says so."""
    from cnncost.plots import draw_kind

    how = f"--on {mine} --dtype float16 --layout nhwc --launch graph --stack none"
    words = {"dtype": "float16", "layout": "nhwc", "launch": "graph"}
    resnet18, device = cnncost.load("resnet18"), devices.device(mine)
    expected = of_model(resnet18, device, **words).latency_ms
    assert expected != of_model(resnet18, device).latency_ms
    said_to_be = "float16 (autocast), nhwc, graph, eval"
    for call in ("predict resnet18", "compare resnet18"):
        (model,) = answered(capsys, f"{call} {how}")["models"]
        assert model["predicted"]["latency_ms"] == expected
        assert said_to_be in said(capsys, f"{call} {how}")
    zoo = answered(capsys, f"list --family resnet {how}")["zoo"]
    assert [one["predicted"]["latency_ms"] for one in zoo if one["name"] == "resnet18"] == [expected]
    assert said_to_be in said(capsys, f"list --family resnet {how}")
    drawing = draw_kind("accuracy", [resnet18], x="latency", on=mine, **words)
    assert drawing.rows[0][2] == expected
    app(["report", "resnet18", "-o", "r.html", *how.split()], standalone_mode=False)
    assert f"predicted for My card, {said_to_be}, 90 % interval" in Path("r.html").read_text()
    for factor, code in ((1.01, 0), (0.99, 1)):
        text = TOML.format(limit=f"{factor * expected} ms", on="mine.yaml")
        text = text.replace('"resnet18"', '"resnet18 --dtype float16"').replace(
            "budgets.resnet18", 'budgets."resnet18*"'
        )
        Path("cnncost.toml").write_text(
            f'{text}layout = "nhwc"\nlaunch = "graph"\nstack = "none"\ntf32 = false\n'
        )
        checked(capsys, "check --format github", code)
        Path("cnncost.toml").write_text(text)
        checked(capsys, f"check --on {mine} --layout nhwc --launch graph --format github", code)


def test_a_stack_is_found_by_its_words(mine: str) -> None:
    """Two stacks of one device: the first unless the other is named; one that is not there is told."""
    older = as_document(profile(stack="PyTorch 2.1, CUDA 12", **{"launch.kernel_us": 500.0}))
    newer = as_document(profile(stack="PyTorch 2.9, CUDA 13"))
    Path(mine).write_text(yaml.safe_dump({"name": "My card", "profiles": [newer, older]}))
    slow, fast, usual = (
        cnncost.latency("resnet18", on=mine, stack=stack)["resnet18"]["latency_ms"]
        for stack in ("pytorch 2.1", "2.9", None)
    )
    assert float(slow or 0) > float(fast or 0) == usual
    with pytest.raises(UsageError) as error:
        cnncost.latency("resnet18", on=mine, stack="3.0")
    assert str(error.value) == (
        "mine has no profile for eval of a stack with '3.0'\n"
        "  it has: float32, nchw, eager, eval (PyTorch 2.9, CUDA 13); float32, nchw, eager, eval"
        " (PyTorch 2.1, CUDA 12)"
    )


TOML = """
models = ["resnet18"]
published = false
[budgets.resnet18]
max_predicted_latency = "{limit}"
on = "{on}"
"""


def test_a_budget_of_predicted_latency(capsys: pytest.CaptureFixture[str], mine: str) -> None:
    """The estimate is held; of a data sheet only too much can be proved."""
    estimate = of_model(cnncost.load("resnet18"), devices.device(mine)).latency_ms
    for factor, code in ((1.01, 0), (0.99, 1)):
        Path("cnncost.toml").write_text(TOML.format(limit=f"{factor * estimate} ms", on="mine.yaml"))
        out = checked(capsys, "check --format github", code)
        assert ("over max_predicted_latency" in out) == bool(code)
    least = units.duration(of_model(cnncost.load("resnet18"), devices.device("t4")).latency_ms / 1e3)
    Path("cnncost.toml").write_text(TOML.format(limit="900 ms", on="t4"))
    assert (
        f"predicted_latency is at least {least}; NVIDIA T4 is known by its data sheet alone, so"
        " max_predicted_latency cannot be held"
    ) in checked(capsys, "check --format github", 1)
    Path("cnncost.toml").write_text(TOML.format(limit="1 us", on="t4"))
    out = checked(capsys, "check --format github", 1)
    assert f"predicted_latency is {least}, over max_predicted_latency = 1 µs" in out
    checked(capsys, f"check --on {mine}", 1)
    Path("cnncost.toml").write_text(TOML.format(limit="900 ms", on="t4"))
    checked(capsys, f"check --on {mine}", 0)  # another device than the configuration's


def test_a_check_holds_no_other_type_than_it_names(mine: str) -> None:
    """A budget of a model in float32 is not kept by a time in float16."""
    Path("cnncost.toml").write_text(TOML.format(limit="900 ms", on="rtx-4090"))
    with pytest.raises(UsageError, match="rtx-4090 has no profile for float32, eval"):
        app(["check"], standalone_mode=False)


def checked(capsys: pytest.CaptureFixture[str], call: str, code: int) -> str:
    assert app(call.split(), standalone_mode=False) in (code, None if code == 0 else code)
    return capsys.readouterr().out


CLASHES = {
    "compare lenet5 --layout nhwc": "--layout is of a predicted time, and no device is named\n  for example: --on rtx-4090",
    "list --launch graph": "--launch is of a predicted time, and no device is named\n  for example: --on rtx-4090",
    "report lenet5 -o x.html --no-tf32": "--no-tf32 is of a predicted time, and no device is named\n  for example: --on rtx-4090",
    "plot accuracy resnet18 --x latency --stack 2.1": "--stack is of a predicted time, and no device is named\n  for example: --on rtx-4090",
    "check --layout nhwc": "--layout is of a predicted time, and no device is named\n  for example: --on rtx-4090",
    "pick --layout nhwc": "--layout is of a predicted time, and no device is named\n  for example: --on rtx-4090",
    "search lenet5 --vary classes=1..3:1 --launch graph": "--launch is of a predicted time, and no device is named\n  for example: --on rtx-4090",
    "compare lenet5 --on t4 --device cpu": "--on t4 and --device cpu at once: --on predicts for a device without running anything,\n  --device measures on this machine; pass one of them",
    "plot roofline lenet5 --on t4 --device a10": "--on t4 and --device a10 at once: both name the device whose roof is drawn\n  pass one of them; --device is the older name",
    "plot accuracy resnet18 --on t4": "--on t4 is of a latency, but --x is macs\n  pass --x latency",
    "plot layers lenet5 --on t4": "plot layers does not use --on\n  it uses: --batch, --dtype, --mode, --convention, --by",
    "list --sort latency": "--sort latency needs a device\n  for example: --on rtx-4090",
    "check resnet18 --on t4": '--on t4: no budget limits a predicted latency\n  write one in cnncost.toml: max_predicted_latency = "9 ms"',
}


@pytest.mark.parametrize("call", CLASHES)
def test_what_does_not_go_together(call: str, mine: str) -> None:
    with pytest.raises(UsageError) as error:
        app(call.split(), standalone_mode=False)
    assert str(error.value) == CLASHES[call]


def test_a_budget_without_a_device(mine: str) -> None:
    Path("cnncost.toml").write_text(TOML.format(limit="9 ms", on="t4").replace('on = "t4"', ""))
    with pytest.raises(UsageError) as error:
        app(["check"], standalone_mode=False)
    assert str(error.value) == (
        "cnncost.toml:4:1: max_predicted_latency needs a device\n"
        '  name it in the budget: on = "rtx-4090", or pass --on rtx-4090'
    )
