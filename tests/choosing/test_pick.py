"""Picking: limits, the front, the nearest misses, and every accuracy beside its own cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from choosing.conftest import Run
from hypothesis import given
from hypothesis import strategies as st

import cnncost
from cnncost import api, units
from cnncost.choosing.candidates import candidates
from cnncost.choosing.front import front
from cnncost.choosing.pretrained import best, counted, published, reasons
from cnncost.cli.main import app
from cnncost.errors import CnncostError, UsageError
from cnncost.limits import CostLimits, Threshold
from cnncost.plots.choice import draw

OWN = """\
family: own
input: [3, 32, 32]
params: {width: 8}
variants:
  own_8: {published: [{top1: 50.0, protocol: single crop 32, source: us}]}
  own_16: {width: 16}
body:
  - {conv: {out: width, kernel: 3, pad: 1}}
  - relu
  - global_avgpool
  - flatten
  - {linear: {out: 10}}
"""


@given(
    st.integers(1, 5).flatmap(
        lambda count: st.lists(st.tuples(*[st.integers(0, 6)] * count), min_size=1, max_size=60)
    )
)
def test_the_front_is_what_nothing_beats(rows: list[tuple[int, ...]]) -> None:
    """Against every pair of rows."""

    def beaten(row: tuple[int, ...]) -> bool:
        return any(all(a <= b for a, b in zip(other, row, strict=True)) and other != row for other in rows)

    assert front(np.array(rows)).tolist() == [not beaten(row) for row in rows]


def test_a_front_of_many_rows_is_that_of_few_at_a_time() -> None:
    chance = np.random.default_rng(0)
    rows = chance.integers(0, 10_000, (20_000, 2))
    best_so_far, found = 10**9, set()
    for x, y in sorted(map(tuple, rows.tolist())):  # from the left, only what is lower than everything before
        if y < best_so_far:
            found.add((x, y))
            best_so_far = y
    assert {tuple(row) for row in rows[front(rows)].tolist()} == found


@pytest.mark.parametrize("objectives", [3, 4, 5])
@pytest.mark.parametrize("values", [5, 40, 10**6])
def test_a_front_of_several_objectives_is_what_nothing_beats(objectives: int, values: int) -> None:
    """Against every pair of rows: more than are compared each with each, all beside each other, some infinite."""
    chance = np.random.default_rng(values)
    rows = chance.integers(0, values, (600, objectives)).astype(float)
    rows[:300, -1] = -rows[:300, :-1].sum(axis=1)  # what is less in one is more in another
    rows[chance.random(rows.shape) < 0.02] = np.inf
    nowhere_more = (rows[:, None] <= rows[None]).all(axis=2)
    somewhere_less = (rows[:, None] < rows[None]).any(axis=2)
    wanted = ~(nowhere_more & somewhere_less).any(axis=0)
    assert front(rows).tolist() == wanted.tolist() and 0 < wanted.sum() < 600


def test_what_is_kept_keeps_every_limit_and_what_is_not_does_not() -> None:
    answer = cnncost.pick("zoo", max_params=5e6, max_macs=6e8, min_top1=70)
    found = answer.to_dict()["pick"]
    kept = {(each["name"], each["input_shape"][-1]) for each in found["kept"]}
    every = [candidate for candidate, _ in candidates("zoo")]
    wanted = {
        (each.name, each.input_shape[-1])
        for each in every
        if each.params <= 5e6 and each.macs <= 6e8 and (each.top1 or 0) >= 70
    }
    assert kept == wanted and "mobilenet_v2" in {name for name, _ in kept}
    assert found["candidates"] == len(every)
    assert [each["top1"] for each in found["kept"]] == sorted(
        (e["top1"] for e in found["kept"]), reverse=True
    )
    for each in found["kept"]:  # on the front is what no other kept one beats
        others = [o for o in found["kept"] if o is not each]
        figures = ("params", "macs")
        beaten = any(
            o["top1"] >= each["top1"]
            and all(o[f] <= each[f] for f in figures)
            and (o["top1"] > each["top1"] or any(o[f] < each[f] for f in figures))
            for o in others
        )
        assert each["front"] is not beaten, each["name"]


def test_the_nearest_misses_are_those_that_miss_by_least() -> None:
    found = cnncost.pick("zoo", max_params=5e6, max_macs=6e8, min_top1=70).to_dict()["pick"]
    shares = [max(each["misses"].values()) for each in found["misses"]]
    assert shares == sorted(shares) and len(shares) == 5
    efficientnet = next(each for each in found["misses"] if each["name"] == "efficientnet_b0")
    assert efficientnet["misses"] == {"params": pytest.approx(5_288_548 / 5e6 - 1)}


def test_an_accuracy_is_at_the_resolution_at_which_it_was_published() -> None:
    """torchvision: regnet_y_128gf has 374.57 GMACs at 384 (its weights' _ops), 127.518 at 224."""
    found = {each.input_shape[-1]: each for each, _ in candidates("zoo") if each.name == "regnet_y_128gf"}
    assert (found[384].top1, found[224].top1) == (88.228, 86.068)
    assert (found[384].macs / 1e9, found[224].macs / 1e9) == (
        pytest.approx(374.57, abs=0.005),
        pytest.approx(127.518, abs=0.0005),
    )
    for each, build in candidates("zoo"):
        if each.top1 is not None and each.protocol and "crop 384" in each.protocol:
            assert build().input_shape[-1] == 384


def test_ten_crops_are_no_single_pass() -> None:
    plain = [each for each, _ in candidates("zoo") if each.name == "plain34"]
    assert [(each.top1, each.protocol) for each in plain] == [(None, None)]


def test_other_tasks_have_their_own_accuracies() -> None:
    found = cnncost.pick("zoo", task="cifar10", min_top1=90).to_dict()["pick"]["kept"]
    assert found and {tuple(each["input_shape"]) for each in found} == {(3, 32, 32)}


# What libraries publish --------------------------------------------------------------------------


def test_the_counts_agree_with_the_published_parameters() -> None:
    """timm and torchvision print millions of parameters with two decimals: of every row that is counted."""
    table = counted()
    assert len(table) > 100
    seen = 0
    for each in published():
        if (each.name, each.size) in table:
            seen += 1
            assert abs(table[each.name, each.size].params / 1e6 - each.params_m) <= 0.00501, each
    assert seen >= len(table)


@pytest.mark.parametrize(
    ("name", "size", "gmacs"),
    [  # torchvision's own `_ops`
        ("torchvision:alexnet", 224, 0.714), ("torchvision:convnext_tiny", 224, 4.456),
        ("torchvision:efficientnet_b7", 600, 37.746), ("torchvision:inception_v3", 299, 5.713),
        ("torchvision:mobilenet_v3_small", 224, 0.057), ("torchvision:vgg19_bn", 224, 19.632),
    ],
)  # fmt: skip
def test_the_counts_agree_with_torchvisions_own(name: str, size: int, gmacs: float) -> None:
    assert round(counted()[name, size].macs / 1e9, 3) == gmacs


def test_every_figure_of_the_table_can_be() -> None:
    names = {(each.name, each.size) for each in published()}
    for key, counts in counted().items():
        assert key in names and min(count for count in counts if count is not None) > 0, key
        if counts.flops is None or counts.peak_bytes is None or counts.activation_elements is None:
            assert counts[2:] == (None, None, None), key  # PyTorch counted it, which knows no more
            continue
        assert counts.flops >= 2 * counts.macs, key
        assert (
            counts.peak_bytes <= 4 * counts.activation_elements + 4 * 3 * key[1] ** 2 + 4 * counts.params
        ), key


def test_some_thousand_networks_can_be_picked_with_the_published_parameters() -> None:
    """Parameters are the published ones, in millions with two decimals, but for the rounding."""
    published_m = {(each.name, each.size): each.params_m for each in published()}
    assert len(counted()) > 1000
    off = {
        key: counts.params
        for key, counts in counted().items()
        if abs(counts.params / 1e6 - published_m[key]) > 0.0051
    }
    assert len(off) <= 0.01 * len(counted()), off


def test_libraries_are_picked_from_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in ("torch", "torchvision", "timm"):
        monkeypatch.setitem(sys.modules, name, None)
    found = cnncost.pick("timm", "torchvision", max_macs=3e8, min_top1=70).to_dict()["pick"]
    assert {each["origin"] for each in found["kept"]} == {"timm", "torchvision"}
    assert found["uncounted"] == sum(
        (each.name, each.size) not in counted()
        for library in ("timm", "torchvision")
        for each in best(library)
    )
    assert sum(found["uncounted_reasons"].values()) == found["uncounted"]


def test_what_is_not_counted_is_said_with_its_reason() -> None:
    """Nothing has both counts and a reason why there are none, and the table says the reasons."""
    assert not set(counted()) & set(reasons()) and all(reasons().values())
    answer = cnncost.pick("timm", max_macs=1e9)
    why = answer.to_dict()["pick"]["uncounted_reasons"]
    if why:
        reason, count = next(iter(why.items()))
        assert f"are not counted ({count:,}: {reason}" in str(answer)


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize("name", ["timm:test_resnet", "timm:lcnet_050", "torchvision:squeezenet1_1"])
def test_the_table_is_what_the_importer_counts(name: str) -> None:
    """The whole road of `tools/pretrained.py`."""
    from cnncost.choosing.candidates import built, counts_of, peak_of

    ((_, size),) = [key for key in counted() if key[0] == name]
    graph = built(name, size)
    known = counted()[name, size]
    assert {**counts_of(graph), "peak_bytes": peak_of(graph)} == known._asdict()


# Files, the command line ---------------------------------------------------------------------------


def test_own_files_are_candidates_with_and_without_an_accuracy(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    found = cnncost.pick(str(path), max_params=1000, max_peak=200_000).to_dict()["pick"]
    assert [(each["name"], each["top1"], each["front"]) for each in found["kept"]] == [
        ("own_8", 50.0, True),
        ("own_16", None, False),
    ]
    own = cnncost.analyze(f"{path}:own_16").totals
    assert found["kept"][1]["peak_bytes"] == own.peak_bytes and found["kept"][1]["macs"] == own.macs


def test_the_command_and_its_picture(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "choice.svg"
    out = run("pick", "--max-macs", "600M", "--min-top1", "70%", "--rows", "3", "--picture", str(path))
    assert "--max-macs 600 M, --min-top1 70 %" in out and "Shown are the first 3; --rows 0 shows all." in out
    assert "The nearest misses" in out and "points less top-1" in out
    drawn = path.read_text()
    assert "on the front" in drawn and "misses one" in drawn
    document = json.loads(run("pick", "--max-macs", "600M", "--sort", "macs", "--format", "json"))["pick"]
    macs = [each["macs"] for each in document["kept"]]
    assert macs == sorted(macs) and document["limits"] == {"macs": 600_000_000}


BAD: dict[tuple[str, ...], str] = {
    ("--max-params", "5X"): "--max-params '5X' is not a count\n  for example: --max-params 10M, 4.5G or 10e6",
    ("--max-peak", "320"): "--max-peak '320' is not a size: it has no unit\n"
    "  for example: --max-peak 320KiB, 24GiB or 500MB",
    ("--max-latency", "10"): "--max-latency '10' is not a time\n  for example: --max-latency 10ms, 300us or 0.5s",
    ("--min-top1", "0.7"): "--min-top1 '0.7': an accuracy is in percent\n  write --min-top1 70, or 0.7% if it is that small",
    ("--min-top1", "170"): "--min-top1 '170' is not a percentage\n  for example: --min-top1 70 or 74.5%",
    ("--max-latency", "10ms"): "--max-latency needs a device\n  name it: --on rtx-4090",
    ("--sort", "latency"): "--sort latency needs a device\n  name it: --on rtx-4090",
    ("--sort", "mac"): "unknown sort key 'mac': did you mean 'macs'?\n"
    "  known: name, params, macs, flops, activations, peak, ram, flash, latency, top1",
    ("--task", "imagnet"): "unknown task 'imagnet': did you mean 'imagenet'?\n"
    "  tasks: imagenet, cifar10, cifar100, ilsvrc2010, kinetics400, permutedmnist, sequentialmnist, sports1m, urbansound8k",
    ("--from", "tim"): "unknown origin 'tim': did you mean 'timm'?\n"
    "  origins: zoo, torchvision, timm, a spec or ONNX file",
    ("--from", "none.yaml"): "none.yaml: no such file",
    ("--max-peak", "3MiB", "--dtype", "int8"): "--dtype is of a predicted time, and no device is named\n"
    "  for example: --on rtx-4090",
    ("--from", "timm", "--task", "cifar10"): "what timm publishes is of imagenet alone\n  leave out --from timm",
    ("--max-params", "10", "--max-macs", "20"): "none of {zoo} candidates keeps every limit\n"
    "  --max-params 10 excludes {zoo} by itself (was 10M meant?)\n  --max-macs 20 excludes {zoo} by itself (was 20M meant?)\n"
    "  near: depthwise_separable, 8,330.0 % more parameters, 269,660.0 % more MACs\n"
    "  near: lenet5_1998, 599,900.0 % more parameters, 1,628,300.0 % more MACs\n"
    "  near: lenet5, 616,960.0 % more parameters, 2,082,500.0 % more MACs",
}  # fmt: skip


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_bad_input(words: tuple[str, ...]) -> None:
    with pytest.raises(CnncostError) as error:
        app(["pick", *words], standalone_mode=False)
    message = BAD[words].format(zoo=len(candidates("zoo")))
    assert (str(error.value), error.value.exit_code) == (message, 2)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10ms", 0.01), ("0.5 s", 0.5), ("300us", 3e-4), ("5 µs", 5e-6), ("7ns", 7e-9), ("10", None), ("", None), ("1 m", None)],
)  # fmt: skip
def test_times_as_people_write_them(text: str, seconds: float | None) -> None:
    assert units.written_seconds(text) == seconds


@given(st.floats(0, 1e12), st.floats(0.1, 1e12))
def test_a_limit_is_missed_by_a_share(value: float, most: float) -> None:
    limit = Threshold("macs", most)
    assert (limit.miss(value) == 0) == (value <= most)
    assert value <= most or value == pytest.approx(most * (1 + limit.miss(value)))


@pytest.mark.parametrize("value", [float("nan"), -1, True, "5M", float("inf")])
def test_limits_of_python_are_numbers(value: Any) -> None:
    with pytest.raises(
        UsageError, match=r"max_macs .* is not a number from 0\n  for example: max_macs=600e6"
    ):
        cnncost.pick(max_macs=value)


def test_sorted_by_peak_memory_it_is_found(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    found = cnncost.pick(str(path), sort="peak").to_dict()["pick"]
    peaks = [each["peak_bytes"] for each in found["kept"]]
    assert peaks == [cnncost.analyze(f"{path}:own_{width}").totals.peak_bytes for width in (8, 16)]


def test_a_network_that_cannot_be_imported_ends_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time is not known, which is said; the others are chosen from."""
    from cnncost.choosing import candidates as room

    def built(name: str, size: int) -> Any:
        if name == "timm:test_vit":
            raise UsageError("it cannot be imported")
        return cnncost.load("lenet5")

    monkeypatch.setattr(room, "built", built)
    answer = cnncost.pick("timm", max_params=4e5, max_latency=1.0, on="t4")
    found = answer.to_dict()["pick"]
    assert found["unknown"] == {"latency": 1} and "timm:test_vit" not in {
        each["name"] for each in found["kept"]
    }
    assert found["kept"] and "Of 1 that keep the other limits the latency is not known." in str(answer)


def test_more_than_all_is_no_accuracy() -> None:
    with pytest.raises(UsageError, match=r"min_top1 101 is more than 100 percent"):
        cnncost.pick(min_top1=101)


def test_an_unknown_figure_is_no_near_miss() -> None:
    """A network without an accuracy does not stand among the misses of --min-top1."""
    found = cnncost.pick("zoo", min_top1=80, max_macs=1e12).to_dict()["pick"]
    assert all(each["top1"] is not None for each in found["misses"])


def test_networks_of_which_no_accuracy_is_published(tmp_path: Path) -> None:
    """They keep limits on costs; a front and a picture need an accuracy."""
    (tmp_path / "mine.yaml").write_text("input: [3, 8, 8]\nbody:\n  - {conv: {out: 4, kernel: 3}}\n")
    found = api.choice(CostLimits(max_params=1e9), origins=(str(tmp_path / "mine.yaml"),))
    assert [(each.candidate.name, each.on_front) for each in found.kept] == [("mine", False)]
    with pytest.raises(UsageError) as error:
        draw(found)
    assert str(error.value) == "no candidate has a published accuracy on imagenet: there is nothing to draw"


def test_what_a_runtime_needs_is_that_of_the_published_table() -> None:
    """TinyEngine's README prints the peak memory of MCUNet's networks in KiB; that of in4 is beyond the limit."""
    found = cnncost.pick("zoo", max_ram=320 * 2**10, max_flash=2**20, runtime="tinyengine").to_dict()["pick"]
    kept = {each["name"]: each["ram_bytes"] for each in found["kept"]}
    for name, printed in (("mcunet_in0", 49), ("mcunet_in1", 96), ("mcunet_in2", 215), ("mcunet_in3", 260)):
        assert round(kept[name] / 2**10) == printed
    assert "mcunet_in4" not in kept and "vgg16" not in kept
    assert found["unknown"]["ram"] == found["unknown"]["flash"] > 10


def test_the_runtime_stands_beside_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    app(["pick", "--max-ram", "320KiB", "--runtime", "tflm", "--dtype", "float32"], standalone_mode=False)
    out = capsys.readouterr().out
    assert "RAM (KiB)" in out and "flash (KiB)" in out
    assert (
        "RAM and flash are of tflm, float32, one image: the arena and what lies beside it, weights as they are stored.\n"
        in out
    )
    with pytest.raises(UsageError, match="RAM is that of a runtime\n  name it: --runtime tflm"):
        app(["pick", "--max-ram", "320KiB"], standalone_mode=False)


def test_how_sure_a_predicted_time_keeps_its_limit(tmp_path: Path) -> None:
    """Against the predictions of the same networks one by one: RTX 4090, whose profile saw larger images."""
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    alone = [cnncost.latency(f"{path}:own_{width}", on="rtx-4090") for width in (8, 16)]
    times = [each.to_dict()["models"][0]["predicted"] for each in alone]
    limit = (times[0]["high_ms"] + times[1]["high_ms"]) / 2e3  # above one upper end, below the other
    answer = cnncost.pick(str(path), on="rtx-4090", max_latency=limit)
    how: dict[str, Any] = {"on": "rtx-4090", "batch": 64, "layout": "nhwc", "launch": "graph"}
    apart = cnncost.pick(str(path), **how).to_dict()["pick"]["kept"][1]
    search = cnncost.search(str(path), ["width=16"], **how).to_dict()["search"]["front"][0]
    (model,) = cnncost.latency(f"{path}:own_16", **how).to_dict()["models"]
    assert (apart["name"], apart["latency_ms"]) == ("own_16", model["predicted"]["latency_ms"])
    assert 1e3 * search["latency"] == pytest.approx(apart["latency_ms"])
    kept = {each["name"]: each for each in answer.to_dict()["pick"]["kept"]}
    for width, time in zip((8, 16), times, strict=True):
        for key in ("latency_ms", "low_ms", "high_ms", "calibrated", "warnings"):
            assert kept[f"own_{width}"][key] == time[key]
    longer = sum(time["high_ms"] > 1e3 * limit for time in times)
    assert f"Of {longer} that keep it the 90% interval goes beyond --max-latency" in str(answer)
    assert "Of 2 something is outside of what was calibrated, or does not fit" in str(answer)


def test_accuracies_are_of_floats() -> None:
    answer = cnncost.pick(max_ram=320 * 1024, max_flash=2**20, runtime="tflm")
    assert "Accuracies are as they were published, of floats: in int8 a network may lose some." in str(answer)


def test_an_interrupted_choice_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at the second network: the first is not predicted again, and the answer is that of one go."""
    from cnncost.choosing import candidates as room

    path, journal = tmp_path / "own.yaml", tmp_path / "pick.journal"
    path.write_text(OWN)
    asked: dict[str, Any] = {"on": "rtx-4090", "max_latency": 1.0, "max_peak": 1e9, "batch": 64}
    expected = cnncost.pick(str(path), **asked).to_dict()["pick"]
    predict, seen = room.timed, []

    def timed(graph: Any, on: str, run: Any) -> Any:
        seen.append(graph.name)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return predict(graph, on, run)

    monkeypatch.setattr(room, "timed", timed)
    with pytest.raises(KeyboardInterrupt):
        cnncost.pick(str(path), **asked, resume=journal)
    assert cnncost.pick(str(path), **asked, resume=journal).to_dict()["pick"] == expected
    assert seen == ["own_8", "own_16", "own_16"]
    limit = {**asked, "max_latency": expected["kept"][0]["latency_ms"] / 1e3}
    cnncost.pick(str(path), **limit, resume=journal)  # other limits, the same quantities
    assert len(seen) == 3
    with pytest.raises(UsageError, match="is the journal of another pick\n"):
        cnncost.pick(str(path), **{**asked, "batch": 8}, resume=journal)
    for line in ('{"candidate": "own_8@3x32x32", "found": {}}', "[]", '{"candidate": 1, "found": {"a": 1}}'):
        damaged = tmp_path / "damaged.journal"
        damaged.write_text(f"{journal.read_text().splitlines()[0]}\n{line}\n")
        with pytest.raises(
            UsageError, match=r"damaged.journal:2: a line of the journal is damaged\n  remove"
        ):
            cnncost.pick(str(path), **asked, resume=damaged)


def test_a_spec_has_tasks_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace("top1: 50.0,", "top1: 50.0, dataset: Visual Wake Words,"))
    kept = cnncost.pick(str(path), task="visualwakewords").to_dict()["pick"]["kept"]
    assert [(each["name"], each["top1"]) for each in kept] == [("own_8", 50.0), ("own_16", None)]
    with pytest.raises(UsageError, match="unknown task 'visualwakewords'"):
        cnncost.pick("zoo", task="visualwakewords")
