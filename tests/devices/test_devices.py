"""Device descriptions against first principles, of any vendor: units x clock x FLOP per clock, bus x rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cnncost import devices
from cnncost.analysis.cost import analyze
from cnncost.analysis.roofline import loads, roofline
from cnncost.devices import Device
from cnncost.devices.reading import KEYS, RATES
from cnncost.dtypes import DTYPES
from cnncost.errors import UsageError
from cnncost.models import load
from cnncost.reference import topics
from cnncost.request import Run

UNSTATED = ("apple-m1", "apple-m1-max", "apple-m1-ultra", "apple-m2", "coral-edge-tpu")
"""Their vendors state a peak, but nothing that it follows from."""


def written(key: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((devices.DIRECTORY / f"{key}.yaml").read_text())
    return found


def check(key: str) -> None:
    """What holds of every device's file."""
    plain, found = written(key), devices.device(key)
    assert {"name", "source", "tflops"} <= plain.keys() <= set(KEYS)
    assert found.name and found.source and found.key == key
    assert set(found.peaks) <= set(RATES)
    assert found.tf32_convolutions == ("tf32" in found.peaks and found.name.startswith("NVIDIA"))
    assert ("units" in plain) != (key in UNSTATED)
    units = plain.get("units", {})
    assert set(units) <= set(found.peaks)
    assert not units or "float32" in units
    for dtype, several in units.items():
        several = several if isinstance(several, list) else [several]
        peak = sum(each["count"] * each["clock_ghz"] * 1e9 * each["flops"] for each in several)
        assert found.peak(dtype) == pytest.approx(peak, rel=0.01), dtype
    if "memory_bus" in plain:
        bus = plain["memory_bus"]
        assert found.bandwidth == pytest.approx(bus["bits"] / 8 * bus["gbit_s"] * 1e9, rel=0.01)


@pytest.mark.parametrize("key", devices.names())
def test_a_peak_is_units_times_clock_times_operations(key: str) -> None:
    check(key)


@pytest.mark.parametrize("key", devices.names())
def test_a_shorter_type_is_never_slower(key: str) -> None:
    """Of every processor here: float64 <= float32 <= tf32 <= float16 <= float8 <= int8, as far as stated."""
    peaks = devices.device(key).peaks
    order = [
        peaks[dtype]
        for dtype in ("float64", "float32", "tf32", "float16", "float8", "int8")
        if dtype in peaks
    ]
    assert order == sorted(order)


def test_the_devices_of_the_published_timings_and_all_kinds_are_there() -> None:
    known = set(devices.names())
    timed = {"rtx-3090", "rtx-4090", "rtx-5090", "rtx-pro-6000-max-q", "i9-10940x", "i7-12700h"}
    kinds = {"h100-sxm", "mi300x", "jetson-nano", "apple-m1", "xeon-8480plus", "coral-edge-tpu", "stm32h743"}
    assert timed | kinds <= known
    assert len(known) >= 20


PUBLISHED = {
    ("a100-80gb", "tf32"): 156e12,
    ("a100-80gb", "int8"): 624e12,
    ("h100-sxm", "float8"): 1978.9e12,
    ("h100-sxm", "tf32"): 494.7e12,
    ("rtx-4090", "tf32"): 82.6e12,
    ("rtx-3090", "float16"): 71e12,
    ("mi300x", "tf32"): 653.7e12,
    ("t4", "int8"): 130e12,
    ("jetson-nano", "float16"): 0.472e12,
}
"""Of the vendors' own tables."""


@pytest.mark.parametrize(("key", "dtype"), PUBLISHED)
def test_peaks_beside_float32(key: str, dtype: str) -> None:
    assert devices.device(key).peak(dtype) == pytest.approx(PUBLISHED[key, dtype], rel=0.01)


def test_a_convolution_of_float32_stands_under_the_roof_of_tf32() -> None:
    a100, amd, volta = map(devices.device, ("a100-80gb", "mi300x", "v100-sxm2"))
    assert a100.convolution_peak("float32") == a100.peak("tf32")
    assert a100.convolution_peak("float32", tf32=False) == a100.peak("float32")
    assert a100.convolution_peak("float16") == a100.peak("float16")
    assert amd.convolution_peak("float32") == amd.peak("float32")  # MIOpen does not
    assert volta.convolution_peak("float32") == volta.peak("float32")


def sheet(**changed: Any) -> Device:
    peaks = {"float32": 10.0, "tf32": 100.0}
    return Device("x", "X", "", "x.yaml", peaks, **{"bandwidth": 1e30, "tf32_convolutions": True, **changed})


