"""cnncost calibrate: what it writes, and every way in which it writes nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from calibrate.law import LawBench
from predict.profiles import ROUND

from cnncost import devices
from cnncost.calibrate import bench as benches
from cnncost.calibrate import campaign, networks
from cnncost.cli import main as cli
from cnncost.errors import UsageError
from cnncost.predict import parse


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device of a test, and small networks."""
    on(monkeypatch, LawBench(ROUND))
    whole = campaign.run
    lists = {"fitted": networks.QUICK_FITTED, "held_out": networks.QUICK_HELD_OUT}
    monkeypatch.setattr("cnncost.calibrate.run", lambda *given, **named: whole(*given, **named, **lists))


def on(monkeypatch: pytest.MonkeyPatch, bench: LawBench, dtype: str = "float32") -> None:
    bench.dtype = dtype
    monkeypatch.setattr(benches, "TorchBench", lambda *setting: bench)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, code: int = 0) -> None:
    monkeypatch.setattr(sys, "argv", ["cnncost", "calibrate", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert (caught.value.code or 0) == code


def said(capsys: Any) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    return str(err)


def test_a_file_that_predict_takes(monkeypatch: Any, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "mine.yaml"
    run(monkeypatch, "-o", str(path), "--minutes", "1.5")
    found = devices.device(str(path))
    assert found.name == "A processor of a test" and len(found.profiles) == 1
    profile = parse(found.profiles[0], "mine.yaml")
    assert (profile.device, profile.dtype, profile.layout) == ("mine", "float32", "nchw")
    lines = said(capsys).splitlines()
    assert lines[0].startswith(f"{path}: ") and lines[0].endswith(" in 1.5 minutes, noise floor 0.0%")
    assert lines[1].startswith("on networks of families that it did not see: count ")
    assert lines[2] == f"use it: cnncost predict SPEC --on {path}"
    assert len(lines) == 3


def test_from_python(tmp_path: Path) -> None:
    import cnncost

    path = tmp_path / "mine.yaml"
    profile = cnncost.calibrated(path, minutes=1)
    (written,) = devices.device(str(path)).profiles
    assert profile["held_out"] == written["held_out"] and profile["dtype"] == "float32"
    with pytest.raises(UsageError) as error:
        cnncost.calibrated(path, minutes=0)
    assert str(error.value) == "minutes 0 is not a number of minutes above 0"


def test_a_second_profile_joins_the_first(monkeypatch: Any, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "mine.yaml"
    run(monkeypatch, "-o", str(path), "--minutes", "1")
    on(monkeypatch, LawBench(ROUND), "bfloat16")
    run(monkeypatch, "-o", str(path), "--minutes", "1", "--dtype", "bfloat16")
    found = devices.device(str(path))
    assert [profile["dtype"] for profile in found.profiles] == ["float32", "bfloat16"]
    assert set(found.peaks) == {"float32", "bfloat16"}


def test_interrupted_it_writes_what_it_has(monkeypatch: Any, tmp_path: Path, capsys: Any) -> None:
    def interrupt(runs: int) -> None:
        if runs == 600:
            raise KeyboardInterrupt

    on(monkeypatch, LawBench(ROUND, before=interrupt))
    path = tmp_path / "mine.yaml"
    run(monkeypatch, "-o", str(path), "--minutes", "1.5")
    assert devices.device(str(path)).profiles[0]["measured"]["interrupted"] is True
    assert said(capsys).startswith(f"{path}: interrupted: ")


def test_interrupted_too_early_it_writes_nothing(monkeypatch: Any, tmp_path: Path, capsys: Any) -> None:
    def interrupt(runs: int) -> None:
        if runs == 20:
            raise KeyboardInterrupt

    on(monkeypatch, LawBench(ROUND, before=interrupt))
    run(monkeypatch, "-o", str(tmp_path / "mine.yaml"), code=3)
    assert said(capsys).startswith("error: interrupted after 2 s: a profile needs more than was measured: ")
    assert not list(tmp_path.iterdir())


def test_a_noisy_machine_gets_no_file(monkeypatch: Any, tmp_path: Path, capsys: Any) -> None:
    on(monkeypatch, LawBench(ROUND, noise=0.8))
    run(monkeypatch, "-o", str(tmp_path / "mine.yaml"), code=3)
    assert said(capsys).startswith(
        "error: this machine is too noisy to be calibrated: 8 times the same kernel"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--minutes", "0.2"),
            "error: --minutes 0.2 is too little for a profile\n"
            "  the least that works is --minutes 0.75; 4 are enough for most machines\n",
        ),
        (("--minutes", "nan"), "error: --minutes nan is not a number of minutes above 0\n"),
        (("--minutes", "-1"), "error: --minutes -1 is not a number of minutes above 0\n"),
        (
            ("-o", "profile.json"),
            "error: profile.json: a device's file ends in .yaml\n  for example: -o my-laptop.yaml\n",
        ),
        (
            ("-o", "missing/profile.yaml"),
            "error: missing/profile.yaml: no directory 'missing'\n  make it first: mkdir -p missing\n",
        ),
        (("--device", "tpu"), "error: unknown device 'tpu'\n  devices: cpu, cuda, cuda:1\n"),
    ],
)
def test_wrong_questions(
    arguments: tuple[str, ...], message: str, monkeypatch: Any, tmp_path: Path, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    run(monkeypatch, *arguments, code=2)
    assert said(capsys) == message
    assert not list(tmp_path.iterdir())


def test_another_file_is_not_overwritten(monkeypatch: Any, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "notes.yaml"
    path.write_text("- not a device\n")
    run(monkeypatch, "-o", str(path), code=2)
    assert said(capsys).startswith(
        f"error: {path} is there and is no device's file, so it is not overwritten: "
    )
    assert path.read_text() == "- not a device\n"


def test_another_devices_file_is_refused_before_anything_is_timed(
    monkeypatch: Any, tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / "other.yaml"
    path.write_text("name: Another processor\n")
    bench = LawBench(ROUND)
    on(monkeypatch, bench)
    run(monkeypatch, "-o", str(path), code=2)
    assert said(capsys) == (
        f"error: {path} is there and describes another device, 'Another processor', not 'A processor of a test'\n"
        "  write to another file: -o other.yaml\n"
    )
    assert bench.runs == 0
    assert path.read_text() == "name: Another processor\n"
