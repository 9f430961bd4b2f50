"""Measurements in pictures: files as `cnncost measure` writes them, the fit, and files that are none."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import cnncost
from cnncost.errors import UsageError
from cnncost.measure import files as measured
from cnncost.measure.latency import Measurement as Measured
from cnncost.measure.sampling import Samples
from cnncost.measure.setting import Setting
from cnncost.plots import draw_kind, ops_time
from cnncost.tables.measure import document

NETS = ("squeezenet1_1", "mobilenet_v2", "resnet18", "resnet50", "vgg16")
CPU = {"cpu": "Example CPU", "threads": 4, "torch": "2.13.0"}


def a_measurement(name: str, milliseconds: float, **setting: Any) -> Measured:
    batch = setting.get("batch", 1)
    totals = cnncost.analyze(cnncost.load(name), batch=batch).totals
    samples = Samples(tuple(milliseconds / 1e3 * share for share in (0.9, 1, 1, 1, 1.1)), 10, True)
    where = Setting(torch.device("cpu"), **setting)
    counts = totals.macs, totals.flops, totals.counted, "cnncost"
    return Measured(name, where, samples, None, *counts, "perf_counter", CPU, [])


def a_file(path: Path, entries: list[Measured], version: int = 1) -> Path:
    """A file as `cnncost measure -o` writes it."""
    written = {**document(entries), "schema_version": version}
    path.write_text(json.dumps(written))
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    times = (10.0, 20.0, 30.0, 70.0, 200.0)
    return a_file(tmp_path / "run.json", [a_measurement(*pair) for pair in zip(NETS, times, strict=True)])


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_files_are_read_as_they_are_written(run: Path) -> None:
    found = measured.read(run)
    assert [each.model for each in found] == list(NETS)
    first = found[0]
    assert first.setting.text() == "Example CPU, 4 threads, batch 1, float32, nchw, eval"
    assert (first.seconds, first.low, first.high) == pytest.approx((0.010, 0.009, 0.011))
    assert first.macs == cnncost.analyze(cnncost.load("squeezenet1_1")).totals.macs


def test_ops_time_holds_the_measurements(run: Path) -> None:
    drawing = draw_kind("ops-time", measured=measured.read_all([run]))
    rows = table(drawing.csv())
    assert [(row["model"], float(row["seconds"])) for row in rows] == [
        (each.model, each.seconds) for each in measured.read(run)
    ]
    # The same line by NumPy: least squares of (a + b * macs) / seconds against 1.
    macs, seconds = (np.array([float(row[key]) for row in rows]) for key in ("macs", "seconds"))
    design = np.stack([1 / seconds, macs / seconds], axis=1)
    (a, b), *_ = np.linalg.lstsq(design, np.ones(len(rows)), rcond=None)
    assert [float(row["fitted_seconds"]) for row in rows] == pytest.approx(a + b * macs)


def test_the_fit_finds_a_line() -> None:
    setting = measured.RecordedSetting("device", 1, "float32", "nchw", "eval", ())
    pick = random.Random(0)

    def point(macs: float, overhead: float, rate: float) -> measured.Recorded:
        seconds = overhead + macs / rate
        return measured.Recorded("x", setting, int(macs), seconds, seconds, seconds)

    points = [point(10 ** pick.uniform(7, 11), 2e-3, 5e12) for _ in range(20)]
    found = ops_time.fit(points)
    assert found is not None
    assert (found.overhead, found.rate) == pytest.approx((2e-3, 5e12)) and found.error < 1e-6
    assert found.text() == "2 ms + MACs / (5.00 T/s), median error 0%"
    assert ops_time.fit(points[:2]) is None
    bent = [point(macs, -5e-3 + 1e-12 * macs, 1e12) for macs in (1e10, 2e10, 5e10)]
    through_zero = ops_time.fit(bent)
    assert through_zero is not None and through_zero.overhead == 0


def test_settings_have_a_fit_each(tmp_path: Path) -> None:
    path = a_file(
        tmp_path / "run.json",
        [a_measurement(name, 10 + 5 * i, batch=batch) for batch in (1, 8) for i, name in enumerate(NETS)],
    )
    drawing = draw_kind("ops-time", measured=measured.read_all([path]))
    (legend,) = drawing.figure.legends
    texts = [text.get_text().partition(":\n")[0] for text in legend.get_texts()]
    assert texts == [f"Example CPU, 4 threads, batch {batch}, float32, nchw, eval" for batch in (1, 8)]


def test_accuracy_against_latency(run: Path) -> None:
    graphs = [cnncost.load(name) for name in ("resnet18", "resnet50", "googlenet")]
    drawing = draw_kind("accuracy", graphs, x="latency", measured=measured.read_all([run]))
    assert {row["model"]: float(row["latency"]) for row in table(drawing.csv())} == pytest.approx(
        {"resnet18": 30, "resnet50": 70}
    )
    assert drawing.notes == (
        "no measured file names googlenet\n  pass it with --measured run.json, or predict for a device: --on rtx-4090",
    )


CURE = "\n  cnncost measure resnet50 -o run.json writes one"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, f"cannot be read: No such file or directory{CURE}"),
        ("median: 3", f"not JSON: Expecting value: line 1 column 1 (char 0){CURE}"),
        ("[1, 2]", f"not a file of measurements{CURE}"),
        ('{"a": 1}', f"not a file of measurements{CURE}"),
        (
            '{"schema_version": 2, "measured": []}',
            "version 2 of the format; this cnncost reads version 1\n  measure again with this cnncost",
        ),
        ('{"schema_version": 1, "models": []}', f"JSON of cnncost, but not of cnncost measure{CURE}"),
        (
            '{"schema_version": 1, "measured": [{"model": "a"}]}',
            "measured[0].setting is missing; it must be an object\n  measure again",
        ),
    ],
)
def test_files_that_are_none(content: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError) as error:
        measured.read(path)
    assert str(error.value) == f"{path}: {message}"


def test_of_two_settings_there_is_no_one_latency(tmp_path: Path) -> None:
    path = a_file(tmp_path / "run.json", [a_measurement("resnet18", 5, batch=batch) for batch in (1, 8)])
    with pytest.raises(UsageError) as error:
        draw_kind("accuracy", [cnncost.load("resnet18")], x="latency", measured=measured.read_all([path]))
    assert str(error.value) == (
        "the files hold 2 settings; pass those of one\n"
        "  Example CPU, 4 threads, batch 1, float32, nchw, eval\n"
        "  Example CPU, 4 threads, batch 8, float32, nchw, eval"
    )


def test_without_measurements() -> None:
    with pytest.raises(UsageError) as error:
        draw_kind("ops-time")
    assert str(error.value) == (
        "plot ops-time needs measurements\n  cnncost measure resnet50 -o run.json, then --measured run.json"
    )