@pytest.mark.parametrize("by", ["op", "layer", "block", "stage"])
@pytest.mark.parametrize("name", ["lenet5", "resnet18", "convnext_tiny"])
def test_matrix_products_do_not(name: str, by: str) -> None:
    """With bandwidth to spare a row takes the sum of its layers: convolutions by one peak, the rest by the other.

    What shares a convolution's row (its activation) shares its roof, unless it has a row of its own.
    """
    graph = load(name)
    finest = analyze(graph, by="op" if by == "op" else "layer").rows
    expected = sum(row.flops / (100.0 if row.op == "conv" else 10.0) for row in finest)
    bounds = roofline(loads(graph, by=by), sheet(), "float32")
    assert sum(bound.seconds for bound in bounds) == pytest.approx(expected)
    assert all(
        bound.rate == pytest.approx(bound.row.flops / bound.seconds) for bound in bounds if bound.row.flops
    )
    without = roofline(loads(graph, by=by), sheet(), "float32", tf32=False)
    assert sum(bound.seconds for bound in without) == pytest.approx(sum(row.flops for row in finest) / 10.0)


def test_without_a_bandwidth_arithmetic_alone_bounds() -> None:
    (first, *_) = roofline(loads(load("lenet5")), sheet(bandwidth=None), "float32", tf32=False)
    assert first.seconds == first.row.flops / 10.0
    assert not first.memory_bound


def test_the_recipe_of_a_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CONTRIBUTING's example, a CPU, is a file and nothing else; it is checked as ours, and draws a roof."""
    from recipes import recipe

    monkeypatch.setattr(devices, "DIRECTORY", tmp_path)
    (file,) = recipe("Adding a device")
    (tmp_path / Path(file.path).name).write_text(file.code)
    (key,) = devices.names()
    check(key)
    found = devices.device(key)
    bounds = roofline(loads(load("lenet5"), Run()), found, "float32")
    assert max(bound.rate for bound in bounds if bound.row.macs) <= found.peak("float32")


def test_names_in_any_case_and_files_by_their_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert devices.device("RTX 4090") == devices.device("rtx_4090") == devices.device("rtx-4090")
    (tmp_path / "mine.yaml").write_text("name: My board\nmemory: 512KiB\n")
    mine = devices.device(str(tmp_path / "mine.yaml"))
    assert (mine.key, mine.name, mine.memory_bytes, mine.bandwidth) == ("mine", "My board", 512 * 1024, None)
    monkeypatch.chdir(tmp_path)
    assert devices.device("mine.yaml")[:2] == devices.device("./mine.yaml")[:2] == mine[:2]


def test_no_two_devices_have_the_same_letters() -> None:
    """Names are found by them: RTX4090, "rtx 4090" and rtx_4090 are one device."""
    from cnncost import devices

    assert len({devices._plain(name) for name in devices.names()}) == len(devices.names())
    for written in ("RTX4090", "rtx 4090", "rtx_4090", "Rtx-4090"):
        assert devices.device(written).name == devices.device("rtx-4090").name and devices.is_one(written)


def test_what_is_calibrated_on_ours_stands_in_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "DIRECTORY", tmp_path)
    (tmp_path / "x.yaml").write_text("name: X\nprofiles: [{dtype: float32, layout: nchw, launch: eager}]\n")
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "x.yaml").write_text(
        "profiles: [{dtype: float16, layout: nhwc, launch: graph}]\n"
    )
    assert devices.device("x").calibrated == ["float32, nchw, eager", "float16, nhwc, graph"]
    assert devices.names() == ["x"]


def test_unknown_devices_and_types() -> None:
    with pytest.raises(UsageError) as error:
        devices.device("rtx4099")
    assert str(error.value) == (
        "unknown device 'rtx4099'\n  near: rtx-4090, rtx-5090, rtx-4080\n"
        "  cnncost help devices lists ours; a file of yours is named by its path: ./mine.yaml"
    )
    with pytest.raises(UsageError) as error:
        devices.device("abacus")
    assert str(error.value) == (
        "unknown device 'abacus'\n"
        "  cnncost help devices lists ours; a file of yours is named by its path: ./mine.yaml"
    )
    with pytest.raises(UsageError) as error:
        devices.device("v100-sxm2").peak("int8")
    assert str(error.value) == (
        "no peak of NVIDIA V100 SXM2 (32 GB) is known for int8\n  known: float64, float32, float16"
    )
    with pytest.raises(UsageError) as error:
        devices.device("coral-edge-tpu").fitting_bytes()
    assert str(error.value) == (
        "Google Coral Edge TPU: coral-edge-tpu.yaml does not say how much memory it has\n"
        "  write a size: --fits 16GiB"
    )


