"""From times that follow a known law to its numbers, and to a file that says where they are from."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import yaml
from calibrate.law import LawBench
from predict.profiles import ROUND

import cnncost
from cnncost.calibrate import Campaign, making, networks, run
from cnncost.errors import UsageError
from cnncost.predict import parse
from cnncost.predict.predict import under

LAW = ROUND | {
    "efficiency.kxk": 0.7,
    "efficiency.1x1": 0.4,
    "efficiency.depthwise": 0.06,
    "efficiency.grouped": 0.2,
    "efficiency.linear": 0.55,
    "traffic.norm": 0.5,
    "traffic.move": 0.3,
    "half.depth": 40.0,
    "half.filters": 20.0,
    "half.positions": 500.0,
}
SEEN = (
    *(f"efficiency.{kind}" for kind in ("stem", "1x1", "kxk", "depthwise", "grouped", "transposed", "linear")),
    *(f"traffic.{kind}" for kind in ("norm", "activation", "join", "pooling", "resampling", "move")),
    "half.filters", "half.depth", "half.positions", "launch.kernel_us",
)  # fmt: skip


def campaign(**about: Any) -> Campaign:
    return run(LawBench(LAW, **about), 90, noisy=math.inf)


@pytest.fixture(scope="module")
def exact() -> Campaign:
    return campaign()


def absolute(numbers: Any, name: str) -> float:
    """A share of a peak as the rate that it means: a profile's peaks are those that were reached."""
    unit = {"efficiency": "peak.tflops", "traffic": "peak.bandwidth_gb_s"}.get(name.partition(".")[0])
    return float(numbers[name] * (numbers[unit] if unit else 1))


@pytest.mark.parametrize(("noise", "within"), [(0.0, 0.2), (0.03, 0.2)])
def test_a_law_is_found_again(noise: float, within: float) -> None:
    """Numbers that little depends on stay nearer to what was believed; times do not."""
    numbers = making.profile_of(campaign(noise=noise), "law").numbers
    for name in SEEN:
        assert absolute(numbers, name) == pytest.approx(absolute(LAW, name), rel=within), name


def test_networks_that_nobody_saw_are_predicted(exact: Campaign) -> None:
    profile, bench = making.profile_of(exact, "law"), LawBench(LAW)
    for name in ("resnet50", "mobilenet_v3_small", "vgg11", "densenet121"):
        graph = cnncost.load(name).without_heads()
        for batch in (1, 8):
            found = under(graph, profile, batch=batch)
            assert 1e-3 * found.latency_ms == pytest.approx(bench.law(graph, batch, "eager"), rel=0.02)


def test_a_profile_says_what_it_saw_and_how_it_was_judged(exact: Campaign) -> None:
    profile = making.profile_of(exact, "law")
    assert profile.held_out["median_error"] < 0.02
    assert profile.held_out["count"] == len(exact.networks(True))
    assert profile.seen.families == len(networks.FITTED) and profile.seen.axes == (1, 2, 3)
    assert "recurrent" not in profile.seen.kinds and {"kxk", "depthwise", "attention"} <= set(
        profile.seen.kinds
    )
    assert profile.seen.batch == (1, 8) and profile.seen.pixels == (32, 1024)
    low, high = profile.interval
    assert 0.9 < low <= 1 <= high < 1.1
    assert profile.stack == "PyTorch 2.0, 4 threads" and not profile.tf32
    assert profile.measured["noise_floor"] == 0 and profile.measured["interrupted"] is False
    assert profile.measured["held_out"] == sorted(networks.HELD_OUT[: len(profile.measured["held_out"])])


def test_a_noisy_law_has_an_interval_that_holds_its_noise() -> None:
    """Nine of ten of the networks' times: those of families that were left out, one after the other."""
    found = campaign(noise=0.05)
    profile = making.profile_of(found, "law")
    apart = [
        math.log(one.seconds / (1e-3 * under(one.graph, profile, batch=one.batch).latency_ms))
        for one in (*found.networks(True), *found.networks(False))
    ]
    low, high = map(math.log, profile.interval)
    assert sum(low <= each <= high for each in apart) >= 0.85 * len(apart)
    assert high - low < 0.3


def test_a_file_is_read_as_it_was_written(exact: Campaign) -> None:
    profile = making.profile_of(exact, "law")
    text = making.as_yaml(making.device_document([exact], [profile]))
    found = yaml.safe_load(text)
    assert parse(found["profiles"][0], "law.yaml, profiles[0]") == profile
    assert found["name"] == "A processor of a test" and found["memory"] == "16.0GiB"
    assert found["tflops"]["float32"] == pytest.approx(exact.peak / 1e12, rel=1e-3)
    assert found["bandwidth_gb_s"] == pytest.approx(exact.bandwidth / 1e9, rel=1e-3)


def test_what_pytorch_says_of_a_machine_can_be_written(exact: Campaign) -> None:
    """Its version, for one, is a kind of string of its own, which YAML does not know."""
    import torch

    from cnncost.calibrate.bench import TorchBench

    bench = TorchBench(torch.device("cpu"), "float32", "nchw")
    found = replace(exact, machine=bench.machine())
    text = making.as_yaml(making.device_document([found], [making.profile_of(found, "this")]))
    machine = yaml.safe_load(text)["profiles"][0]["measured"]["machine"]
    assert machine["torch"] == torch.__version__ and machine["threads"] == torch.get_num_threads()
    assert bench.memory_bytes() > 2**28 and set(bench.clocks()) <= {"cpu_mhz"}


def document(**profile: str) -> dict[str, Any]:
    words = {"dtype": "float32", "layout": "nchw", "launch": "eager", "mode": "eval"}
    return {"name": "A", "tflops": {"float32": 1.0}, "profiles": [words | profile]}


def test_profiles_of_other_settings_stay() -> None:
    old = document(source="first")
    old["profiles"] += document(dtype="float16", source="half")["profiles"]
    old["tflops"]["float16"] = 2.0
    new = making.merged(document(source="second"), old, "a.yaml")
    assert [(each["dtype"], each["source"]) for each in new["profiles"]] == [
        ("float16", "half"),
        ("float32", "second"),
    ]
    assert new["tflops"] == {"float32": 1.0, "float16": 2.0}


def test_another_devices_file_is_not_overwritten() -> None:
    with pytest.raises(UsageError) as caught:
        making.merged(document(), {"name": "B"}, "b.yaml")
    assert str(caught.value) == (
        "b.yaml is there and describes another device, 'B', not 'A'\n  write to another file: -o other.yaml"
    )