WRONG = {
    "": "x.yaml describes no device: it holds None, not a mapping",
    "[1]": "x.yaml describes no device: it holds a list, not a mapping",
    "a: b: c": "x.yaml:1:5: not YAML: mapping values are not allowed in this context",
    "{}": "x.yaml describes no device: it has no name\n  add a line: name: My laptop",
    "{bandwidth_gb_s: 9}": "x.yaml describes no device: it has no name\n  add a line: name: My laptop",
    "{name: 3}": "x.yaml.name must be a text, not 3",
    "{name: x, memroy: 3GB}": "x.yaml: unknown entry 'memroy': did you mean 'memory'?\n  known: "
    + ", ".join(KEYS),
    "{name: x, memory: 3}": "x.yaml.memory must be a text, not 3",
    "{name: x, memory: '3'}": "x.yaml.memory must be a size with its unit, not '3'\n  24GB, 512KiB",
    "{name: x, memory: 0GB}": "x.yaml.memory must be a size with its unit, not '0GB'\n  24GB, 512KiB",
    "{name: x, bandwidth_gb_s: .nan}": "x.yaml.bandwidth_gb_s must be a number above 0, not nan",
    "{name: x, bandwidth_gb_s: -1}": "x.yaml.bandwidth_gb_s must be a number above 0, not -1",
    "{name: x, tflops: {float32: .inf}}": "x.yaml.tflops.float32 must be a number above 0, not inf",
    "{name: x, tflops: {float32: 0}}": "x.yaml.tflops.float32 must be a number above 0, not 0",
    "{name: x, tflops: 3}": "x.yaml.tflops must be an object, not 3",
    "{name: x, tflops: {single: 1}}": "x.yaml.tflops: unknown dtype 'single'\n  known: " + ", ".join(RATES),
    "{name: x, tf32_convolutions: true}": "x.yaml.tf32_convolutions is true, but x.yaml.tflops has no tf32",
    "{name: x, profiles: 3}": "x.yaml.profiles must be a list, not 3",
    "{name: x, profiles: [3]}": "x.yaml.profiles[0] must be an object, not 3",
    "a: *b": "x.yaml:1:4: not YAML: found undefined alias",
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_a_wrong_file_is_told_by_its_place(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_text(text)
    with pytest.raises(UsageError) as error:
        devices.device("x.yaml")
    assert str(error.value) == WRONG[text]


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("binary.yaml").write_bytes(b"\xff\xfe\x00")
    Path("large.yaml").write_text("# " + "x" * 4_000_001)
    Path("deep.yaml").write_text("[" * 100_000)
    Path("steps.yaml").write_text("- " * 100_000)
    for name, message in (
        ("no.yaml", "no.yaml: No such file or directory\n  a device's file is made by cnncost calibrate"),
        ("binary.yaml", "binary.yaml is not text in UTF-8, so it describes no device"),
        ("large.yaml", "large.yaml is larger than 4 MB, so it describes no device"),
    ):
        with pytest.raises(UsageError) as error:
            devices.device(name)
        assert str(error.value) == message
    for name in ("deep.yaml", "steps.yaml"):
        with pytest.raises(UsageError) as error:
            devices.device(name)
        assert "not YAML" in str(error.value) and "nest" in str(error.value)  # or in libyaml's own words


def test_every_device_has_its_page() -> None:
    whole = topics.topic("devices")
    for key in devices.names():
        found, page = devices.device(key), topics.topic(key)
        assert page.startswith(f"# {found.name}\n")
        assert f"| `{key}` |" in whole
        assert found.source in whole
        assert found.source in page
        for dtype in found.peaks:
            assert f"- peak of {dtype}: " in page
    assert set(DTYPES) < set(RATES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name: &a x\nsource: *a\n",
            "mine.yaml:1:7: an alias stands for this\n  write it out where it is needed",
        ),
        (
            "a: &a {x: 1}\nb: &b {<<: [*a, *a]}\nname: x\n",
            "mine.yaml:1:4: an alias stands for this\n  write it out where it is needed",
        ),
        (
            "name: x\ntflops: {float32: 1}\ntflops: {float32: 100}\n",
            "mine.yaml:1:1: 'tflops' stands in here twice",
        ),
        (
            "name: !!python/object/apply:os.system [x]\n",
            "mine.yaml:1:7: not YAML: could not determine a constructor",
        ),
        ("name: !!int ''\n", "mine.yaml: not YAML: "),
        ("name: !!bool x\n", "mine.yaml: not YAML: "),
        ("name: !!timestamp x\n", "mine.yaml: not YAML: "),
        ("&a [*a]\n", "mine.yaml"),
    ],
)
def test_a_file_is_plain(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No objects; no aliases, of which ten lines make more entries than there is memory; nothing said twice."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(text)
    with pytest.raises(UsageError) as error:
        devices.device("./mine.yaml")
    assert str(error.value).removeprefix("./").startswith(message)


@pytest.mark.parametrize(("key", "device_type"), [("cpu", "cpu"), ("CUDA", "cuda"), ("gpu", "cuda")])
def test_the_machine_itself_is_calibrated_first(key: str, device_type: str) -> None:
    with pytest.raises(UsageError) as error:
        devices.device(key)
    assert str(error.value) == (
        f"unknown device {key!r}: this machine is not known before it is calibrated\n"
        f"  write cnncost calibrate --device {device_type} -o mine.yaml, then --on mine.yaml"
    )
